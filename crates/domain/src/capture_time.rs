//! When a photo was taken: the moment, and the time on the wall where it was taken.
//!
//! People look for "that evening in Lisbon", so days and the order within them follow the *wall* time. The offset is kept
//! beside it when the camera knew it, and then the moment is exact too.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use crate::{Invalid, Timestamp};

/// Where a capture time was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureSource {
    /// EXIF `DateTimeOriginal` or its kin.
    Exif,
    /// The GPS receiver's clock (UTC).
    Gps,
    /// A QuickTime or Matroska container's own date.
    Container,
    /// Another program's notes beside the file, such as a Google Takeout's.
    Sidecar,
    /// The file's modification time, as the uploader told it.
    File,
    /// Nothing better than the moment of the upload.
    Upload,
    /// Its owner said so, which counts more than anything a file says.
    Edited,
}

impl CaptureSource {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exif => "exif",
            Self::Gps => "gps",
            Self::Container => "container",
            Self::Sidecar => "sidecar",
            Self::File => "file",
            Self::Upload => "upload",
            Self::Edited => "edited",
        }
    }

    /// The source a stored word means.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "exif" => Ok(Self::Exif),
            "gps" => Ok(Self::Gps),
            "container" => Ok(Self::Container),
            "sidecar" => Ok(Self::Sidecar),
            "file" => Ok(Self::File),
            "upload" => Ok(Self::Upload),
            "edited" => Ok(Self::Edited),
            _ => Err(Invalid::new("capture_source", "exif, gps, container, sidecar, file, upload or edited")),
        }
    }
}

/// A capture time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureTime {
    /// The moment; when the offset is unknown, the wall time read as if it were UTC.
    pub at: Timestamp,
    /// The time on the wall, as microseconds of a clock that shows UTC.
    pub local: Timestamp,
    /// Minutes east of UTC, −1439 to 1439, when known.
    pub offset_minutes: Option<i16>,
    /// Where it was found.
    pub source: CaptureSource,
}

impl CaptureTime {
    /// From a wall time and, when known, its offset in minutes east of UTC. An impossible offset counts as unknown.
    ///
    /// # Errors
    /// For years outside 1 to 9999, which no camera means.
    pub fn from_wall(wall: DateTime, offset_minutes: Option<i16>, source: CaptureSource) -> Result<Self, Invalid> {
        let outside = |_| Invalid::new("captured_at", "the year is out of range");
        if wall.year() < 1 {
            return Err(Invalid::new("captured_at", "the year is out of range"));
        }
        let local = wall.to_zoned(TimeZone::UTC).map_err(outside)?.timestamp().as_microsecond();
        let offset_minutes = offset_minutes.filter(|minutes| minutes.unsigned_abs() < 24 * 60);
        let shift = i64::from(offset_minutes.unwrap_or(0)) * 60_000_000;
        Ok(Self {
            at: Timestamp::from_micros(local - shift),
            local: Timestamp::from_micros(local),
            offset_minutes,
            source,
        })
    }

    /// From a moment and, when known, the offset in minutes that held where it was taken.
    ///
    /// # Errors
    /// For years outside 1 to 9999.
    pub fn from_moment(at: Timestamp, offset_minutes: Option<i16>, source: CaptureSource) -> Result<Self, Invalid> {
        let outside = |_| Invalid::new("captured_at", "the year is out of range");
        let offset_minutes = offset_minutes.filter(|minutes| minutes.unsigned_abs() < 24 * 60);
        let offset = Offset::from_seconds(i32::from(offset_minutes.unwrap_or(0)) * 60).map_err(outside)?;
        let moment = jiff::Timestamp::from_microsecond(at.micros()).map_err(outside)?;
        Self::from_wall(offset.to_datetime(moment), offset_minutes, source)
    }

