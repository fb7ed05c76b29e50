//! What `--help` prints, from the table of variables.

use std::fmt::Write as _;

use crate::error::ExitCode;
use crate::vars::{self, Group, Unset};

/// The whole text.
#[must_use]
pub fn text() -> String {
    let mut text = format!(
        "docferry {}\n{}.\n\n\
         Usage: docferry [upload | plan | --help | --version]\n\n\
         Everything else is said by environment variables. Empty means unset.\n",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_DESCRIPTION"),
    );
    for group in Group::ALL {
        write!(text, "\n{}\n", group.title()).unwrap_or_default();
        for var in vars::ALL.iter().filter(|var| var.group == group) {
            write!(
                text,
                "  {}{}\n      {}.\n",
                var.name,
                default(var.default),
                var.doc
            )
            .unwrap_or_default();
        }
    }
    text.push_str("\nExit codes\n");
    for code in ExitCode::ALL {
        writeln!(text, "  {:>3}  {}", code.number(), code.meaning()).unwrap_or_default();
    }
    text
}

fn default(default: Unset) -> String {
    match default {
        Unset::None => String::new(),
        Unset::Required => "  (required)".to_owned(),
        Unset::Value(text) | Unset::Derived(text) => format!("  [default: {text}]"),
    }
}
