//! PicUp's own notes: what `picup export` writes beside each file, and `picup import` reads back.
//!
//! `IMG_1234.JPG.picup.json` tells of `IMG_1234.JPG` what the file itself does not hold or what its owner changed. Fields
//! may be added; a reader leaves out what it does not know.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::facts::{Facts, InAlbum, Spot, Taken, description, file_name, title};

/// What the name of such a file ends in.
pub(in crate::client) const ENDING: &str = ".picup.json";
/// The one version there is.
pub(in crate::client) const VERSION: u32 = 1;
/// The source of a capture time that its owner gave.
const EDITED: &str = "edited";
/// As many albums are read; nobody puts a photo into more by hand.
const MOST_ALBUMS: usize = 1000;

/// The notes beside one exported file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::client) struct Sidecar {
    /// The version of this form; tells the file from other programs' JSON.
    pub(in crate::client) picup_sidecar: u32,
    /// The name it came with, which the file system may not have taken; an import gives it back.
    pub(in crate::client) file_name: String,
    /// The hash of the file.
    pub(in crate::client) sha256: String,
    /// When it was taken.
    pub(in crate::client) captured: SidecarTime,
    /// Where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::client) place: Option<SidecarPlace>,
    /// Whether its owner marked it.
    #[serde(default)]
    pub(in crate::client) favourite: bool,
    /// What its owner wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::client) description: Option<String>,
    /// The albums it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::client) albums: Vec<SidecarAlbum>,
    /// A live photo's moving part, in the same folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::client) motion: Option<SidecarMotion>,
}

/// A capture time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::client) struct SidecarTime {
    /// The time on the wall there, as `2024-05-31T18:04:05`, with a fraction of the second when there is one.
    pub(in crate::client) local: String,
    /// Minutes east of UTC, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::client) offset_minutes: Option<i16>,
    /// Where PicUp found it; `edited` when its owner said so.
    pub(in crate::client) source: String,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::client) struct SidecarPlace {
    /// Degrees north.
    pub(in crate::client) latitude: f64,
    /// Degrees east.
    pub(in crate::client) longitude: f64,
    /// Metres above the sea.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::client) altitude: Option<f64>,
}

/// That the photo is in an album.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::client) struct SidecarAlbum {
    /// The album's title.
    pub(in crate::client) title: String,
    /// Where in it, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::client) position: Option<u64>,
}

/// The moving part of a live photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::client) struct SidecarMotion {
    /// Its name in this folder.
    pub(in crate::client) file: String,
    /// The name it came with.
    pub(in crate::client) file_name: String,
    /// Its hash.
    pub(in crate::client) sha256: String,
}

/// Whether a file has the name of such notes.
pub(in crate::client) fn is_own(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().ends_with(ENDING))
}

/// Where the notes about a file are.
pub(in crate::client) fn beside(path: &Path) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(ENDING);
    whole.into()
}

/// What such notes tell; `None` when these are not PicUp's.
pub(in crate::client) fn parse(json: &serde_json::Value) -> Option<Sidecar> {
    json.get("picup_sidecar")?;
    Sidecar::deserialize(json).ok().filter(|sidecar| sidecar.picup_sidecar == VERSION)
}

impl Sidecar {
    /// In the words that all sources share.
    pub(in crate::client) fn facts(&self) -> Facts {
        let wall = self.captured.local.parse::<jiff::civil::DateTime>().ok().filter(|wall| wall.year() >= 1);
        let offset = self.captured.offset_minutes.filter(|minutes| minutes.unsigned_abs() < 24 * 60);
        let place = self.place.as_ref();
        let mut facts = Facts {
            file_name: file_name(&self.file_name),
            film_name: self.motion.as_ref().and_then(|motion| file_name(&motion.file_name)),
            taken: wall.map(|wall| Taken::Wall(wall, offset.map(|minutes| i32::from(minutes) * 60))),
            edited: wall.is_some() && self.captured.source == EDITED,
            spot: place.and_then(|place| Spot::new(place.latitude, place.longitude, place.altitude)),
            favourite: self.favourite,
            description: self.description.as_deref().and_then(description),
            ..Facts::default()
        };
        for album in self.albums.iter().take(MOST_ALBUMS) {
            if let Some(title) = title(&album.title) {
                facts.add_album(InAlbum { title, position: album.position });
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn sidecar() -> Sidecar {
        Sidecar {
            picup_sidecar: VERSION,
            file_name: "IMG_1.HEIC".to_owned(),
            sha256: "00".repeat(32),
            captured: SidecarTime {
                local: "2024-05-31T18:04:05".to_owned(),
                offset_minutes: Some(-90),
                source: "exif".to_owned(),
            },
            place: Some(SidecarPlace { latitude: 38.7, longitude: -9.1, altitude: None }),
            favourite: true,
            description: Some("At the sea".to_owned()),
            albums: vec![SidecarAlbum { title: "Lisbon".to_owned(), position: Some(3) }],
            motion: None,
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let json = serde_json::to_value(sidecar()).unwrap();
        assert_eq!(parse(&json).unwrap(), sidecar());
        let facts = sidecar().facts();
        assert_eq!(facts.taken.unwrap().rfc3339(None).unwrap(), "2024-05-31T18:04:05-01:30");
        assert_eq!(facts.albums, [InAlbum { title: "Lisbon".to_owned(), position: Some(3) }]);
        assert!(facts.favourite && !facts.edited);
        assert_eq!(facts.file_name.as_deref(), Some("IMG_1.HEIC"));
        assert!(parse(&serde_json::json!({"title": "x"})).is_none());
    }

    proptest! {
        #[test]
        fn no_text_in_it_is_too_odd(local: String, minutes: i16, text: String, latitude: f64, longitude: f64) {
            let mut sidecar = sidecar();
            sidecar.captured.local = local;
            sidecar.captured.offset_minutes = Some(minutes);
            sidecar.place = Some(SidecarPlace { latitude, longitude, altitude: Some(latitude) });
            sidecar.description = Some(text.clone());
            sidecar.albums[0].title = text;
            if let Some(taken) = sidecar.facts().taken {
                let _ = taken.rfc3339(None);
            }
        }
    }
}
