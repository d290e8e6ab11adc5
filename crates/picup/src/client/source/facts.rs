//! What another program's notes tell of a photo, in the words of PicUp's API.
//!
//! Notes are outside bytes: every reader of them is bounded, and what makes no sense is left out rather than refused.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// As many characters as the API takes of a description.
const DESCRIPTION_CHARACTERS: usize = 5000;
/// As many characters as an album's title may have.
const TITLE_CHARACTERS: usize = 200;

/// When a photo was taken, as far as its notes know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Taken {
    /// The moment, in seconds since 1970, without the offset of the place.
    Moment(i64),
    /// The time on the wall there, and its offset in seconds east of UTC when known.
    Wall(civil::DateTime, Option<i32>),
}

/// A place on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::client) struct Spot {
    /// Degrees north.
    pub(in crate::client) latitude: f64,
    /// Degrees east.
    pub(in crate::client) longitude: f64,
    /// Metres above the sea.
    pub(in crate::client) altitude: Option<f64>,
}

/// That a photo is in an album.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) struct InAlbum {
    /// The album's title.
    pub(in crate::client) title: String,
    /// Where in the album, from 0, when the notes know.
    pub(in crate::client) position: Option<u64>,
}

/// What notes tell of one photo.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::client) struct Facts {
    /// The name it had once, when its file could not keep it.
    pub(in crate::client) file_name: Option<String>,
    /// The same of its moving part.
    pub(in crate::client) film_name: Option<String>,
    /// When it was taken.
    pub(in crate::client) taken: Option<Taken>,
    /// Whether its owner said so, against what the file says.
    pub(in crate::client) edited: bool,
    /// Where it was taken.
    pub(in crate::client) spot: Option<Spot>,
    /// Whether its owner marked it.
    pub(in crate::client) favourite: bool,
    /// What its owner wrote about it.
    pub(in crate::client) description: Option<String>,
    /// The albums it is in.
    pub(in crate::client) albums: Vec<InAlbum>,
    /// Whether it lay in the other program's trash.
    pub(in crate::client) trashed: bool,
}

impl Facts {
    /// Takes from `other` what is not known yet.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.file_name = self.file_name.or(other.file_name);
        self.film_name = self.film_name.or(other.film_name);
        if self.taken.is_none() {
            (self.taken, self.edited) = (other.taken, other.edited);
        }
        self.spot = self.spot.or(other.spot);
        self.favourite |= other.favourite;
        self.description = self.description.or(other.description);
        self.trashed |= other.trashed;
        for album in other.albums {
            self.add_album(album);
        }
        self
    }

    /// Puts it into an album, once.
    pub(super) fn add_album(&mut self, album: InAlbum) {
        if !self.albums.iter().any(|known| known.title == album.title) {
            self.albums.push(album);
        }
    }
}

impl Taken {
    /// The text for the API: RFC 3339 with the offset of the place when it is known, or that of `zone` for a moment. `Z` says
    /// that the offset is unknown (RFC 9557).
    pub(in crate::client) fn rfc3339(self, zone: Option<&TimeZone>) -> Option<String> {
        match self {
            Self::Moment(seconds) => {
                let moment = Timestamp::new(seconds, 0).ok()?;
                let Some(zone) = zone else { return within(moment.to_zoned(TimeZone::UTC).datetime(), "Z") };
                let local = moment.to_zoned(zone.clone());
                within(local.datetime(), &local.strftime("%:z").to_string())
            }
            Self::Wall(wall, offset) => match offset {
                Some(seconds) => {
                    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
                    within(wall, &format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
                }
                None => within(wall, "Z"),
            },
        }
    }

    /// Reads a date as XMP writes them (ISO 8601): at least the day, at most fractions of seconds and the offset.
    pub(super) fn from_iso(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > 64 {
            return None;
        }
        let wall = |text: &str| {
            text.parse::<civil::DateTime>().ok().or_else(|| Some(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0)))
        };
        let (clock, offset) = match text.strip_suffix(['Z', 'z']) {
            // `Z` may mean UTC or that nobody knows: a camera's wall time is worth more than a wrong offset.
            Some(clock) => (clock, None),
            None => match text.rfind(['+', '-']).filter(|at| text[..*at].contains(['T', ' '])) {
                Some(at) => (&text[..at], Some(offset(&text[at..])?)),
                None => (text, None),
            },
        };
        wall(clock).filter(|wall| wall.year() >= 1).map(|wall| Self::Wall(wall, offset))
    }
}

