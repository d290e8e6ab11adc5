//! One asset as an export needs it: small, since all of a library are held at once.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::DateTime;
use picup_api::wire;
use picup_domain::Sha256;
use uuid::Uuid;

use super::super::source::own::{Sidecar, SidecarAlbum, SidecarMotion, SidecarPlace, SidecarTime, VERSION};

/// A content that is to stand under a name.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// The name it came with.
    pub(super) file_name: String,
    /// Its size.
    pub(super) bytes: u64,
    /// Its hash.
    pub(super) sha256: Sha256,
    /// Where it is fetched.
    pub(super) original: String,
    /// Whether the server knows that it has it no more.
    pub(super) damaged: bool,
}

/// A photo or video with all that its notes tell.
#[derive(Debug)]
pub(super) struct Photo {
    /// The asset.
    pub(super) id: Uuid,
    /// Its file.
    pub(super) still: Content,
    /// A live photo's film.
    pub(super) film: Option<Content>,
    /// The time on the wall where it was taken.
    pub(super) wall: DateTime,
    /// The moment, as the file's time.
    pub(super) taken: SystemTime,
    captured: SidecarTime,
    place: Option<SidecarPlace>,
    favourite: bool,
    description: Option<String>,
    /// The albums it is in.
    pub(super) albums: Vec<SidecarAlbum>,
}

impl Photo {
    /// What the server has told, with the albums the asset is in; the reason when it makes no sense.
    pub(super) fn new(asset: wire::Asset, albums: Vec<SidecarAlbum>) -> Result<Self, String> {
        let hash = |text: &str| text.parse::<Sha256>().map_err(|_| format!("the server gives no hash but '{text}'"));
        let time = || format!("the server gives no time but '{}', '{}'", asset.captured.at, asset.captured.local);
        let at: Timestamp = asset.captured.at.parse().map_err(|_| time())?;
        let wall: DateTime = asset.captured.local.parse().map_err(|_| time())?;
        // The wall's fraction of the second is the moment's: offsets are whole minutes.
        let fraction = i32::try_from(at.as_nanosecond().rem_euclid(1_000_000_000)).map_err(|_| time())?;
        let wall = wall.with().subsec_nanosecond(fraction).build().map_err(|_| time())?;
        let film = asset.motion.map(|motion| {
            Ok::<_, String>(Content {
                sha256: hash(&motion.sha256)?,
                file_name: motion.file_name,
                bytes: motion.bytes,
                original: motion.original,
                damaged: motion.state == wire::MotionState::Damaged,
            })
        });
        Ok(Self {
            id: asset.id,
            still: Content {
                sha256: hash(&asset.sha256)?,
                file_name: asset.file_name,
                bytes: asset.bytes,
                original: asset.media.original,
                damaged: asset.state == wire::AssetState::Damaged,
            },
            film: film.transpose()?,
            wall,
            taken: system_time(at),
            captured: SidecarTime {
                local: wall.to_string(),
                offset_minutes: asset.captured.offset_minutes,
                source: asset.captured.source,
            },
            place: asset.place.map(|place| SidecarPlace {
                latitude: place.latitude,
                longitude: place.longitude,
                altitude: place.altitude,
            }),
            favourite: asset.favourite,
            description: asset.description,
            albums,
        })
    }

    /// The folder of its month.
    pub(super) fn month(&self) -> PathBuf {
        let (year, month) = (self.wall.year(), self.wall.month());
        PathBuf::from(format!("{year:04}")).join(format!("{year:04}-{month:02}"))
    }

