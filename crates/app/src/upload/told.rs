//! What a client tells of a file beside its bytes: from another program's notes, say. Written down with the upload, and
//! applied when its bytes count. What the bytes tell themselves counts more, but for the time that its owner had given it.

use picup_domain::{CaptureSource, CaptureTime, Description, Invalid, Place, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// When it was taken, and the offset in minutes east of UTC that held there, when known.
    pub captured: Option<(Timestamp, Option<i16>)>,
    /// Whether that time is its owner's own word, which counts more than what the bytes tell.
    pub edited: bool,
    /// Where it was taken.
    pub place: Option<Place>,
    /// Whether its owner likes it best.
    pub favourite: bool,
    /// What is written about it.
    pub description: Option<Description>,
}

/// How it is stored: times in microseconds.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset_minutes: Option<i16>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    edited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    altitude: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    favourite: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl Told {
    /// The capture time that was told.
    pub(super) fn capture(&self) -> Option<Result<CaptureTime, Invalid>> {
        let source = if self.edited { CaptureSource::Edited } else { CaptureSource::Sidecar };
        self.captured.map(|(at, offset)| CaptureTime::from_moment(at, offset, source))
    }

    /// The text it is kept as; `None` when nothing was told.
    pub(super) fn to_stored(&self) -> Result<Option<String>, Error> {
        if *self == Self::default() {
            return Ok(None);
        }
        let stored = Stored {
            captured_at: self.captured.map(|(at, _)| at.micros()),
            offset_minutes: self.captured.and_then(|(_, offset)| offset),
            edited: self.edited,
            latitude: self.place.map(|place| place.latitude()),
            longitude: self.place.map(|place| place.longitude()),
            altitude: self.place.and_then(|place| place.altitude()),
            favourite: self.favourite,
            description: self.description.as_ref().map(|text| text.as_str().to_owned()),
        };
        let text = serde_json::to_string(&stored);
        text.map(Some).map_err(|error| Error::Internal(format!("writing what a client told: {error}")))
    }

    /// What a text that was kept says. What of it cannot be read is no reason to keep the bytes from counting.
    pub(super) fn from_stored(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        let stored: Stored = serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::error!(%error, "what a client told beside a file cannot be read and is left out");
            Stored::default()
        });
        let place = stored.latitude.zip(stored.longitude);
        Self {
            captured: stored.captured_at.map(|at| (Timestamp::from_micros(at), stored.offset_minutes)),
            edited: stored.edited,
            place: place.and_then(|(north, east)| Place::new(north, east, stored.altitude).ok()),
            favourite: stored.favourite,
            description: stored.description.and_then(|text| Description::new(&text).ok().flatten()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_reads_back() {
        let told = Told {
            captured: Some((Timestamp::from_micros(-5), Some(-540))),
            edited: true,
            place: Some(Place::new(-33.25, 126.5, Some(-1.5)).unwrap()),
            favourite: true,
            description: Description::new("바다 \"and\"\nsky").unwrap(),
        };
        for told in [told, Told { favourite: true, ..Told::default() }, Told::default()] {
            assert_eq!(Told::from_stored(told.to_stored().unwrap().as_deref()), told);
        }
        assert_eq!(Told::default().to_stored().unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for text in ["", "[]", r#"{"favourite":1}"#, r#"{"latitude":95.0,"longitude":1.0}"#, r#"{"latitude":1.0}"#] {
            assert_eq!(Told::from_stored(Some(text)), Told::default(), "{text}");
        }
    }
}
