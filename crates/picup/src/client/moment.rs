//! A file's modification time as the API takes it: with the offset that held at this machine's place at that time.
//!
//! A camera card copied at home yields a photo's wall time that way, when the photo itself tells none.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// RFC 3339 text for seconds since 1970 and nanoseconds; `Z` when the zone is unknown (RFC 3339 as RFC 9557 reads it), and
/// nothing for a time that no file was changed at, such as 1970 itself.
pub(super) fn rfc3339((seconds, nanoseconds): (i64, i64), zone: Option<&TimeZone>) -> Option<String> {
    let moment =
        Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok().filter(|moment| moment.as_second() > 0)?;
    match zone {
        Some(zone) => {
            let local = moment.to_zoned(zone.clone());
            (local.year() <= 9999).then(|| local.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string())
        }
        None => Some(moment.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;

    use super::*;

    #[test]
    fn the_offset_of_the_place_is_kept() {
        let zone = TimeZone::fixed(offset(2));
        let text = rfc3339((1_717_171_445, 250_000_000), Some(&zone)).unwrap();
        assert_eq!(text, "2024-05-31T18:04:05.25+02:00");
        assert_eq!(rfc3339((1_717_171_445, 0), Some(&zone)).unwrap(), "2024-05-31T18:04:05+02:00");
        assert_eq!(rfc3339((1_717_171_445, 0), None).unwrap(), "2024-05-31T16:04:05Z");
    }

    #[test]
    fn times_that_mean_nothing_are_left_out() {
        for nothing in [(0, 0), (-1, 0), (i64::MAX, 0), (i64::MIN, 0)] {
            assert_eq!(rfc3339(nothing, None), None);
        }
    }
}