    /// The notes that go beside its file, when its film has that name.
    pub(super) fn notes(&self, film: Option<&str>) -> Sidecar {
        let motion = |(content, file): (&Content, &str)| SidecarMotion {
            file: file.to_owned(),
            file_name: content.file_name.clone(),
            sha256: content.sha256.to_string(),
        };
        Sidecar {
            picup_sidecar: VERSION,
            file_name: self.still.file_name.clone(),
            sha256: self.still.sha256.to_string(),
            captured: self.captured.clone(),
            place: self.place.clone(),
            favourite: self.favourite,
            description: self.description.clone(),
            albums: self.albums.clone(),
            motion: self.film.as_ref().zip(film).map(motion),
        }
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    let micros = at.as_microsecond();
    let span = Duration::from_micros(micros.unsigned_abs());
    let time =
        if micros < 0 { SystemTime::UNIX_EPOCH.checked_sub(span) } else { SystemTime::UNIX_EPOCH.checked_add(span) };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::source::own;

    pub(in super::super) fn asset(number: u128, name: &str, content: &[u8]) -> wire::Asset {
        serde_json::from_value(serde_json::json!({
            "id": Uuid::from_u128(number), "kind": "photo", "state": "ready", "file_name": name,
            "bytes": content.len(), "sha256": Sha256::of(content).to_string(),
            "captured": {"at": "2024-05-31T16:04:05.25Z", "local": "2024-05-31T18:04:05", "offset_minutes": 120, "source": "exif"},
            "media": {"original": format!("/media/o/{number}/file/original.1.jpg")},
            "favourite": true, "description": "At the sea", "added_at": "2024-06-01T00:00:00Z",
            "place": {"latitude": 38.7, "longitude": -9.1}
        }))
        .unwrap()
    }

    #[test]
    fn the_notes_are_what_an_import_reads() {
        let mut asset = asset(1, "IMG_1.HEIC", b"x");
        asset.motion = Some(wire::Motion {
            file_name: "IMG_1.MOV".to_owned(),
            bytes: 2,
            sha256: Sha256::of(b"yy").to_string(),
            state: wire::MotionState::Verified,
            original: "/media/o/1/file/motion.1.mov".to_owned(),
        });
        let albums = vec![SidecarAlbum { title: "Lisbon".to_owned(), position: Some(3) }];
        let photo = Photo::new(asset, albums).unwrap();
        assert_eq!(photo.month(), PathBuf::from("2024/2024-05"));
        assert_eq!(photo.taken, SystemTime::UNIX_EPOCH + Duration::from_millis(1_717_171_445_250));
        let notes = photo.notes(Some("IMG_1 (2).MOV"));
        let facts = own::parse(&serde_json::to_value(&notes).unwrap()).unwrap().facts();
        assert_eq!(facts.taken.unwrap().rfc3339(None).unwrap(), "2024-05-31T18:04:05.25+02:00");
        assert_eq!((facts.favourite, facts.description.as_deref()), (true, Some("At the sea")));
        assert_eq!((facts.file_name.as_deref(), facts.film_name.as_deref()), (Some("IMG_1.HEIC"), Some("IMG_1.MOV")));
        assert_eq!(facts.albums[0].position, Some(3));
        assert_eq!(notes.motion.unwrap().file, "IMG_1 (2).MOV");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for spoil in [
            (|asset: &mut wire::Asset| asset.captured.local = "../..".to_owned()) as fn(&mut wire::Asset),
            |asset| asset.captured.at = "soon".to_owned(),
            |asset| asset.sha256 = "x".to_owned(),
        ] {
            let mut asset = asset(1, "a.jpg", b"x");
            spoil(&mut asset);
            assert!(Photo::new(asset, Vec::new()).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_facts_survive_the_way_through_the_notes(
            at in -62_000_000_000_000_000i64..253_000_000_000_000_000, offset in proptest::option::of(-840i16..840),
            description in proptest::option::of("\\PC{1,50}"), title in "[a-zA-Z0-9ü:/ ]{1,20}x", favourite: bool,
        ) {
            let moment = Timestamp::from_microsecond(at).unwrap();
            let minutes = offset.unwrap_or(0);
            let wall = jiff::tz::Offset::from_seconds(i32::from(minutes) * 60).unwrap().to_datetime(moment);
            let mut asset = asset(1, "a.jpg", b"x");
            asset.captured = wire::Captured {
                at: moment.to_string(),
                local: wall.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                offset_minutes: offset,
                source: "sidecar".to_owned(),
            };
            asset.description.clone_from(&description);
            asset.favourite = favourite;
            let photo = Photo::new(asset, vec![SidecarAlbum { title: title.clone(), position: Some(1) }]).unwrap();
            let facts = own::parse(&serde_json::to_value(photo.notes(None)).unwrap()).unwrap().facts();
            let told: String = facts.taken.unwrap().rfc3339(None).unwrap();
            let back: Timestamp = told.parse().unwrap();
            prop_assert_eq!(back.as_microsecond(), at);
            prop_assert_eq!(told.ends_with('Z'), offset.is_none());
            let trimmed = description.as_deref().map(str::trim).filter(|text| !text.is_empty());
            prop_assert_eq!(facts.description.as_deref(), trimmed);
            prop_assert_eq!(facts.favourite, favourite);
            prop_assert_eq!(facts.albums[0].title.as_str(), title.trim());
        }
    }
}
