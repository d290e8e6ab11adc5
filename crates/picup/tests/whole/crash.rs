//! `kill -9` at the worst moments: nothing that was completed is lost, and nothing half done is shown.

use picup_api::wire::{AssetState, Completed, Upload};
use picup_testkit::samples;
use rand::RngExt;
use serde_json::Value;
use tokio::time::{Duration, sleep};
use uuid::Uuid;

use crate::app::{BINARY, TestApp, eventually};
use crate::books;
use crate::client::{Client, hash};
use crate::luck::luck;
use crate::pictures::{bomb, noise};

/// Everything that is shown as ready can be looked at, whole.
async fn nothing_partial_is_shown(ada: &Client) -> Vec<Uuid> {
    let timeline = ada.timeline().await;
    for (id, state) in timeline.id.iter().zip(&timeline.state) {
        let asset = ada.asset(*id).await;
        let original = ada.get(&asset.media.original).await;
        assert_eq!((original.status, hash(&original.body)), (200, asset.sha256.clone()), "{}", asset.file_name);
        if *state == AssetState::Ready {
            for path in [asset.media.thumbnail.unwrap(), asset.media.preview.unwrap()] {
                let picture = ada.get(&path).await;
                assert_eq!(picture.status, 200, "{path}");
                assert!(picture.body.len() > 40, "{path}");
            }
        }
    }
    timeline.id
}

/// At random moments; a failure shows the seed that gave it.
#[tokio::test]
async fn killed_again_and_again_in_the_middle_of_an_import() {
    const FILES: u64 = 80;
    const ROUNDS: usize = 6;
    let mut luck = luck();
    let mut app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let photos = app.path("photos");
    std::fs::create_dir(&photos).unwrap();
    let mut hashes = Vec::new();
    for number in 0..FILES {
        let mut content = samples::jpeg(number);
        content.extend(noise(number, 20_000));
        hashes.push(hash(&content));
        std::fs::write(photos.join(format!("{number:03}.jpg")), content).unwrap();
    }
    let arguments = app.import_arguments("ada", &photos, None, &["--album", "Crash"]);
    let import = tokio::spawn(picup_testkit::run(BINARY, arguments));
    let mut completed = Vec::new();
    let mut before = 0;
    for round in 0..ROUNDS {
        let wanted = before + luck.random_range(1..=FILES as usize / (ROUNDS + 2));
        let data = app.data();
        let reached = async || {
            let mut database = books::open(&data).await;
            let count =
                sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM assets").fetch_one(&mut database).await.unwrap().0;
            (count as usize >= wanted || import.is_finished()).then_some(count as usize)
        };
        before = eventually("more of the import", reached).await.unwrap();
        // Not at a step's end but anywhere in it.
        sleep(Duration::from_micros(luck.random_range(0..40_000))).await;
        app = app.kill_and_restart().await;
        let shown = nothing_partial_is_shown(&ada).await;
        assert!(shown.len() >= before, "round {round}: {before} were complete, {} are there", shown.len());
        assert!(completed.iter().all(|id| shown.contains(id)), "round {round}: something completed is gone");
        completed = shown;
    }
    // It may have lost patience; the next one takes up where it stopped.
    let first = import.await.unwrap().unwrap();
    let mut last = first.stdout.clone();
    let mut complete = first.status.success();
    for _ in 0..3 {
        if !complete {
            let again = app.import("ada", &photos, None, &["--album", "Crash"]).await;
            complete = again.status.success();
            last = format!("{}\n{}", again.stdout, again.stderr);
        }
    }
    assert!(complete, "{last}\n{}", app.log());
    app.settle().await;
    let ids = nothing_partial_is_shown(&ada).await;
    assert!(completed.iter().all(|id| ids.contains(id)));
    let mut kept = Vec::new();
    for id in &ids {
        let asset = ada.asset(*id).await;
        assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
        kept.push(asset.sha256);
    }
    kept.sort();
    hashes.sort();
    assert_eq!(kept, hashes, "every file is there, once");
    let albums: Value = ada.get("/api/albums").await.json(200);
    assert_eq!(
        (albums["albums"].as_array().unwrap().len(), albums["albums"][0]["count"].as_u64()),
        (1, Some(FILES)),
        "{albums}"
    );
    let again = app.import("ada", &photos, None, &[]).await;
    assert!(again.stdout.contains(&format!("\"duplicate\":{FILES},")), "{}", again.stdout);
    app.finish().await;
}

