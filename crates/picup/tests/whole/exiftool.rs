//! What exiftool, which photographers trust, says of a folder of photographs.

use std::path::Path;

use serde::Deserialize;
use tokio::process::Command;

/// What it says of one file. Numbers as stored (`-n`), EXIF's own fields only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Said {
    pub(crate) source_file: String,
    date_time_original: Option<String>,
    create_date: Option<String>,
    offset_time_original: Option<String>,
    offset_time_digitized: Option<String>,
    offset_time: Option<String>,
    orientation: Option<u32>,
}

/// When a photograph was taken: the time on the wall as PicUp writes it, and minutes east of UTC if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) local: String,
    pub(crate) offset_minutes: Option<i16>,
}

/// Asks it about every file of a folder at once.
pub(crate) async fn ask(folder: &Path) -> Vec<Said> {
    let output = Command::new("exiftool")
        .args(["-json", "-n", "-EXIF:DateTimeOriginal", "-EXIF:CreateDate", "-EXIF:OffsetTimeOriginal"])
        .args(["-EXIF:OffsetTimeDigitized", "-EXIF:OffsetTime", "-IFD0:Orientation"])
        .arg(folder)
        .output()
        .await
        .expect("exiftool is installed; scripts/system-packages does it");
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Said {
    /// The rule: EXIF's DateTimeOriginal, or its CreateDate (the standard's DateTimeDigitized) where that is missing or no
    /// date of any calendar; at the offset given for that field, or else the file's OffsetTime.
    pub(crate) fn taken(&self) -> Option<Taken> {
        let original =
            self.date_time_original.as_deref().and_then(wall).map(|local| (local, &self.offset_time_original));
        let digitized = || self.create_date.as_deref().and_then(wall).map(|local| (local, &self.offset_time_digitized));
        let (local, offset) = original.or_else(digitized)?;
        let offset_minutes = offset.as_ref().or(self.offset_time.as_ref()).and_then(|text| minutes(text));
        Some(Taken { local, offset_minutes })
    }

    /// Whether the stored pixels are turned by a quarter.
    pub(crate) fn turned(&self) -> bool {
        matches!(self.orientation, Some(5..=8))
    }
}

/// `2024:05:31 18:04:05` as `2024-05-31T18:04:05`; nothing for what is no moment of any calendar.
fn wall(text: &str) -> Option<String> {
    let text = text.get(..19)?;
    let moment: jiff::civil::DateTime = format!("{}T{}", text[..10].replace(':', "-"), &text[11..]).parse().ok()?;
    (moment.year() > 0).then(|| moment.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// `+02:00` as 120.
fn minutes(text: &str) -> Option<i16> {
    let (hours, rest) = text.trim().split_once(':')?;
    let sign = if hours.starts_with('-') { -1 } else { 1 };
    Some(hours.parse::<i16>().ok()? * 60 + sign * rest.parse::<i16>().ok()?)
}

#[test]
fn times_are_read_as_exif_writes_them() {
    assert_eq!(wall("2024:05:31 18:04:05").as_deref(), Some("2024-05-31T18:04:05"));
    assert_eq!((wall("0000:00:00 00:00:00"), wall("2024:13:01 00:00:00"), wall("")), (None, None, None));
    assert_eq!((minutes("+02:00"), minutes("-03:30"), minutes("Z")), (Some(120), Some(-210), None));
}