fn within(wall: civil::DateTime, offset: &str) -> Option<String> {
    (1..=9999).contains(&wall.year()).then(|| format!("{}{offset}", wall.strftime("%Y-%m-%dT%H:%M:%S%.f")))
}

/// Seconds of `+02:00`, `-0330` or `+02`.
fn offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = match digits.len() {
        2 => (digits.parse().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

impl Spot {
    /// A place, unless it is none: outside the Earth, not a number, or the 0,0 that programs write for "unknown".
    pub(super) fn new(latitude: f64, longitude: f64, altitude: Option<f64>) -> Option<Self> {
        let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        if !on_earth || (latitude == 0.0 && longitude == 0.0) {
            return None;
        }
        // From below the deepest trench to where no aeroplane flies.
        let altitude = altitude.filter(|metres| (-12_000.0..=100_000.0).contains(metres));
        Some(Self { latitude, longitude, altitude })
    }
}

/// A description that the API takes, or none when there is nothing in it.
pub(super) fn description(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(DESCRIPTION_CHARACTERS).collect())
}

/// A file's name that the API takes as it is, or none.
pub(super) fn file_name(text: &str) -> Option<String> {
    picup_domain::FileName::new(text).ok().filter(|name| name.as_str() == text).map(|name| name.as_str().to_owned())
}

/// An album's title that the API takes, or none when there is nothing in it.
pub(super) fn title(text: &str) -> Option<String> {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(TITLE_CHARACTERS).collect::<String>().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset as fixed;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_get_the_offset_of_the_machine_and_walls_keep_their_own() {
        let zone = TimeZone::fixed(fixed(2));
        assert_eq!(Taken::Moment(1_717_171_445).rfc3339(Some(&zone)).unwrap(), "2024-05-31T18:04:05+02:00");
        assert_eq!(Taken::Moment(1_717_171_445).rfc3339(None).unwrap(), "2024-05-31T16:04:05Z");
        assert_eq!(Taken::Moment(-315_619_200).rfc3339(None).unwrap(), "1960-01-01T00:00:00Z");
        for (text, told) in [
            ("2024-05-31T18:04:05+02:00", "2024-05-31T18:04:05+02:00"),
            ("2024-05-31T18:04:05.25-03:30", "2024-05-31T18:04:05.25-03:30"),
            ("2024-05-31T18:04:05", "2024-05-31T18:04:05Z"),
            ("2024-05-31T18:04", "2024-05-31T18:04:00Z"),
            ("2024-05-31", "2024-05-31T00:00:00Z"),
            ("2024-05-31T18:04:05Z", "2024-05-31T18:04:05Z"),
        ] {
            assert_eq!(Taken::from_iso(text).unwrap().rfc3339(Some(&zone)).unwrap(), told, "{text}");
        }
        for nothing in ["", "2024", "soon", "2024-13-01", "2024-05-31T18:04:05+99:00", "0000-01-01"] {
            assert_eq!(Taken::from_iso(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn nowhere_is_no_place() {
        assert_eq!(Spot::new(0.0, 0.0, None), None);
        assert_eq!(Spot::new(f64::NAN, 1.0, None), None);
        assert_eq!(Spot::new(91.0, 1.0, None), None);
        assert_eq!(Spot::new(0.0, 1.0, Some(1e9)).unwrap().altitude, None);
    }

    #[test]
    fn texts_are_cut_to_what_the_api_takes() {
        assert_eq!(description(" \n"), None);
        assert_eq!(description(&"ü".repeat(6000)).unwrap().chars().count(), 5000);
        assert_eq!(title("A\nB "), Some("A B".to_owned()));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text: String, seconds: i64) {
            if let Some(taken) = Taken::from_iso(&text) {
                prop_assert!(taken.rfc3339(None).is_some());
            }
            let _ = Taken::Moment(seconds).rfc3339(None);
            let _ = (description(&text), title(&text));
        }
    }
}
