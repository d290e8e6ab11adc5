//! Photos that come from elsewhere: a Google Takeout and XMP sidecars, brought in by the real program.

use std::fs;
use std::path::Path;

use picup_api::wire::{Albums, Asset, AssetColumns, AssetState};
use picup_testkit::samples;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::{Client, hash};

fn put(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn google(seconds: u64, more: &Value) -> String {
    let mut notes = json!({
        "title": "x.jpg", "photoTakenTime": {"timestamp": seconds.to_string()},
        "geoData": {"latitude": 38.7, "longitude": -9.1, "altitude": 0.0}
    });
    notes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    notes.to_string()
}

async fn library(ada: &Client) -> Vec<Asset> {
    let mut assets = Vec::new();
    for id in ada.timeline().await.id {
        assets.push(ada.asset(id).await);
    }
    assets
}

fn by_hash<'a>(assets: &'a [Asset], content: &[u8]) -> &'a Asset {
    assets.iter().find(|asset| asset.sha256 == hash(content)).expect("it was imported")
}

/// A Takeout in two archives, with everything that Google does to names, and one photo twice.
fn takeout(root: &Path, photos: &[Vec<u8>]) {
    let year = "a/Takeout/Google Photos/Photos from 2024";
    put(root, &format!("{year}/IMG_1.jpg"), &photos[0]);
    put(
        root,
        "b/Takeout/Google Photos/Photos from 2024/IMG_1.jpg.supplemental-meta.json",
        google(1_717_171_445, &json!({"favorited": true, "description": "At the sea"})),
    );
    put(root, &format!("{year}/IMG_1(1).jpg"), &photos[1]);
    put(root, &format!("{year}/IMG_1.jpg.supplemental-metadata(1).json"), google(1_600_000_000, &json!({})));
    put(root, &format!("{year}/IMG_2.jpg"), &photos[2]);
    put(root, &format!("{year}/IMG_2.jpg.json"), google(1_500_000_000, &json!({})));
    put(root, &format!("{year}/IMG_3.jpg"), &photos[3]);
    put(root, &format!("{year}/IMG_3.jpg.json"), google(1_400_000_000, &json!({"trashed": true})));
    let album = "b/Takeout/Google Photos/Lisbon";
    put(
        root,
        &format!("{album}/metadata.json"),
        json!({"title": "Lisbon, again", "access": "protected", "date": {}}).to_string(),
    );
    put(root, &format!("{album}/IMG_1.jpg"), &photos[0]);
    put(root, &format!("{album}/IMG_2.jpg"), &photos[2]);
    put(root, &format!("{year}/metadata.json"), json!({"title": "Photos from 2024", "date": {}}).to_string());
}

#[tokio::test]
async fn a_takeout_comes_in_with_its_times_places_favourites_and_albums() {
    let app = TestApp::builder().account("ada").start().await;
    let mut photos: Vec<Vec<u8>> = (1..=4).map(samples::jpeg).collect();
    photos[2] = samples::jpeg_taken(3, "2011:12:13 14:15:16", Some("+01:00"), 1);
    let root = app.path("takeout");
    takeout(&root, &photos);

    let tried = app.import("ada", &root, None, &["--dry-run"]).await;
    let told: Value = serde_json::from_str(tried.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&told["uploaded"], &told["duplicate"]), (&json!(3), &json!(2)), "{told}\n{}", tried.stderr);
    let ada = app.sign_in("ada").await;
    assert_eq!(library(&ada).await.len(), 0, "a dry run sent something");

    let done = app.import("ada", &root, None, &[]).await;
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    let counts: Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&counts["found"], &counts["uploaded"], &counts["duplicate"], &counts["skipped"]),
        (&json!(12), &json!(3), &json!(2), &json!(7)),
        "{counts}"
    );
    assert!(done.stderr.contains("keep the source:") && done.stderr.contains("1 file left out"), "{}", done.stderr);

    let assets = library(&ada).await;
    assert_eq!(assets.len(), 3);
    assert!(assets.iter().all(|asset| asset.state == AssetState::Ready), "not waited for: {assets:?}");
    let first = by_hash(&assets, &photos[0]);
    assert_eq!((first.captured.source.as_str(), first.captured.at.get(..19)), ("sidecar", Some("2024-05-31T16:04:05")));
    assert_eq!((first.favourite, first.description.as_deref()), (true, Some("At the sea")));
    assert_eq!(first.place.as_ref().map(|place| place.latitude), Some(38.7));
    let second = by_hash(&assets, &photos[1]);
    assert_eq!(second.captured.at.get(..10), Some("2020-09-13"), "the counter moved to the end of its notes' name");
    let third = by_hash(&assets, &photos[2]);
    assert_eq!((third.captured.source.as_str(), third.captured.local.as_str()), ("exif", "2011-12-13T14:15:16"));

    let albums: Albums = ada.get("/api/albums").await.json(200);
    assert_eq!(albums.albums.len(), 1, "{albums:?}");
    assert_eq!(albums.albums[0].title, "Lisbon, again");
    let inside: AssetColumns = ada.get(&format!("/api/albums/{}/assets", albums.albums[0].id)).await.json(200);
    assert_eq!(inside.id, [first.id, third.id], "the same photo in two folders is one, in its album");
    app.finish().await;
}

#[tokio::test]
async fn sidecars_of_other_programs_tell_what_the_file_does_not_and_then_the_source_may_go() {
    let app = TestApp::builder().account("ada").start().await;
    let root = app.path("photos");
    let photo = samples::jpeg(1);
    put(&root, "1.jpg", &photo);
    put(
        &root,
        "1.jpg.xmp",
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" exif:DateTimeOriginal="2019-08-07T06:05:04-03:00" exif:GPSLatitude="22,54.5S" exif:GPSLongitude="43,10.5W" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>"#,
    );
    let done = app.import("ada", &root, None, &[]).await;
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("1 photo, all verified; you may delete the source"), "{}", done.stderr);
    assert!(done.stdout.starts_with("{\"may_delete_source\":true}\n"), "{}", done.stdout);
    let ada = app.sign_in("ada").await;
    let assets = library(&ada).await;
    let asset = by_hash(&assets, &photo);
    assert_eq!((asset.captured.local.as_str(), asset.captured.offset_minutes), ("2019-08-07T06:05:04", Some(-180)));
    assert!(asset.favourite && asset.place.as_ref().is_some_and(|place| place.latitude < -22.9), "{asset:?}");

    let again = app.import("ada", &root, None, &[]).await;
    assert!(again.stderr.contains("you may delete the source"), "{}", again.stderr);
    assert!(
        fs::read_to_string(app.path("import.state")).unwrap().lines().count() == 1,
        "what is known is not written again"
    );
    app.finish().await;
}
