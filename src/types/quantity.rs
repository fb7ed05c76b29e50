//! Sizes and times, as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Invalid;

/// A number of bytes, read from and printed as `8MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// So many mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }

    /// So many gibibytes.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self::mib(count * 1024)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", bytesize::ByteSize(self.0).display().iec())
    }
}

impl FromStr for Bytes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse::<bytesize::ByteSize>() {
            Ok(size) => Ok(Self(size.0)),
            Err(_) => Err(Invalid::new("is not a size").hint("write it as 8MiB, 500KB or 1GiB")),
        }
    }
}

/// Reads a time as `90s`, `15m` or `1h 30m`.
pub fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    humantime::parse_duration(text).map_err(|_| {
        let invalid = Invalid::new("is not a time");
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return invalid.hint(format!("add a unit: {text}s means {text} seconds"));
        }
        invalid.hint("write it as 90s, 15m or 1h")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print_as_people_write_them() {
        assert_eq!("8MiB".parse::<Bytes>().unwrap(), Bytes::mib(8));
        assert_eq!("8 MiB".parse::<Bytes>().unwrap(), Bytes::mib(8));
        assert_eq!("5GB".parse::<Bytes>().unwrap(), Bytes(5_000_000_000));
        assert_eq!(Bytes::mib(8).to_string(), "8.0 MiB");
        assert!("8 apples".parse::<Bytes>().is_err());
        assert!("-1".parse::<Bytes>().is_err());
    }

    #[test]
    fn a_time_without_a_unit_is_asked_for_one() {
        assert_eq!(parse_duration("15m").unwrap(), Duration::from_mins(15));
        let invalid = parse_duration("3600").unwrap_err();
        assert!(invalid.hint.unwrap().contains("3600s"));
    }
}