#[tokio::test]
async fn killed_between_a_part_and_its_completion() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = noise(1, (16 << 20) + 100);
    let upload = ada.reserve_new("film.mp4", &content).await;
    let (first, last) = content.split_at(16 << 20);
    let url = ada.target(upload.id, 1, first).await;
    assert_eq!(ada.put(&url, first.to_vec()).await.status, 204);
    let url = ada.target(upload.id, 2, last).await;
    let app = app.kill_and_restart().await;
    let path = format!("/api/uploads/{}", upload.id);
    let state: Upload = ada.get(&path).await.json(200);
    let arrived: Vec<_> = state.arrived.iter().map(|part| part.number).collect();
    assert_eq!((arrived, state.asset), (vec![1], None), "what was acknowledged is there");
    assert!(ada.timeline().await.id.is_empty());
    // Asking for the same file again finds the upload; the address from before the crash still holds.
    let again = ada.reserve_new("film.mp4", &content).await;
    assert_eq!((again.id, again.arrived.len()), (upload.id, 1));
    assert_eq!(ada.put(&url, last.to_vec()).await.status, 204);
    let app = app.kill_and_restart().await;
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    let app = app.kill_and_restart().await;
    assert_eq!(ada.complete(upload.id).await.json::<Completed>(201).asset, asset);
    assert_eq!(ada.processed(asset).await.sha256, hash(&content));
    app.finish().await;
}

#[tokio::test]
async fn killed_in_the_middle_of_completing() {
    let mut luck = luck();
    let mut app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let mut assets = Vec::new();
    for round in 0..5_u64 {
        let mut uploads = Vec::new();
        for number in 0..8 {
            let content = samples::jpeg(round * 100 + number);
            let upload = ada.reserve_new("a.jpg", &content).await;
            let url = ada.target(upload.id, 1, &content).await;
            assert_eq!(ada.put(&url, content.clone()).await.status, 204);
            uploads.push((upload.id, content));
        }
        let mut tries = tokio::task::JoinSet::new();
        for (id, _) in &uploads {
            let (ada, path) = (ada.clone(), format!("/api/uploads/{id}/complete"));
            tries.spawn(async move {
                let answer = ada.try_send(ada.request(reqwest::Method::POST, &path)).await.ok()?;
                (answer.status == 201).then(|| answer.json::<Completed>(201).asset)
            });
        }
        sleep(Duration::from_micros(luck.random_range(0..15_000))).await;
        app = app.kill_and_restart().await;
        let answered: Vec<Uuid> = tries.join_all().await.into_iter().flatten().collect();
        // The client that got no answer asks again, by the upload or by the file.
        for (number, (id, content)) in uploads.iter().enumerate() {
            if number % 2 == 0 {
                assets.push(ada.complete(*id).await.json::<Completed>(201).asset);
            } else {
                let answer = ada.reserve("a.jpg", content.len() as u64, &hash(content)).await;
                match answer.status {
                    200 => {}
                    201 => {
                        assert!(answer.text().contains(&id.to_string()), "it goes on with the same upload");
                        ada.complete(*id).await.json::<Completed>(201);
                    }
                    other => panic!("{other}: {}", answer.text()),
                }
            }
        }
        let there = ada.timeline().await.id;
        assert!(answered.iter().all(|asset| there.contains(asset)), "an asset that was answered is gone");
    }
    app.settle().await;
    let there = ada.timeline().await;
    assert_eq!(there.id.len(), 40);
    assert!(there.state.iter().all(|state| *state == AssetState::Ready));
    assert!(assets.iter().all(|asset| there.id.contains(asset)));
    app.finish().await;
}

#[tokio::test]
async fn killed_while_processing() {
    let mut app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    // Large enough that looking at it takes a while.
    let slow = bomb(6_000);
    let mut ids = vec![ada.upload("slow.png", &slow).await];
    for number in 0..10 {
        ids.push(ada.upload("a.jpg", &samples::jpeg(number)).await);
    }
    for _ in 0..3 {
        let data = app.data();
        let working = async || {
            let mut database = books::open(&data).await;
            let leased = "SELECT COUNT(*) FROM jobs WHERE leased_until IS NOT NULL";
            let leased = sqlx::query_as::<_, (i64,)>(leased).fetch_one(&mut database).await.unwrap().0;
            let left =
                sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM jobs").fetch_one(&mut database).await.unwrap().0;
            (leased > 0 || left == 0).then_some(())
        };
        eventually("work", working).await.unwrap();
        app = app.kill_and_restart().await;
        nothing_partial_is_shown(&ada).await;
    }
    for id in &ids {
        assert_eq!(ada.processed(*id).await.state, AssetState::Ready);
    }
    assert_eq!(nothing_partial_is_shown(&ada).await.len(), ids.len());
    app.finish().await;
}
