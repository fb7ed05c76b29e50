//! Settings that are one word out of a few.

use std::str::FromStr;

use crate::types::Invalid;

/// Declares an enum whose variants are written as the given words.
macro_rules! choice {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                $(if text.eq_ignore_ascii_case($word) { return Ok(Self::$variant); })+
                Err(none_of(&[$($word),+]))
            }
        }
    };
}

fn none_of(words: &[&str]) -> Invalid {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    Invalid::new("is not one of its words").hint(format!("use one of {}", words.join(", ")))
}

choice! {
    /// What to do.
    pub Command {
        /// Upload the source.
        Upload = "upload",
        /// Show what an upload would do, and do nothing.
        Plan = "plan",
    }
}

choice! {
    /// Which checksum the server is asked to verify.
    pub ChecksumChoice {
        /// The first of the others that the server knows.
        Auto = "auto",
        /// CRC-64/NVME, the one that S3 recommends.
        Crc64Nvme = "crc64nvme",
        /// CRC-32C.
        Crc32C = "crc32c",
        /// `Content-MD5`, which every S3 server verifies (RFC 1864).
        Md5 = "md5",
    }
}

choice! {
    /// Whether the bucket's name stands in the path of a URL or in its host.
    pub PathStyle {
        /// In the path for endpoints that are not AWS's.
        Auto = "auto",
        /// In the path.
        Always = "true",
        /// In the host.
        Never = "false",
    }
}

choice! {
    /// How a plan is printed.
    pub PlanFormat {
        /// For people.
        Text = "text",
        /// For programs.
        Json = "json",
    }
}

choice! {
    /// How much is logged.
    pub LogLevel {
        /// Failures only.
        Error = "error",
        /// What may be wrong, too.
        Warn = "warn",
        /// The course of the run, too.
        Info = "info",
        /// A line for each object, too.
        Debug = "debug",
    }
}

choice! {
    /// Whether the way begins with an OIDC token.
    pub(super) Oidc {
        /// With a token that is given, or that GitHub gives to a job that has
        /// no AWS credentials of its own.
        Auto = "auto",
        /// Yes.
        On = "on",
        /// No.
        Off = "off",
    }
}

choice! {
    /// A yes or no.
    pub(super) Switch {
        /// Yes.
        On = "true",
        /// No.
        Off = "false",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_word_lists_the_right_ones() {
        assert_eq!("Plan".parse::<Command>().unwrap(), Command::Plan);
        let invalid = "sync".parse::<Command>().unwrap_err();
        assert_eq!(invalid.hint.unwrap(), "use one of `upload`, `plan`");
    }
}
