//! Keys that people cannot tell apart.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::Plan;

impl Plan {
    /// Pairs of keys that are the same text to the eye, and to every system
    /// that composes accents (NFC: Unicode Standard Annex #15), but not to S3.
    /// Names are carried as they are; which of the two a link means is anyone's
    /// guess.
    #[must_use]
    pub fn lookalikes(&self) -> Vec<(&str, &str)> {
        let nfc = ComposingNormalizerBorrowed::new_nfc();
        let keys = self.puts.iter().map(|put| put.file.key.as_str());
        let mut composed: Vec<_> = keys
            .filter(|key| !key.is_ascii())
            .map(|key| (nfc.normalize(key), key))
            .collect();
        composed.sort_unstable();
        composed
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0)
            .map(|pair| (pair[0].1, pair[1].1))
            .collect()
    }
}
