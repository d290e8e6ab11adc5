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

/// What somebody may do with an album. Each may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlbumRole {
    /// Looks at it and downloads from it.
    Viewer,
    /// Adds assets of their own, and takes those out again.
    Contributor,
    /// Changes everything about it but its owner: title, cover, order, whose assets whatever, its members and its share links.
    Manager,
    /// Whose it is. One account, never a member.
    Owner,
}

impl AlbumRole {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// The role that a member can be given by that word.
    ///
    /// # Errors
    /// For any other word: nobody becomes the owner.
    pub fn of_member(word: &str) -> Result<Self, Invalid> {
        match word {
            "viewer" => Ok(Self::Viewer),
            "contributor" => Ok(Self::Contributor),
            "manager" => Ok(Self::Manager),
            _ => Err(Invalid::new("role", "either viewer, contributor or manager")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_hold_those_before_them() {
        assert!(AlbumRole::Viewer < AlbumRole::Contributor && AlbumRole::Manager < AlbumRole::Owner);
        for role in [AlbumRole::Viewer, AlbumRole::Contributor, AlbumRole::Manager] {
            assert_eq!(AlbumRole::of_member(role.as_str()).unwrap(), role);
        }
        assert!(AlbumRole::of_member("owner").is_err());
    }

    #[test]
    fn titles() {
        assert_eq!(AlbumTitle::new("  제주 2024 ").unwrap().as_str(), "제주 2024");
        assert!(AlbumTitle::new(" ").is_err());
        assert!(AlbumTitle::new("a\u{0}b").is_err());
        assert!(AlbumTitle::new(&"가".repeat(201)).is_err());
        assert!(AlbumTitle::new(&"가".repeat(200)).is_ok());
    }
}
