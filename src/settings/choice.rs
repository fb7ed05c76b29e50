//! Settings that are one word out of a few.

use std::fmt;
use std::str::FromStr;

use crate::types::Invalid;

/// Declares an enum whose variants are written as the given words.
macro_rules! choice {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                $(if text.eq_ignore_ascii_case($word) { return Ok(Self::$variant); })+
                Err(none_of(&[$($word),+]))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
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
    /// What the destination shall look like in the end.
    pub Mode {
        /// It has all files of the source, which are all sent.
        Copy = "copy",
        /// The same, and what is unchanged is not sent.
        Sync = "sync",
        /// The same, and what is not in the source is deleted.
        Mirror = "mirror",
    }
}

choice! {
    /// How docferry finds out what is unchanged.
    pub Compare {
        /// By the manifest, and else by what S3 tells.
        Auto = "auto",
        /// By the manifest alone.
        Manifest = "manifest",
        /// By entity tags alone.
        ETag = "etag",
        /// By sizes alone.
        Size = "size",
        /// Not at all: everything is sent.
        Always = "always",
    }
}

choice! {
    /// What two runs to one destination do about each other.
    pub Lock {
        /// Nothing, until the later one finds that it was overtaken.
        Off = "off",
        /// The second one waits for the first.
        Wait = "wait",
        /// The second one fails at once.
        Fail = "fail",
    }
}

choice! {
    /// What becomes of symbolic links.
    #[derive(Default)]
    pub Symlinks {
        #[default]
        /// They are followed while they lead to what is inside the source.
        Inside = "inside",
        /// They are left behind.
        Skip = "skip",
        /// They are an error.
        Refuse = "refuse",
    }
}

choice! {
    /// A way to compress, by its name as a content coding.
    pub Compression {
        /// gzip (RFC 1952).
        Gzip = "gzip",
        /// Brotli (RFC 7932).
        Brotli = "br",
        /// Zstandard (RFC 8878).
        Zstd = "zstd",
        /// None, for files that a later line would compress.
        Off = "none",
    }
}

choice! {
    /// How S3 encrypts what it keeps ("Protecting data with server-side
    /// encryption", Amazon S3 User Guide).
    pub(super) Encryption {
        /// With a key of S3's own.
        S3 = "AES256",
        /// With a key in KMS.
        Kms = "aws:kms",
        /// Twice, with a key in KMS.
        KmsDsse = "aws:kms:dsse",
    }
}

choice! {
    /// What the failure of one object means for the others.
    pub OnError {
        /// They are carried all the same.
        Continue = "continue",
        /// Nothing more is begun.
        Stop = "stop",
    }
}

choice! {
    /// A canned ACL ("Access control list (ACL) overview", Amazon S3 User
    /// Guide).
    pub(super) Acl {
        /// The owner has full control, and nobody else anything.
        Private = "private",
        /// Everyone may read.
        PublicRead = "public-read",
        /// Everyone may read and write.
        PublicReadWrite = "public-read-write",
        /// EC2 may read an image from here.
        AwsExecRead = "aws-exec-read",
        /// Everyone with an AWS account may read.
        AuthenticatedRead = "authenticated-read",
        /// The bucket's owner may read.
        BucketOwnerRead = "bucket-owner-read",
        /// The bucket's owner has full control.
        BucketOwnerFullControl = "bucket-owner-full-control",
    }
}

choice! {
    /// Where S3 keeps an object ("Understanding and managing Amazon S3 storage
    /// classes", Amazon S3 User Guide).
    pub(super) StorageClass {
        /// For what is read often.
        Standard = "STANDARD",
        /// An old class, for what can be made anew.
        ReducedRedundancy = "REDUCED_REDUNDANCY",
        /// For what is read seldom.
        StandardIa = "STANDARD_IA",
        /// The same, in one zone.
        OnezoneIa = "ONEZONE_IA",
        /// S3 moves it by itself.
        IntelligentTiering = "INTELLIGENT_TIERING",
        /// For archives that are read at once.
        GlacierIr = "GLACIER_IR",
        /// For archives that are restored first.
        Glacier = "GLACIER",
        /// For archives that hardly anybody reads.
        DeepArchive = "DEEP_ARCHIVE",
    }
}

choice! {
    /// Who may shorten a lock.
    pub(super) LockMode {
        /// Those with a permission for it.
        Governance = "GOVERNANCE",
        /// Nobody.
        Compliance = "COMPLIANCE",
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
