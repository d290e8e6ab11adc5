//! Albums: named selections of assets.

use crate::Invalid;
use crate::text::one_line;

/// An album's title: 1 to 200 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumTitle(String);

impl AlbumTitle {
    /// Trims and checks.
    ///
    /// # Errors
    /// When empty, longer than 200 characters, or with control characters.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        one_line("title", text, 200).map(Self)
    }

    /// The title.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        assert_eq!(AlbumTitle::new("  제주 2024 ").unwrap().as_str(), "제주 2024");
        assert!(AlbumTitle::new(" ").is_err());
        assert!(AlbumTitle::new("a\u{0}b").is_err());
        assert!(AlbumTitle::new(&"가".repeat(201)).is_err());
        assert!(AlbumTitle::new(&"가".repeat(200)).is_ok());
    }
}
