//! Owns the request context: the condition keys and their values.
//!
//! Key names are case-insensitive (IAM User Guide, "IAM JSON policy elements:
//! Condition"); an absent key and an empty one are different things.

use std::collections::HashMap;

/// The condition keys of one request.
#[derive(Debug, Clone, Default)]
pub struct Context {
    values: HashMap<String, Vec<String>>,
}

impl Context {
    /// A context without any key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a single-valued key.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values
            .insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    /// Sets a single-valued key if there is a value.
    pub fn set_some(&mut self, key: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Sets a multivalued key.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) {
        self.values.insert(key.to_ascii_lowercase(), values);
    }

    /// Adds all keys of another context; theirs win.
    pub fn extend(&mut self, other: &Self) {
        for (key, values) in &other.values {
            self.values.insert(key.clone(), values.clone());
        }
    }

    /// The values of a key; `None` if the request does not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.values
            .get(&key.to_ascii_lowercase())
            .map(Vec::as_slice)
    }

    /// The value of a key that has exactly one.
    #[must_use]
    pub fn single(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            [only] => Some(only),
            [] | [_, ..] => None,
        }
    }
}
