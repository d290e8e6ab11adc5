//! What a file says about itself: size, time and place of capture, camera, duration. Called by the child, whose parent
//! clamps the answer again, since a file's words and a child's words are equally unproven. Facts never decide how bytes
//! are decoded, with one exception: the orientation.

pub(crate) mod exif;
pub(crate) mod quicktime;
mod raw_profile;

use jiff::civil;
use serde::{Deserialize, Serialize};

/// The longest text kept of any field, in characters; what cameras write is far shorter.
const TEXT_LIMIT: usize = 128;

/// What is known of one original. Everything is optional: a file may say nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Width in pixels as shown, that is after the orientation is applied.
    pub width: Option<u32>,
    /// Height in pixels as shown, that is after the orientation is applied.
    pub height: Option<u32>,
    /// Length of a video in milliseconds.
    pub duration_ms: Option<u64>,
    /// When it was taken.
    pub captured: Option<Captured>,
    /// How the stored pixels must be turned to be shown; already applied to every rendition.
    pub orientation: Orientation,
    /// Maker of the camera, trimmed.
    pub camera_make: Option<String>,
    /// Model of the camera, trimmed.
    pub camera_model: Option<String>,
    /// Model of the lens, trimmed.
    pub lens: Option<String>,
    /// Aperture as an f-number (2.8 for f/2.8), above zero.
    pub f_number: Option<f64>,
    /// Exposure time in seconds, above zero.
    pub exposure_time: Option<f64>,
    /// Sensitivity as ISO speed, above zero.
    pub iso: Option<u32>,
    /// Focal length in millimetres, above zero.
    pub focal_length: Option<f64>,
    /// Degrees north, -90 to 90. Set only together with the longitude.
    pub latitude: Option<f64>,
    /// Degrees east, -180 to 180. Set only together with the latitude.
    pub longitude: Option<f64>,
    /// Metres above sea level.
    pub altitude: Option<f64>,
}

/// A time of capture: what a clock on the wall showed, and how far that clock was from UTC if the file says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// Date and time on the wall. Where the file has only an instant (GPS, most videos), this is UTC and the offset is 0.
    pub local: civil::DateTime,
    /// Minutes east of UTC, -900 to 900; `None` if the file does not say.
    pub offset_minutes: Option<i16>,
    /// Where in the file it was found.
    pub source: CaptureSource,
}

/// Which part of the file a time of capture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureSource {
    /// EXIF DateTimeOriginal, or DateTimeDigitized where that is missing.
    Exif,
    /// The satellite clock in EXIF, used where the camera's own clock says nothing.
    Gps,
    /// A video's creation date.
    Quicktime,
}

/// The eight values of EXIF Orientation (CIPA DC-008, 4.6.5.1.6): what to do to the stored pixels before showing them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// 1: nothing.
    #[default]
    Upright,
    /// 2: swap left and right.
    FlipHorizontal,
    /// 3: turn by half.
    Rotate180,
    /// 4: swap top and bottom.
    FlipVertical,
    /// 5: swap rows and columns.
    Transpose,
    /// 6: a quarter turn clockwise.
    Rotate90,
    /// 7: swap rows and columns along the other diagonal.
    Transverse,
    /// 8: a quarter turn anticlockwise.
    Rotate270,
}

impl Orientation {
    /// From the number EXIF stores; anything out of 1 to 8 counts as upright.
    pub fn from_exif(value: u32) -> Orientation {
        match value {
            2 => Orientation::FlipHorizontal,
            3 => Orientation::Rotate180,
            4 => Orientation::FlipVertical,
            5 => Orientation::Transpose,
            6 => Orientation::Rotate90,
            7 => Orientation::Transverse,
            8 => Orientation::Rotate270,
            _ => Orientation::Upright,
        }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Orientation::Transpose | Orientation::Rotate90 | Orientation::Transverse | Orientation::Rotate270
        )
    }
}

impl Facts {
    /// Sets the size from that of the stored pixels, turned as the orientation says.
    pub(crate) fn set_stored_size(&mut self, width: u32, height: u32) {
        let (width, height) = if self.orientation.swaps_sides() { (height, width) } else { (width, height) };
        self.width = Some(width);
        self.height = Some(height);
    }

    /// The same facts with everything out of its documented range removed. Applied by the parent to what a child says.
    pub(crate) fn bounded(mut self) -> Facts {
        for text in [&mut self.camera_make, &mut self.camera_model, &mut self.lens] {
            *text = text.take().and_then(|text| clean(text.as_bytes()));
        }
        for number in [&mut self.f_number, &mut self.exposure_time, &mut self.focal_length] {
            *number = number.filter(|number| number.is_finite() && *number > 0.0);
        }
        self.iso = self.iso.filter(|iso| *iso > 0);
        self.altitude = self.altitude.filter(|metres| metres.is_finite());
        if let Some(captured) = &mut self.captured {
            captured.offset_minutes = captured.offset_minutes.and_then(offset);
        }
        let place = place(self.latitude, self.longitude);
        self.latitude = place.map(|place| place.0);
        self.longitude = place.map(|place| place.1);
        self
    }
}

/// A latitude and longitude on Earth, or nothing. Exactly 0, 0 is what devices write that do not know where they are.
fn place(latitude: Option<f64>, longitude: Option<f64>) -> Option<(f64, f64)> {
    let (latitude, longitude) = latitude.zip(longitude)?;
    let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    (on_earth && (latitude, longitude) != (0.0, 0.0)).then_some((latitude, longitude))
}

/// A UTC offset that may exist. Clocks on Earth stand between -12:00 and +14:00; an hour more is allowed on either side.
fn offset(minutes: i16) -> Option<i16> {
    (-900..=900).contains(&minutes).then_some(minutes)
}

/// Text as people would type it: no NULs or other control characters, no blanks around it, not too long, not empty.
fn clean(bytes: &[u8]) -> Option<String> {
    let until_nul = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(until_nul);
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text: String = text.trim().chars().take(TEXT_LIMIT).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_out_of_range_are_dropped_and_the_rest_kept() {
        let facts = Facts {
            camera_make: Some(" Make\u{7}r \0 hidden".into()),
            lens: Some("x".repeat(1000)),
            f_number: Some(f64::INFINITY),
            exposure_time: Some(0.01),
            iso: Some(0),
            latitude: Some(91.0),
            longitude: Some(10.0),
            captured: Some(Captured {
                local: civil::date(2020, 1, 2).at(3, 4, 5, 0),
                offset_minutes: Some(5000),
                source: CaptureSource::Exif,
            }),
            ..Facts::default()
        }
        .bounded();
        assert_eq!(facts.camera_make.as_deref(), Some("Maker"));
        assert_eq!(facts.lens.map(|lens| lens.len()), Some(TEXT_LIMIT));
        assert_eq!((facts.f_number, facts.exposure_time, facts.iso), (None, Some(0.01), None));
        assert_eq!((facts.latitude, facts.longitude), (None, None));
        assert_eq!(facts.captured.and_then(|captured| captured.offset_minutes), None);
    }

    #[test]
    fn zero_zero_is_nowhere() {
        assert_eq!(place(Some(0.0), Some(0.0)), None);
        assert_eq!(place(Some(0.0), Some(6.5)), Some((0.0, 6.5)));
        assert_eq!(place(Some(f64::NAN), Some(6.5)), None);
    }
}
