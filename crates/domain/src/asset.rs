//! Assets: one photo or video each, and what people say of them.

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

/// How far the moving part of a live photo has come since its bytes were committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotionState {
    /// Stored; its hash is not proved yet.
    Processing,
    /// What is stored has the declared SHA-256.
    Verified,
    /// What is stored could not be proved to have it. Kept, marked, and never taken for a safe copy.
    Damaged,
}

impl MotionState {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Verified => "verified",
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
            "verified" => Ok(Self::Verified),
            "damaged" => Ok(Self::Damaged),
            _ => Err(Invalid::new("motion", "processing, verified or damaged")),
        }
    }
}

/// What somebody wrote about an asset: 1 to 5,000 characters on any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    const MOST: usize = 5_000;

    /// Trims and checks. `None` for a text of nothing, which is no description.
    ///
    /// # Errors
    /// When longer than 5,000 characters, or with control characters other than tabs and line breaks.
    pub fn new(text: &str) -> Result<Option<Self>, Invalid> {
        let text = text.trim();
        let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().count() > Self::MOST || text.chars().any(strange) {
            let advice = "write at most 5,000 characters, none of them control characters but tabs and line breaks";
            return Err(Invalid::new("description", advice));
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A place on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    latitude: f64,
    longitude: f64,
    altitude: Option<f64>,
}

impl Place {
    /// Degrees north and east, and metres above the sea when known.
    ///
    /// # Errors
    /// For what lies nowhere on Earth.
    pub fn new(latitude: f64, longitude: f64, altitude: Option<f64>) -> Result<Self, Invalid> {
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Err(Invalid::new("place", "a latitude is from -90 to 90 degrees, a longitude from -180 to 180"));
        }
        if altitude.is_some_and(|metres| !(-100_000.0..=100_000.0).contains(&metres)) {
            return Err(Invalid::new("place", "an altitude is in metres above the sea, from -100000 to 100000"));
        }
        Ok(Self { latitude, longitude, altitude })
    }

    /// Degrees north.
    #[must_use]
    pub const fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    #[must_use]
    pub const fn longitude(&self) -> f64 {
        self.longitude
    }

    /// Metres above the sea, when known.
    #[must_use]
    pub const fn altitude(&self) -> Option<f64> {
        self.altitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_lines_and_an_end() {
        let text = |text: &str| Description::new(text).map(|it| it.map(|it| it.as_str().to_owned()));
        assert_eq!(text(" 바다\n\tand sky \n"), Ok(Some("바다\n\tand sky".to_owned())));
        assert_eq!(text(" \n"), Ok(None));
        assert!(text(&"가".repeat(5_000)).is_ok());
        assert!(text(&"가".repeat(5_001)).is_err());
        assert!(text("a\u{0}b").is_err());
    }

    #[test]
    fn places_are_on_earth() {
        assert!(Place::new(90.0, -180.0, Some(8_849.0)).is_ok());
        for (latitude, longitude, altitude) in
            [(90.1, 0.0, None), (0.0, 180.1, None), (f64::NAN, 0.0, None), (0.0, 0.0, Some(f64::INFINITY))]
        {
            assert!(Place::new(latitude, longitude, altitude).is_err(), "{latitude} {longitude} {altitude:?}");
        }
    }

    #[test]
    fn words_round_trip() {
        for state in [MotionState::Processing, MotionState::Verified, MotionState::Damaged] {
            assert_eq!(MotionState::parse(state.as_str()), Ok(state));
        }
        assert!(MotionState::parse("ready").is_err());
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
