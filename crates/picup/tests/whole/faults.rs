//! A network that cuts, crawls and corrupts: what arrives is right, and what does not arrive is not there.

use picup_api::wire::{Completed, Upload};
use picup_testkit::{Direction, Fault, FaultProxy, samples};
use serde_json::Value;

use crate::app::TestApp;
use crate::client::{Client, hash};
use crate::pictures::noise;

/// A PicUp, Ada, and the bad network between them.
async fn stage() -> (TestApp, Client, FaultProxy) {
    let app = TestApp::start().await;
    let proxy = FaultProxy::start(app.server.address()).await.unwrap();
    let ada = app.sign_in("ada").await;
    (app, ada, proxy)
}

async fn arrived(ada: &Client, upload: &Upload) -> usize {
    ada.get(&format!("/api/uploads/{}", upload.id)).await.json::<Upload>(200).arrived.len()
}

#[tokio::test]
async fn a_part_cut_in_the_middle_is_sent_again() {
    let (app, ada, proxy) = stage().await;
    let content = noise(3, 3 << 20);
    let upload = ada.reserve_new("a.mp4", &content).await;
    let url = ada.target(upload.id, 1, &content).await;
    for fault in [Fault::CutAfter(100_000), Fault::ResetAfter(1 << 20), Fault::CutAfter(0)] {
        proxy.set(Direction::ToServer, fault);
        let through = ada.through(proxy.address());
        let sent = through.try_send(through.http.put(through.url(&url)).body(content.clone())).await;
        assert!(sent.is_err() || sent.is_ok_and(|answer| answer.status >= 400), "{fault:?}");
        assert_eq!(arrived(&ada, &upload).await, 0, "{fault:?}");
        ada.complete(upload.id).await.refused(409);
    }
    // An answer that is lost leaves a part that has arrived; sending it again is no mistake.
    proxy.set(Direction::ToServer, Fault::Pass);
    proxy.set(Direction::ToClient, Fault::CutAfter(0));
    let through = ada.through(proxy.address());
    assert!(through.try_send(through.http.put(through.url(&url)).body(content.clone())).await.is_err());
    proxy.set(Direction::ToClient, Fault::Pass);
    let through = ada.through(proxy.address());
    assert_eq!(through.put(&url, content.clone()).await.status, 204);
    assert_eq!(arrived(&ada, &upload).await, 1);
    let asset = through.complete(upload.id).await.json::<Completed>(201).asset;
    assert_eq!(ada.processed(asset).await.sha256, hash(&content));
    app.finish().await;
}

#[tokio::test]
async fn a_corrupted_byte_is_noticed_and_nothing_is_stored() {
    let (app, ada, proxy) = stage().await;
    let content = noise(4, 1 << 20);
    let upload = ada.reserve_new("a.mp4", &content).await;
    let url = ada.target(upload.id, 1, &content).await;
    for offset in [2_000, 500_000, 1 << 20] {
        proxy.set(Direction::ToServer, Fault::Corrupt(offset));
        ada.through(proxy.address()).put(&url, content.clone()).await.refused(422);
        assert_eq!(arrived(&ada, &upload).await, 0);
    }
    ada.complete(upload.id).await.refused(409);
    proxy.set(Direction::ToServer, Fault::Pass);
    assert_eq!(ada.through(proxy.address()).put(&url, content.clone()).await.status, 204);
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    ada.processed(asset).await;
    app.finish().await;
}

#[tokio::test]
async fn a_slow_network_is_only_slow() {
    let (app, ada, proxy) = stage().await;
    let content = noise(5, 300_000);
    let upload = ada.reserve_new("a.mp4", &content).await;
    let url = ada.target(upload.id, 1, &content).await;
    proxy.set(Direction::ToServer, Fault::Slow(400_000));
    let slow = ada.through(proxy.address());
    let photo = samples::jpeg(1);
    let (sent, meanwhile) = tokio::join!(slow.put(&url, content.clone()), ada.upload("b.jpg", &photo));
    assert_eq!(sent.status, 204);
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    ada.processed(meanwhile).await;
    ada.processed(asset).await;
    app.finish().await;
}

#[tokio::test]
async fn an_import_over_a_network_that_keeps_cutting_is_complete_in_the_end() {
    let (app, ada, proxy) = stage().await;
    let photos = app.path("photos");
    std::fs::create_dir(&photos).unwrap();
    let mut hashes = Vec::new();
    for number in 0..24_u64 {
        // Some far longer than what passes before a cut, most shorter.
        let mut content = samples::jpeg(number);
        content.extend(noise(number, if number % 6 == 0 { 150_000 } else { 2_000 }));
        hashes.push(hash(&content));
        std::fs::write(photos.join(format!("{number:02}.jpg")), content).unwrap();
    }
    proxy.set(Direction::ToServer, Fault::ResetAfter(200_000));
    let first = app.import("ada", &photos, Some(proxy.address()), &["--parallel", "2"]).await;
    let counts: Value = serde_json::from_str(first.stdout.lines().last().unwrap()).unwrap();
    assert!(first.status.success(), "{}\n{}", first.stdout, first.stderr);
    assert_eq!((counts["found"].as_u64(), counts["failed"].as_u64()), (Some(24), Some(0)), "{counts}");
    assert!(proxy.connections() > 3, "nothing was cut");
    app.settle().await;
    let mut kept = Vec::new();
    for id in ada.timeline().await.id {
        kept.push(ada.asset(id).await.sha256);
    }
    kept.sort();
    hashes.sort();
    assert_eq!(kept, hashes);
    assert_eq!(ada.account_now().await.reserved_bytes, 0, "no upload is left open");
    app.finish().await;
}
