//! Text that is never shown and is wiped when it is dropped.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A secret text. `Debug` shows that there is one and no more; reading it is [`Hidden::show`], so that it can be searched for.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: impl Into<Zeroizing<String>>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn show(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The values of one secret by their names. Numbers and the like are kept as their JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, Hidden>);

impl Values {
    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Hidden::show)
    }

    /// What there is.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A text is moved, not copied: what was read of it is wiped with it.
        let text = |value| match value {
            Value::String(text) => Hidden::from(text),
            other => Hidden::from(other.to_string()),
        };
        let read = Map::deserialize(deserializer)?;
        Ok(Self(read.into_iter().map(|(name, value)| (name, text(value))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let values: Values = serde_json::from_str(r#"{"password":"tulip","port":3306,"more":{"a":"rose"}}"#).unwrap();
        let shown = format!("{values:?} {:#?} {:?}", values, Hidden::from("tulip".to_owned()));
        assert!(shown.contains("password") && shown.contains("(hidden)"), "{shown}");
        for secret in ["tulip", "3306", "rose"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(values.get("password"), Some("tulip"));
        assert_eq!(values.get("port"), Some("3306"));
        assert_eq!(values.get("more"), Some(r#"{"a":"rose"}"#));
        assert_eq!(values.names().collect::<Vec<_>>(), ["more", "password", "port"]);
    }
}