    /// What its owner says: a wall time written `2024-05-31T18:04:05` and, when known, the offset there in minutes east of UTC.
    ///
    /// # Errors
    /// For another spelling, a time that no clock shows, and offsets of a day or more.
    pub fn edited(local: &str, offset_minutes: Option<i16>) -> Result<Self, Invalid> {
        let unreadable =
            || Invalid::new("captured.local", "write a time as 2024-05-31T18:04:05, from the year 1 to 9999");
        if offset_minutes.is_some_and(|minutes| minutes.unsigned_abs() >= 24 * 60) {
            return Err(Invalid::new("captured.offset_minutes", "give the minutes east of UTC, from -1439 to 1439"));
        }
        let wall: DateTime = local.parse().map_err(|_| unreadable())?;
        // The parser knows more spellings, and would leave out what it has no use for: an offset behind the time, say.
        if wall.strftime("%Y-%m-%dT%H:%M:%S").to_string() != local {
            return Err(unreadable());
        }
        let time = Self::from_wall(wall, offset_minutes, CaptureSource::Edited).map_err(|_| unreadable())?;
        // On the last days of 9999 the moment may lie beyond what can be written down.
        jiff::Timestamp::from_microsecond(time.at.micros()).map_err(|_| unreadable())?;
        Ok(time)
    }

    /// The day on the wall.
    #[must_use]
    pub fn day(&self) -> LocalDay {
        LocalDay::on_the_wall(self.local)
    }
}

/// A day of the calendar on the wall, written `2024-05-31`; what the timeline is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDay(Date);

impl LocalDay {
    /// The earliest day there is: 1 January of the year 1.
    pub const FIRST: Self = Self(jiff::civil::date(1, 1, 1));

    /// The day of a time on the wall.
    #[must_use]
    pub fn on_the_wall(local: Timestamp) -> Self {
        let wall = jiff::Timestamp::from_microsecond(local.micros()).unwrap_or_default();
        Self(Offset::UTC.to_datetime(wall).date())
    }

    /// The first microsecond of this day on the wall, and of the day after it.
    #[must_use]
    pub fn bounds(self) -> (Timestamp, Timestamp) {
        // Counted on the calendar, because the last days of 9999 lie beyond what a time library calls a moment.
        let midnight = self.0.duration_since(jiff::civil::date(1970, 1, 1)).as_secs() * 1_000_000;
        (Timestamp::from_micros(midnight), Timestamp::from_micros(midnight + 86_400_000_000))
    }

    /// The number a database stores: 20240531, which sorts as the days do and can be read by a person.
    #[must_use]
    pub fn as_number(self) -> i32 {
        i32::from(self.0.year()) * 10_000 + i32::from(self.0.month()) * 100 + i32::from(self.0.day())
    }

