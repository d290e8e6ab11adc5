//! Assets: one photo or video each.

use crate::Invalid;

/// What kind of thing an asset is, decided by its bytes and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetKind {
    /// A still picture.
    Photo,
    /// A moving one.
    Video,
    /// Neither, or not known yet: kept and downloadable all the same.
    Other,
}

impl AssetKind {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Other => "other",
        }
    }

    /// The kind a stored word means.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "photo" => Ok(Self::Photo),
            "video" => Ok(Self::Video),
            "other" => Ok(Self::Other),
            _ => Err(Invalid::new("kind", "photo, video or other")),
        }
    }
}

/// How far an asset has come since its bytes were committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetState {
    /// The original is stored; its hash is not proved yet and there is nothing to show.
    Processing,
    /// The stored original has the declared SHA-256 and there are renditions to show.
    Ready,
    /// The stored original has the declared SHA-256, but no picture can be made from it. It is listed and downloadable.
    Unviewable,
    /// What is stored could not be proved to have the SHA-256 that was declared. Kept, marked, and never taken for a safe copy.
    Damaged,
}

impl AssetState {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Unviewable => "unviewable",
            Self::Damaged => "damaged",
        }
    }

    /// The state a stored word means.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "processing" => Ok(Self::Processing),
            "ready" => Ok(Self::Ready),
            "unviewable" => Ok(Self::Unviewable),
            "damaged" => Ok(Self::Damaged),
            _ => Err(Invalid::new("state", "processing, ready, unviewable or damaged")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for kind in [AssetKind::Photo, AssetKind::Video, AssetKind::Other] {
            assert_eq!(AssetKind::parse(kind.as_str()), Ok(kind));
        }
        for state in [AssetState::Processing, AssetState::Ready, AssetState::Unviewable, AssetState::Damaged] {
            assert_eq!(AssetState::parse(state.as_str()), Ok(state));
        }
        assert!(AssetKind::parse("Photo").is_err());
        assert!(AssetState::parse("").is_err());
    }
}
