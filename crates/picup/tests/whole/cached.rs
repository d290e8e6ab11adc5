//! The edge's cache in PicUp's own process, and edges that stand alone, before photos that are deleted meanwhile.

use picup_api::wire::{Asset, System};
use picup_testkit::{ProcessBuilder, S3Server, free_address, run, samples};
use serde_json::{Value, json};

use crate::app::{BINARY, TestApp, eventually};
use crate::buckets::Service;
use crate::client::Client;

/// Into the trash and away for ever.
async fn delete(ada: &Client, asset: &Asset) {
    for what in ["trash", "delete"] {
        let path = format!("/api/assets/{what}");
        ada.post(&path, &json!({"assets": [asset.id]})).await.json::<Value>(200);
    }
}

#[tokio::test]
async fn what_is_often_looked_at_does_not_come_from_the_bucket_again_and_what_is_deleted_goes() {
    let mut service = Service::with(S3Server::start().unwrap());
    let cache = picup_testkit::fresh_folder();
    let settings = format!("{}edge.cache_dir = \"{}\"\n", service.settings(), cache.path().display());
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let ada = app.sign_in_admin().await;
    let asset = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    let kept = ada.processed(ada.upload("b.jpg", &samples::jpeg(1)).await).await;
    let browser = app.sign_in_browser("ada").await;
    let fetch = async |asset: &Asset| browser.get(&asset.media.original).await;
    let system = async || ada.get("/api/admin/system").await.json::<System>(200).delivery;

    for photo in [&asset, &kept] {
        assert!(fetch(photo).await.header("cache-status").contains("fwd=uri-miss"));
    }
    let again = fetch(&asset).await;
    assert_eq!((again.status, &again.body[..]), (200, samples::JPEG));
    assert_eq!(again.header("cache-status"), "PicUp; hit");
    assert_eq!(app.stranger().get(&asset.media.original).await.status, 403);
    let told = async || Some(system().await).filter(|told| told.cache.as_ref().is_some_and(|cache| cache.hits > 0));
    let told = eventually("a report on what went out", told).await.unwrap();
    let shown = told.cache.unwrap();
    let bytes = asset.bytes + kept.bytes;
    assert_eq!((shown.misses, shown.origin_bytes), (2, bytes));
    assert!(told.bytes >= bytes + asset.bytes && shown.held_bytes > bytes);
    assert_eq!(
        told.refused.iter().map(|refused| (refused.reason.as_str(), refused.times)).collect::<Vec<_>>(),
        [("unsigned", 1)]
    );

    delete(&ada, &asset).await;
    let gone = async || (fetch(&asset).await.status == 404).then_some(());
    eventually("the photo to be gone from the cache", gone).await.unwrap();
    // While the bucket is away, what is here is given.
    service.server.stop();
    let held = fetch(&kept).await;
    assert_eq!((held.status, held.header("cache-status")), (200, "PicUp; hit"));
    service.server.start_again().unwrap();
    app.finish_stopped().await;
}

#[tokio::test]
async fn an_edge_alone_is_told_what_is_deleted_and_told_late_when_it_was_away() {
    let admin = free_address().to_string();
    let folder = picup_testkit::fresh_folder();
    let settings = format!("edge.told = [\"http://{admin}\"]\n");
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let ada = app.sign_in("ada").await;
    let pem = std::fs::read_to_string(app.data().join("secrets/media-key.pem")).unwrap();
    let listed =
        run(BINARY, ["media-key", "list", "--json", "--data-dir", app.data().to_str().unwrap()]).await.unwrap();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let key = picup_delivery::SigningKey::from_pem(picup_delivery::KeyId::parse(id).unwrap(), &pem).unwrap();
    let public = folder.path().join("public.pem");
    std::fs::write(&public, key.public_key_pem()).unwrap();
    let start = || {
        ProcessBuilder::new(BINARY, folder.path().join("no-data"))
            .arg("--roles=edge")
            .arg(format!("--origin=file:{}", app.data().join("objects").display()))
            .arg(format!("--public-key={id}={}", public.display()))
            .arg("--public-base=http://picup.internal")
            .arg(format!("--cache-dir={}", folder.path().join("cache").display()))
            .arg(format!("--admin-listen={admin}"))
            .start()
    };
    let mut edge = start().await.unwrap();
    let (first, second) = (samples::jpeg(1), samples::jpeg(2));
    let mut photos = Vec::new();
    for content in [&first, &second] {
        photos.push(ada.processed(ada.upload("a.jpg", content).await).await);
    }
    let signed = async |asset: &Asset| {
        let url = format!("http://picup.internal{}", asset.media.original);
        let data = app.data().display().to_string();
        let done = run(BINARY, ["sign", "--url", &url, "--for", "1h", "--data-dir", &data]).await.unwrap();
        done.stdout.trim().strip_prefix("http://picup.internal").unwrap().to_owned()
    };
    let addresses = [signed(&photos[0]).await, signed(&photos[1]).await];
    let status = async |edge: &picup_testkit::PicupProcess, at: usize| {
        reqwest::get(edge.url(&addresses[at])).await.unwrap().status().as_u16()
    };
    assert_eq!((status(&edge, 0).await, status(&edge, 1).await), (200, 200));
    delete(&ada, &photos[0]).await;
    let gone = async || (status(&edge, 0).await == 404).then_some(());
    eventually("the edge to let the photo go", gone).await.unwrap();
    assert_eq!(status(&edge, 1).await, 200);

    edge.kill().await.unwrap();
    delete(&ada, &photos[1]).await;
    eventually("a word that it was not told", async || app.log().contains("was not told").then_some(())).await.unwrap();
    let edge = start().await.unwrap();
    let gone = async || (status(&edge, 1).await == 404).then_some(());
    eventually("the edge to let it go late", gone).await.unwrap();
    app.finish().await;
}
