//! Whom a media token is for.

use std::fmt;
use std::str::FromStr;

/// The name that tokens are made for and that a verifier goes by, so that one made for somebody else opens nothing: 1 to 64 letters,
/// digits, `-`, `_`, `.`, `:` or `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience(String);

/// The text is no [`Audience`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an audience is 1 to 64 letters, digits, - _ . : or /")]
pub struct AudienceError;

impl Audience {
    /// As it stands in a token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Audience {
    /// `picup-media`: not that of the tokens which open the API.
    fn default() -> Self {
        Self("picup-media".to_owned())
    }
}

impl FromStr for Audience {
    type Err = AudienceError;

    fn from_str(text: &str) -> Result<Self, AudienceError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AudienceError)
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_a_plain_word() {
        for fine in ["picup-media", "https://photos.example/media", &"x".repeat(64)] {
            assert_eq!(fine.parse::<Audience>().unwrap().as_str(), fine);
        }
        for wrong in ["", "a b", "a\"b", "a\\b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(wrong.parse::<Audience>(), Err(AudienceError), "{wrong:?}");
        }
        assert_eq!(Audience::default().to_string().parse(), Ok(Audience::default()));
    }
}
