//! What an import makes of other programs' notes, of live photos, of earlier runs, and what it says at the end.

use serde_json::json;

use super::*;
use crate::client::StatePlace;
use crate::client::source::samples::{a_film, a_still};

impl Scene {
    async fn wished(&self, change: impl FnOnce(&mut Import)) -> Report {
        let mut wish = self.wish(self.dir.path());
        change(&mut wish);
        import_with(wish, Arc::default(), QUICK).await.unwrap()
    }
}

#[tokio::test]
async fn notes_travel_with_their_photo_and_albums_are_filled() {
    let notes = |seconds: u64, favourite: bool| {
        json!({
            "photoTakenTime": {"timestamp": seconds.to_string()}, "favorited": favourite, "description": "At the sea",
            "geoData": {"latitude": 38.7, "longitude": -9.1, "altitude": 0.0}
        })
        .to_string()
    };
    let scene = Scene::new(&[
        ("1.jpg", b"one"),
        ("1.jpg.supplemental-metadata.json", notes(1_717_171_445, true).as_bytes()),
        ("2.jpg", b"two"),
        ("metadata.json", json!({"title": "Lisbon", "access": "protected"}).to_string().as_bytes()),
        ("3.jpg", b"three"),
        ("3.jpg.json", json!({"photoTakenTime": {"timestamp": "1"}, "trashed": true}).to_string().as_bytes()),
    ])
    .await;
    let report = scene.import().await;
    assert_eq!(report.counts, counts(6, 2, 0, 4, 0, 6), "{:?}", report.failures);
    assert!(report.verdict.contains("1 file left out that may be"), "{}", report.verdict);
    let world = scene.world.lock().unwrap();
    let first = world.asked.iter().find(|request| request.file_name == "1.jpg").unwrap();
    assert!(first.favourite && first.captured_at.as_ref().unwrap().starts_with("2024-05-31T"), "{first:?}");
    assert_eq!(first.description.as_deref(), Some("At the sea"));
    assert_eq!(first.place.as_ref().map(|place| (place.latitude, place.altitude)), Some((38.7, None)));
    assert_eq!((world.albums.len(), world.albums[0].1.as_str(), world.albums[0].2.len()), (1, "Lisbon", 2));
    drop(world);
    scene.well();
}

#[tokio::test]
async fn a_film_follows_its_photo_and_becomes_part_of_it() {
    let (still, film) = (a_still(Some("A")), a_film(Some("A"), 3));
    let bytes = (still.len() + film.len()) as u64;
    let scene = Scene::new(&[("1.jpg", &still), ("1.mov", &film), ("2.jpg", b"two")]).await;
    assert_eq!(scene.import().await.counts, counts(3, 3, 0, 0, 0, bytes + 3));
    let asset = scene.world.lock().unwrap().assets[&Sha256::of(&still).to_string()];
    assert_eq!(scene.world.lock().unwrap().films[&asset], Sha256::of(&film).to_string());
    let again = scene.import().await;
    assert_eq!(again.counts, counts(3, 0, 3, 0, 0, 0));
    assert_eq!(again.verdict, "2 photos, all verified; you may delete the source\n");
    scene.well();
}

#[tokio::test]
async fn a_server_without_live_photos_keeps_the_film_as_a_video() {
    let (still, film) = (a_still(Some("A")), a_film(Some("A"), 3));
    let scene = Scene::new(&[("1.jpg", &still), ("1.mov", &film)]).await;
    scene.set(|world| world.no_films = true);
    let report = scene.import().await;
    assert_eq!((report.counts.uploaded, report.counts.failed), (2, 0), "{:?}", report.failures);
    assert_eq!(scene.world.lock().unwrap().assets.len(), 2);
    scene.well();
}

#[tokio::test]
async fn a_film_whose_photo_fails_is_not_sent() {
    let (still, film) = (a_still(Some("A")), a_film(Some("A"), 3));
    let scene = Scene::new(&[("1.jpg", &still), ("1.mov", &film)]).await;
    scene.set(|world| world.part_faults = std::iter::repeat_n(StatusCode::SERVICE_UNAVAILABLE, 4).collect());
    let report = scene.import().await;
    assert_eq!(report.counts, counts(2, 0, 0, 0, 2, 0));
    assert!(report.failures[1].contains("the photo that it belongs to was not sent"), "{:?}", report.failures);
    assert!(report.verdict.starts_with("keep the source:\n  2 files failed"), "{}", report.verdict);
}

