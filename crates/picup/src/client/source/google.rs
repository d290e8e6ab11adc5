//! The JSON files of a Google Takeout: one beside each photo, one in each album's folder.
//!
//! Google documents none of this; what is read here is what its archives have held since 2015. A file is known by its
//! content, not by its name: names are cut, numbered and translated (see [`super::google_names`]).

use serde_json::Value;

use super::facts::{Facts, Spot, Taken, description, title};

/// What a JSON file of a Takeout is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Google {
    /// Notes about a photo or video.
    Photo(Facts),
    /// An album of that title.
    Album(String),
}

/// Reads one; `None` when it is no such file.
pub(super) fn parse(json: &Value) -> Option<Google> {
    if json.get("photoTakenTime").is_some() || json.get("creationTime").is_some() {
        return Some(Google::Photo(photo(json)));
    }
    // Older archives wrap the album in `albumData`.
    let album = json.get("albumData").unwrap_or(json);
    let marks = ["date", "access", "enrichments", "sharedAlbumComments"];
    if !marks.iter().any(|mark| album.get(mark).is_some()) {
        return None;
    }
    title(album.get("title")?.as_str()?).map(Google::Album)
}

fn photo(json: &Value) -> Facts {
    let yes = |name: &str| json.get(name).and_then(Value::as_bool) == Some(true);
    Facts {
        taken: json.get("photoTakenTime").and_then(moment),
        spot: ["geoData", "geoDataExif"].iter().find_map(|name| spot(json.get(name)?)),
        favourite: yes("favorited"),
        description: json.get("description").and_then(Value::as_str).and_then(description),
        trashed: yes("trashed"),
        ..Facts::default()
    }
}

/// Google writes the seconds as text; 0 is what it writes when nobody knows.
fn moment(time: &Value) -> Option<Taken> {
    let seconds = match time.get("timestamp")? {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_i64()?,
    };
    (seconds != 0).then_some(Taken::Moment(seconds))
}

fn spot(geo: &Value) -> Option<Spot> {
    let number = |name: &str| geo.get(name).and_then(Value::as_f64);
    // 0 is also what Google writes for an altitude that nobody knows.
    Spot::new(number("latitude")?, number("longitude")?, number("altitude").filter(|metres| *metres != 0.0))
}

/// The words of "Photos from 2019" in Google's languages. Such folders hold a year, not an album.
const YEAR_FOLDERS: [&str; 24] = [
    "photos from",
    "fotos von",
    "fotos aus",
    "photos de",
    "photos prises en",
    "fotos de",
    "fotos del",
    "fotos des de",
    "foto del",
    "foto dal",
    "foto da",
    "foto's uit",
    "foto’s uit",
    "foto’s van",
    "foto's van",
    "zdjęcia z",
    "billeder fra",
    "bilder från",
    "foton från",
    "bilder fra",
    "фото за",
    "фотографии за",
    "fotky z",
    "fotoğraflar",
];

/// Whether a folder's name, or an album's title, is only that of a year.
pub(super) fn is_year(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    let is_year = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let words = name.trim_end_matches("год").trim_end_matches("г.").trim_end();
    if let Some((before, year)) = words.rsplit_once(' ')
        && is_year(year)
    {
        return YEAR_FOLDERS.contains(&before.trim());
    }
    // Languages that begin with the year: 2019 年の写真, 2019년의 사진, 2019 年的照片.
    let Some((year, after)) = name.split_at_checked(4) else { return false };
    is_year(year) && ["年の写真", "년의 사진", "년 사진", "年的照片", "年的相片"].contains(&after.trim())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_photo_as_google_writes_it() {
        let notes = json!({
            "title": "IMG_1234.HEIC", "description": "At the sea", "imageViews": "3",
            "creationTime": {"timestamp": "1717180000", "formatted": "May 31, 2024"},
            "photoTakenTime": {"timestamp": "1717171445", "formatted": "May 31, 2024, 4:04:05 PM UTC"},
            "geoData": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
            "geoDataExif": {"latitude": 38.7, "longitude": -9.1, "altitude": 12.5},
            "favorited": true, "archived": true, "url": "https://photos.google.com/photo/x"
        });
        let Some(Google::Photo(facts)) = parse(&notes) else { panic!("not recognised") };
        assert_eq!(facts.taken, Some(Taken::Moment(1_717_171_445)));
        assert_eq!(facts.spot, Spot::new(38.7, -9.1, Some(12.5)));
        assert_eq!(facts.description.as_deref(), Some("At the sea"));
        assert!(facts.favourite && !facts.trashed, "what is archived stays a photo like any other");
    }

    #[test]
    fn what_nobody_knows_is_left_out() {
        let notes = json!({
            "title": "x.jpg", "description": "", "photoTakenTime": {"timestamp": "0"}, "trashed": true,
            "geoData": {"latitude": 0.0, "longitude": 0.0}, "favorited": false
        });
        let expected = Facts { trashed: true, ..Facts::default() };
        assert_eq!(parse(&notes), Some(Google::Photo(expected)));
    }

    #[test]
    fn albums_of_both_generations() {
        let new = json!({"title": "Lissabon", "description": "", "access": "protected", "date": {"timestamp": "1"}});
        let old = json!({"albumData": {"title": "Lissabon", "date": {"timestamp": "1"}}});
        for album in [new, old] {
            assert_eq!(parse(&album), Some(Google::Album("Lissabon".to_owned())));
        }
        for other in [json!({"title": "x"}), json!({"title": "", "date": {}}), json!([1]), json!(null)] {
            assert_eq!(parse(&other), None, "{other}");
        }
    }

    #[test]
    fn years_are_no_albums() {
        for year in ["Photos from 2019", "Fotos von 2019", "Photos de 2019", "2019 年の写真", "Фото за 2019 год"]
        {
            assert!(is_year(year), "{year}");
        }
        for album in ["Christmas 2019", "2019", "Photos from home", "Photos from 20199", "", "年の写真", "Ünü"] {
            assert!(!is_year(album), "{album}");
        }
    }

    proptest! {
        #[test]
        fn no_json_is_too_odd(text in r#"\{"(photoTakenTime|albumData|title|geoData|date)": ?(\{"(timestamp|title|latitude)": ?("[^"\\]{0,9}"|-?[0-9]{1,30}|null)\}|true|"[^"\\]{0,9}")\}"#, name: String) {
            if let Ok(json) = serde_json::from_str::<Value>(&text) {
                let _ = parse(&json);
            }
            let _ = is_year(&name);
        }
    }
}
