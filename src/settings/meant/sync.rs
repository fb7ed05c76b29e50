//! What is sent at all, in which order, and what is deleted.

use std::str::FromStr;

use super::{RawSettings, Reader, default_of};
use crate::globs::{Globs, items};
use crate::plan::Order;
use crate::settings::{MaxDelete, SyncSettings};
use crate::types::{Invalid, Secret};

pub(super) fn sync(read: &mut Reader, raw: &RawSettings) -> Option<SyncSettings> {
    let mode = read.with_default("DOCFERRY_MODE", raw.mode.as_deref());
    let compare = read.with_default("DOCFERRY_COMPARE", raw.compare.as_deref());
    let keep = raw.keep.as_deref().unwrap_or_default();
    let keep = read.value("DOCFERRY_KEEP", keep, Globs::from_str);
    let most = raw.max_delete.as_deref();
    let most = most.unwrap_or(default_of("DOCFERRY_MAX_DELETE"));
    let max_delete = read.value("DOCFERRY_MAX_DELETE", most, max_delete);
    let lock = read.with_default("DOCFERRY_LOCK", raw.lock.as_deref());
    let manifest_key = raw.manifest_key.clone().map(Secret::new);
    Some(SyncSettings {
        mode: mode?,
        compare: compare?,
        keep: keep?,
        max_delete: max_delete?,
        lock: lock?,
        manifest_key,
    })
}

pub(super) fn order(read: &mut Reader, raw: &RawSettings) -> Option<Order> {
    let order = raw.order.as_deref();
    let order = order.unwrap_or(default_of("DOCFERRY_ORDER"));
    read.value("DOCFERRY_ORDER", order, Order::parse)
}

/// A share, a number, or both.
fn max_delete(text: &str) -> Result<MaxDelete, Invalid> {
    const SHAPE: &str = "write it as 20%, as 500, as both (20%, 500), or as `none` for no limit";
    let mut most = MaxDelete {
        percent: None,
        number: None,
    };
    if text.eq_ignore_ascii_case("none") {
        return Ok(most);
    }
    for item in items(text) {
        match item.strip_suffix('%').map(str::trim_end) {
            Some(percent) => {
                let percent = percent.parse().ok().filter(|percent| *percent <= 100);
                let percent = percent.ok_or_else(|| {
                    Invalid::new("has a share that is not 0% to 100%").hint(SHAPE)
                })?;
                most.percent = Some(most.percent.map_or(percent, |other: u8| other.min(percent)));
            }
            None => {
                let number = item.replace('_', "").parse();
                let number = number
                    .map_err(|_| Invalid::new("is neither a number nor a share").hint(SHAPE))?;
                most.number = Some(most.number.map_or(number, |other: usize| other.min(number)));
            }
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_share_or_a_number_or_both() {
        let most = |percent, number| MaxDelete { percent, number };
        for (text, expected) in [
            ("50%, 1000", most(Some(50), Some(1000))),
            ("0", most(None, Some(0))),
            ("20 %", most(Some(20), None)),
            ("1_000", most(None, Some(1000))),
            ("10%,20%", most(Some(10), None)),
            ("none", most(None, None)),
        ] {
            assert_eq!(max_delete(text).unwrap(), expected, "{text}");
        }
        for bad in ["101%", "-1", "half", "%", "1.5"] {
            assert!(max_delete(bad).is_err(), "{bad}");
        }
    }
}
