//! Facts of a video, from what ffprobe prints about it as JSON: QuickTime and MPEG-4 metadata above all, and what other
//! containers offer under the same names. Called by the child with ffprobe's output, which echoes the hostile file's own
//! words: anything missing, malformed or of the wrong type is passed over, never an error.

use std::collections::BTreeMap;

use jiff::{
    civil,
    fmt::temporal::{Pieces, PiecesOffset},
};
use serde::Deserialize;
use serde_json::Value;

use super::{CaptureSource, Captured, Facts, Orientation, clean, offset, place};

/// Names under which makers store their name, model and place. Apple's keys are from its QuickTime File Format guide.
const MAKE_TAGS: [&str; 3] = ["com.apple.quicktime.make", "make", "com.android.manufacturer"];
const MODEL_TAGS: [&str; 3] = ["com.apple.quicktime.model", "model", "com.android.model"];
const PLACE_TAGS: [&str; 3] = ["com.apple.quicktime.location.iso6709", "location", "location-eng"];

/// What is asked of ffprobe: `-show_format -show_streams`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Probe {
    format: Container,
    streams: Vec<Stream>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    duration: Value,
    tags: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    codec_type: Value,
    width: Value,
    height: Value,
    sample_aspect_ratio: Value,
    duration: Value,
    disposition: BTreeMap<String, Value>,
    tags: BTreeMap<String, Value>,
    side_data_list: Vec<BTreeMap<String, Value>>,
}

impl Probe {
    /// The stream that holds the video's picture, not a cover picture beside sound.
    fn picture(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| {
            stream.codec_type == "video" && stream.disposition.get("attached_pic").is_none_or(|value| value != 1)
        })
    }

    /// The video's facts; `None` if it has no moving picture at all.
    pub(crate) fn facts(&self) -> Option<Facts> {
        let picture = self.picture()?;
        let place = self.tag(&PLACE_TAGS).and_then(iso6709);
        let mut facts = Facts {
            duration_ms: milliseconds(&self.format.duration).or_else(|| milliseconds(&picture.duration)),
            captured: self.captured(),
            orientation: picture.orientation(),
            camera_make: self.tag(&MAKE_TAGS).and_then(|text| clean(text.as_bytes())),
            camera_model: self.tag(&MODEL_TAGS).and_then(|text| clean(text.as_bytes())),
            latitude: place.map(|place| place.0),
            longitude: place.map(|place| place.1),
            altitude: place.and_then(|place| place.2),
            ..Facts::default()
        };
        if let Some((width, height)) = picture.shown_size() {
            facts.set_stored_size(width, height);
        }
        Some(facts)
    }

    fn tag(&self, names: &[&str]) -> Option<&str> {
        let streams = self.streams.iter().map(|stream| &stream.tags);
        let mut all = std::iter::once(&self.format.tags).chain(streams).flatten();
        all.find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name))).and_then(|(_, text)| text.as_str())
    }

    /// Apple's creation date has the wall time and its offset. The movie header's creation_time is an instant in UTC;
    /// 1904-01-01 (QuickTime's zero) and 1970-01-01 (everyone else's) mean that nobody set it.
    fn captured(&self) -> Option<Captured> {
        [&["com.apple.quicktime.creationdate"][..], &["creation_time"]]
            .iter()
            .filter_map(|names| self.tag(names).and_then(time_with_offset))
            .find(|captured| {
                captured.local.date() != civil::date(1904, 1, 1) && captured.local.date() != civil::date(1970, 1, 1)
            })
    }
}

impl Stream {
    fn orientation(&self) -> Orientation {
        let of_matrix = self.side_data_list.iter().find_map(|data| data.get("rotation")).and_then(Value::as_f64);
        // The display matrix counts anticlockwise, the older tag clockwise.
        let of_tag = || self.tags.get("rotate").and_then(Value::as_str).and_then(|text| text.parse::<f64>().ok());
        let clockwise = of_matrix.map(|degrees| -degrees).or_else(of_tag).unwrap_or(0.0);
        match clockwise.rem_euclid(360.0).round() as i64 {
            90 => Orientation::Rotate90,
            180 => Orientation::Rotate180,
            270 => Orientation::Rotate270,
            _ => Orientation::Upright,
        }
    }