#[tokio::test]
async fn what_an_earlier_run_hashed_is_asked_for_and_read_again_only_when_the_server_lost_it() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two")]).await;
    let place = tempfile::tempdir().unwrap();
    let remember = || {
        let folder = StatePlace::Folder(place.path().to_owned());
        scene.wished(move |wish| wish.state = Some(folder))
    };
    assert_eq!(remember().await.counts.uploaded, 2);
    let state = fs::read_dir(place.path()).unwrap().next().unwrap().unwrap().path();

    // The server is asked for the hash that is remembered: a false one shows that the file was not read.
    let (true_hash, false_hash) = (Sha256::of(b"one").to_string(), Sha256::of(b"else").to_string());
    let text = fs::read_to_string(&state).unwrap();
    fs::write(&state, text.replace(&true_hash, &false_hash)).unwrap();
    scene.set(|world| {
        world.assets.insert(false_hash.clone(), Uuid::from_u128(7));
    });
    assert_eq!(remember().await.counts, counts(2, 0, 2, 0, 0, 0));
    assert!(scene.world.lock().unwrap().asked.iter().any(|request| request.sha256 == false_hash));

    fs::write(&state, text).unwrap();
    scene.set(|world| world.assets.clear());
    let again = remember().await;
    assert_eq!(again.counts, counts(2, 2, 0, 0, 0, 6));
    assert!(again.verdict.starts_with("2 files of an earlier run had gone from the server"), "{}", again.verdict);
    // What has changed is hashed anew.
    fs::write(scene.path("1.jpg"), b"new").unwrap();
    assert_eq!(remember().await.counts, counts(2, 1, 1, 0, 0, 3));
    scene.well();
}

#[tokio::test]
async fn the_source_may_go_once_the_server_has_proved_all_of_it() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two")]).await;
    scene.set(|world| world.states = ["processing", "processing", "ready", "processing", "unviewable"].into());
    let report = scene.import().await;
    assert_eq!(report.verdict, "2 photos, all verified; you may delete the source\n");
    assert!(scene.world.lock().unwrap().states.is_empty(), "it was not waited for");

    scene.set(|world| {
        world.assets.clear();
        world.states = ["ready", "damaged"].into();
    });
    let report = scene.import().await;
    assert_eq!(report.verdict, "keep the source:\n  1.jpg: what the server has is damaged\n");

    scene.set(|world| {
        world.assets.clear();
        world.states = ["gone", "trashed"].into();
    });
    let report = scene.import().await;
    let lost = ["1.jpg: has gone from the server meanwhile", "1.jpg: was put into the server's trash meanwhile"];
    assert!(lost.iter().all(|reason| report.verdict.contains(reason)), "{}", report.verdict);

    scene.set(|world| world.assets.clear());
    let report = scene.wished(|wish| wish.wait = false).await;
    assert!(report.verdict.contains("2 were sent just now and were not waited for"), "{}", report.verdict);
    scene.well();
}

#[tokio::test]
async fn a_dry_run_tells_all_and_speaks_with_nobody() {
    let (still, film) = (a_still(Some("A")), a_film(Some("A"), 3));
    let album = json!({"title": "Lisbon", "access": "protected"}).to_string();
    let scene = Scene::new(&[
        ("1.jpg", &still),
        ("1.mov", &film),
        ("2.jpg", b"two"),
        ("copy.jpg", b"two"),
        ("album.json", album.as_bytes()),
    ])
    .await;
    let report = scene
        .wished(|wish| {
            wish.dry_run = true;
            wish.server = "http://127.0.0.1:1".parse().unwrap();
        })
        .await;
    assert_eq!(report.counts, counts(5, 3, 1, 1, 0, (still.len() + film.len() + 3) as u64));
    for part in
        ["3 to send", "1 the same content as another", "3 .jpg", "1 .mov", "1 live photos", "3 into the album 'Lisbon'"]
    {
        assert!(report.summary.contains(part), "{} lacks {part}", report.summary);
    }
    assert_eq!(scene.world.lock().unwrap().sessions, 0);
}

#[tokio::test]
async fn an_api_key_will_do_and_a_wrong_one_is_told_at_once() {
    let scene = Scene::new(&[("1.jpg", b"one")]).await;
    let key = |key: &str| Credentials::Key(key.to_owned());
    let mut wish = scene.wish(scene.dir.path());
    wish.credentials = key("picup_wrong");
    assert!(matches!(import_with(wish, Arc::default(), QUICK).await, Err(ImportError::Key)));
    scene.set(|world| {
        world.valid.insert("picup_right".to_owned());
    });
    assert_eq!(scene.wished(|wish| wish.credentials = key("picup_right")).await.counts.uploaded, 1);
    let world = scene.world.lock().unwrap();
    assert!(world.sessions == 0 && !world.signed_out, "a key has no session to begin or end");
}