    /// The day back from the number a database stores.
    ///
    /// # Errors
    /// When it names no day.
    pub fn from_number(number: i32) -> Result<Self, Invalid> {
        let part = |value: i32| i8::try_from(value).unwrap_or(0);
        let year = i16::try_from(number / 10_000).unwrap_or(0);
        Date::new(year, part(number / 100 % 100), part(number % 100))
            .ok()
            .filter(|date| date.year() >= 1 && number > 0)
            .map(Self)
            .ok_or_else(|| Invalid::new("day", format!("{number} is not a day")))
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LocalDay {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("day", "write a day as 2024-05-31");
        let date: Date = text.parse().map_err(|_| invalid())?;
        // The parser knows more spellings than ours; one spelling per day keeps addresses and cursors comparable.
        if date.to_string() == text && date.year() >= 1 { Ok(Self(date)) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_day_is_the_day_on_the_wall() {
        let wall = date(2024, 5, 31).at(23, 30, 0, 0);
        let known = CaptureTime::from_wall(wall, Some(-7 * 60), CaptureSource::Exif).unwrap();
        assert_eq!(known.day().to_string(), "2024-05-31");
        assert_eq!(known.at.micros() - known.local.micros(), 7 * 3_600_000_000);
        let unknown = CaptureTime::from_wall(wall, None, CaptureSource::Exif).unwrap();
        assert_eq!(unknown.at, unknown.local);
        let again = CaptureTime::from_moment(known.at, Some(-7 * 60), CaptureSource::Exif).unwrap();
        assert_eq!(again, known);
    }

    #[test]
    fn impossible_offsets_count_as_unknown() {
        let wall = date(2024, 5, 31).at(12, 0, 0, 0);
        for minutes in [i16::MIN, -24 * 60, 24 * 60, i16::MAX] {
            let time = CaptureTime::from_wall(wall, Some(minutes), CaptureSource::Exif).unwrap();
            assert_eq!(time.offset_minutes, None);
            assert_eq!(CaptureTime::from_moment(time.at, Some(minutes), CaptureSource::Exif), Ok(time));
        }
        assert!(CaptureTime::from_moment(Timestamp::from_micros(i64::MAX), None, CaptureSource::File).is_err());
    }

    #[test]
    fn an_owner_says_a_time_that_can_be() {
        let time = CaptureTime::edited("2024-02-29T23:59:59", Some(-570)).unwrap();
        assert_eq!((time.day().to_string().as_str(), time.source), ("2024-02-29", CaptureSource::Edited));
        assert_eq!((time.at.micros() - time.local.micros(), time.offset_minutes), (570 * 60_000_000, Some(-570)));
        assert!(CaptureTime::edited("0001-01-01T00:00:00", None).is_ok());
        assert!(CaptureTime::edited("9999-12-30T21:59:59", Some(1439)).is_ok());
        assert!(CaptureTime::edited("9999-12-30T21:59:59", Some(-1439)).is_err());
        for bad in [
            "",
            "yesterday",
            "2024-05-31",
            "2024-05-31T18:04",
            "2024-05-31 18:04:05",
            "2024-05-31T18:04:05Z",
            "2024-05-31T18:04:05+02:00",
            "2024-05-31T18:04:05.5",
            "2023-02-29T12:00:00",
            "2024-13-01T12:00:00",
            "2024-05-31T24:00:00",
            "2024-05-31T18:04:60",
            "0000-01-01T00:00:00",
            "-0001-01-01T00:00:00",
            "10000-01-01T00:00:00",
            "2024-05-31T18:04:05[Europe/Berlin]",
        ] {
            assert_eq!(CaptureTime::edited(bad, None).unwrap_err().field, "captured.local", "{bad}");
        }
        for bad in [1440, -1440, i16::MIN, i16::MAX] {
            assert_eq!(
                CaptureTime::edited("2024-05-31T18:04:05", Some(bad)).unwrap_err().field,
                "captured.offset_minutes"
            );
        }
    }

    #[test]
    fn bounds_enclose_exactly_the_moments_of_the_day() {
        for (text, micros) in
            [("1970-01-01", 0), ("2024-02-29", 1_709_164_800_000_000), ("0001-01-01", -62_135_596_800_000_000)]
        {
            let day: LocalDay = text.parse().unwrap();
            let (first, after) = day.bounds();
            assert_eq!(first.micros(), micros);
            let on = |at: i64| CaptureTime::from_moment(Timestamp::from_micros(at), None, CaptureSource::File).unwrap();
            assert_eq!(on(first.micros()).day(), day);
            assert_eq!(on(after.micros() - 1).day(), day);
            assert_ne!(on(after.micros()).day(), day);
        }
        let last: LocalDay = "9999-12-31".parse().unwrap();
        assert_eq!(last.bounds().0.micros(), 253_402_214_400_000_000);
    }

    proptest! {
        #[test]
        fn days_round_trip(year in 1i16..=9999, month in 1i8..=12, day in 1i8..=28) {
            let day = LocalDay(date(year, month, day));
            prop_assert_eq!(LocalDay::from_number(day.as_number()), Ok(day));
            prop_assert_eq!(day.to_string().parse(), Ok(day));
        }

        #[test]
        fn numbers_and_texts_never_panic(number: i32, text in ".*") {
            let _ = LocalDay::from_number(number);
            let _ = text.parse::<LocalDay>();
        }

        #[test]
        fn moments_never_panic(at: i64, offset: Option<i16>) {
            if let Ok(time) = CaptureTime::from_moment(Timestamp::from_micros(at), offset, CaptureSource::File) {
                let _ = time.day();
            }
        }
    }
}