    /// Pixels as shown before rotation: wide by the sample aspect ratio where samples are not square.
    fn shown_size(&self) -> Option<(u32, u32)> {
        let side = |value: &Value| value.as_u64().and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
        let (width, height) = (side(&self.width)?, side(&self.height)?);
        let ratio = self.sample_aspect_ratio.as_str().and_then(|text| {
            let (across, down) = text.split_once(':')?;
            Some((across.parse::<u32>().ok()?, down.parse::<u32>().ok()?))
        });
        let shown = match ratio {
            Some((across @ 1.., down @ 1..)) => (f64::from(width) * f64::from(across) / f64::from(down)).round(),
            _ => f64::from(width),
        };
        Some((if (1.0..=65_535.0).contains(&shown) { shown as u32 } else { width }, height))
    }
}

fn milliseconds(value: &Value) -> Option<u64> {
    let seconds: f64 = value.as_str()?.parse().ok()?;
    let year = 366.0 * 86_400.0;
    (0.0..year).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

fn time_with_offset(text: &str) -> Option<Captured> {
    let pieces = Pieces::parse(text.trim()).ok()?;
    let seconds = match pieces.offset()? {
        PiecesOffset::Zulu => 0,
        PiecesOffset::Numeric(numeric) => numeric.offset().seconds(),
        _ => return None,
    };
    Some(Captured {
        local: pieces.date().to_datetime(pieces.time()?),
        offset_minutes: i16::try_from(seconds / 60).ok().and_then(offset),
        source: CaptureSource::Quicktime,
    })
}

/// `+37.5665+126.9780+038.2/`: ISO 6709 annex H in its decimal-degree form, the only one phones write.
fn iso6709(text: &str) -> Option<(f64, f64, Option<f64>)> {
    let numbers = text.trim().trim_end_matches('/');
    let starts: Vec<usize> = numbers.match_indices(['+', '-']).map(|(at, _)| at).collect();
    let part = |n: usize| {
        let start = *starts.get(n)?;
        let end = starts.get(n + 1).copied().unwrap_or(numbers.len());
        numbers[start..end].parse::<f64>().ok()
    };
    let (latitude, longitude) = place(part(0), part(1))?;
    Some((latitude, longitude, part(2).filter(|metres| metres.is_finite())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(json: &str) -> Option<Facts> {
        serde_json::from_str::<Probe>(json).unwrap().facts()
    }

    #[test]
    fn a_phone_video() {
        let facts = facts(
            r#"{"streams":[
                {"codec_type":"audio","codec_name":"aac"},
                {"codec_type":"video","codec_name":"hevc","width":1920,"height":1080,"sample_aspect_ratio":"1:1",
                 "side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]}],
              "format":{"duration":"12.345","tags":{
                "creation_time":"2023-05-01T03:34:56.000000Z",
                "com.apple.quicktime.creationdate":"2023-05-01T12:34:56+0900",
                "com.apple.quicktime.make":"Apple","com.apple.quicktime.model":"iPhone 13",
                "com.apple.quicktime.location.ISO6709":"+37.5665+126.9780+038.204/"}}}"#,
        )
        .unwrap();
        assert_eq!((facts.width, facts.height), (Some(1080), Some(1920)));
        assert_eq!(facts.orientation, Orientation::Rotate90);
        assert_eq!(facts.duration_ms, Some(12_345));
        let captured = facts.captured.unwrap();
        assert_eq!(captured.local, civil::date(2023, 5, 1).at(12, 34, 56, 0));
        assert_eq!(captured.offset_minutes, Some(540));
        assert_eq!((facts.latitude, facts.longitude, facts.altitude), (Some(37.5665), Some(126.978), Some(38.204)));
        assert_eq!(facts.camera_model.as_deref(), Some("iPhone 13"));
    }

    #[test]
    fn unset_dates_are_no_dates() {
        for unset in ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000000Z", "yesterday", "2023-05-01T03:34:56"]
        {
            let json = format!(
                r#"{{"streams":[{{"codec_type":"video","width":720,"height":576,"sample_aspect_ratio":"16:15"}}],
                    "format":{{"tags":{{"creation_time":"{unset}"}}}}}}"#
            );
            let facts = facts(&json).unwrap();
            assert_eq!(facts.captured, None, "{unset}");
            assert_eq!((facts.width, facts.height), (Some(768), Some(576)));
        }
    }

    #[test]
    fn sound_with_a_cover_is_no_video() {
        let cover = r#"{"streams":[{"codec_type":"video","width":9,"height":9,"disposition":{"attached_pic":1}}]}"#;
        assert_eq!(facts(cover), None);
        assert_eq!(facts("{}"), None);
    }

    proptest! {
        #[test]
        fn no_place_makes_it_panic(text in "[+\\-0-9./A-Zé]{0,40}") {
            if let Some((latitude, longitude, _)) = iso6709(&text) {
                prop_assert!(latitude.abs() <= 90.0 && longitude.abs() <= 180.0);
            }
            let _ = time_with_offset(&text);
        }
    }
}
