//! Why a value was refused.

/// The reason why a value is not of its type, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Invalid {
    /// What is wrong, as the end of the sentence "this value …".
    pub reason: String,
    /// What to write instead, where that can be said.
    pub hint: Option<String>,
}

impl Invalid {
    /// A refusal that speaks for itself.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
