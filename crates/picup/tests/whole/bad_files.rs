//! Files and parts that are not what was announced, or not what they seem.

use picup_api::wire::{AssetKind, AssetState, Completed, Timeline, Upload, UploadAnswer};
use picup_testkit::samples;
use tokio::task::JoinSet;

use crate::app::TestApp;
use crate::client::hash;
use crate::pictures::{bomb, noise};

#[tokio::test]
async fn parts_that_are_not_the_ones_announced() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg(1);
    let upload = ada.reserve_new("a.jpg", &content).await;
    let url = ada.target(upload.id, 1, &content).await;
    let mut wrong = content.clone();
    wrong[100] ^= 1;
    let longer = [content.as_slice(), b"x"].concat();
    for (what, body) in [("another hash", &wrong[..]), ("short", &content[1..]), ("empty", b""), ("long", &longer)] {
        let problem = ada.put(&url, body.to_vec()).await.refused(422);
        assert_eq!(problem.r#type, "urn:picup:part-refused", "{what}");
    }
    let problem = ada.complete(upload.id).await.refused(409);
    assert!(problem.r#type == "urn:picup:parts-missing" && problem.detail.contains('1'), "{problem:?}");
    for _ in 0..2 {
        assert_eq!(ada.put(&url, content.clone()).await.status, 204, "the same part twice is the same part");
    }
    let state: Upload = ada.get(&format!("/api/uploads/{}", upload.id)).await.json(200);
    assert_eq!((state.arrived.len(), state.arrived[0].number), (1, 1));
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    assert_eq!(ada.complete(upload.id).await.json::<Completed>(201).asset, asset, "asking twice gives the same answer");
    ada.put(&url, content.clone()).await.refused(409);
    let state: Upload = ada.get(&format!("/api/uploads/{}", upload.id)).await.json(200);
    assert_eq!(state.asset, Some(asset));
    assert_eq!(ada.processed(asset).await.state, AssetState::Ready);
    app.finish().await;
}

#[tokio::test]
async fn several_parts_in_any_order_and_none_missing() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = noise(1, (16 << 20) + 12_345);
    let upload = ada.reserve_new("film.mp4", &content).await;
    assert_eq!((upload.part_count, upload.part_size), (2, 16 << 20));
    let (first, last) = content.split_at(16 << 20);
    let (first_url, last_url) = (ada.target(upload.id, 1, first).await, ada.target(upload.id, 2, last).await);
    assert_eq!(ada.put(&last_url, last.to_vec()).await.status, 204);
    let problem = ada.complete(upload.id).await.refused(409);
    assert!(problem.detail.ends_with(": 1"), "{}", problem.detail);
    assert_eq!(ada.put(&first_url, first.to_vec()).await.status, 204);
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    let asset = ada.processed(asset).await;
    assert_eq!((asset.state, asset.bytes), (AssetState::Unviewable, content.len() as u64));
    assert!(asset.reason.is_some());
    app.finish().await;
}

#[tokio::test]
async fn completed_by_twenty_at_once_it_is_one_asset() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg(1);
    let upload = ada.reserve_new("a.jpg", &content).await;
    let url = ada.target(upload.id, 1, &content).await;
    ada.put(&url, content.clone()).await;
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let (ada, id) = (ada.clone(), upload.id);
        tries.spawn(async move { ada.complete(id).await.json::<Completed>(201).asset });
    }
    let assets = tries.join_all().await;
    assert!(assets.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(ada.timeline().await.id, [assets[0]]);
    app.finish().await;
}

/// However often and however closely the same file is sent, it is there once.
#[tokio::test]
async fn sent_by_twenty_at_once_it_is_one_asset() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg(1);
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let (ada, content) = (ada.clone(), content.clone());
        tries.spawn(async move { ada.reserve_new("a.jpg", &content).await.id });
    }
    // Each answer has a part address of its own, all for one upload.
    let uploads = tries.join_all().await;
    assert!(uploads.windows(2).all(|pair| pair[0] == pair[1]), "{uploads:?}");
    assert_eq!(ada.account_now().await.reserved_bytes, content.len() as u64);
    let asset = ada.upload("a.jpg", &content).await;
    // Before and after it has been looked at.
    for round in 0..50 {
        let answer = ada.reserve("again.jpg", content.len() as u64, &hash(&content)).await;
        assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
        assert!(answer.text().contains(&asset.to_string()));
    }
    ada.processed(asset).await;
    assert_eq!(ada.reserve("again.jpg", content.len() as u64, &hash(&content)).await.status, 200);
    assert_eq!(ada.timeline().await.id, [asset]);
    app.finish().await;
}

#[tokio::test]
async fn cancelling_frees_everything_and_ends_everything() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg(1);
    let upload = ada.reserve_new("a.jpg", &content).await;
    let path = format!("/api/uploads/{}", upload.id);
    let url = ada.target(upload.id, 1, &content).await;
    ada.put(&url, content.clone()).await;
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(ada.account_now().await.reserved_bytes, 0);
    ada.put(&url, content.clone()).await.refused_somehow();
    ada.complete(upload.id).await.refused(404);
    ada.delete(&path).await.refused(404);
    let asset = ada.upload("a.jpg", &content).await;
    ada.processed(asset).await;
    app.finish().await;
}

/// Either it is cancelled and leaves nothing, or it is completed and whole; `finish` holds the books against it.
#[tokio::test]
async fn cancelled_while_it_is_completed_it_is_one_or_the_other() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let mut tries = JoinSet::new();
    for number in 0..20 {
        let ada = ada.clone();
        tries.spawn(async move {
            let content = samples::jpeg(number);
            let upload = ada.reserve_new("a.jpg", &content).await;
            let url = ada.target(upload.id, 1, &content).await;
            ada.put(&url, content.clone()).await;
            let path = format!("/api/uploads/{}", upload.id);
            let (completed, cancelled) = tokio::join!(ada.complete(upload.id), ada.delete(&path));
            match (completed.status, cancelled.status) {
                (201, 409) => true,
                (404, 204) => false,
                other => panic!("{other:?}: {} {}", completed.text(), cancelled.text()),
            }
        });
    }
    let completed = tries.join_all().await.into_iter().filter(|done| *done).count();
    assert_eq!(ada.timeline().await.id.len(), completed);
    app.finish().await;
}

#[tokio::test]
async fn files_no_picture_can_be_made_from_are_kept_and_never_run() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let photo = samples::jpeg(1);
    let html = b"<!doctype html><script>alert(document.cookie)</script>".as_slice();
    let svg =
        br#"<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>"#.as_slice();
    let bomb = bomb(20_000);
    assert!(bomb.len() < 4 << 20);
    let files: [(&str, &[u8]); 14] = [
        ("empty.jpg", b""),
        ("one.jpg", b"x"),
        ("text.jpg", b"just a text"),
        ("page.jpg", html),
        ("page.html", b"<html><script>alert(2)</script></html>"),
        ("drawing.jpg", svg),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(2)</script></svg>"),
        ("page.xhtml", b"<html xmlns='http://www.w3.org/1999/xhtml'/>"),
        ("code.js", b"alert(1)"),
        ("document.pdf", b"%PDF-1.4 nothing"),
        ("header.jpg", &photo[..20]),
        ("bomb.png", &bomb),
        ("head.png", &bomb[..40]),
        ("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom not really"),
    ];
    let mut assets = Vec::new();
    for (name, content) in files {
        assets.push((name, content, ada.upload(name, content).await));
    }
    for (name, content, id) in assets {
        let asset = ada.processed(id).await;
        assert_eq!(asset.state, AssetState::Unviewable, "{name}: {asset:?}");
        let reason = asset.reason.as_deref().unwrap_or_default();
        assert!(reason.len() > 5 && !reason.contains("/tmp"), "{name}: {reason}");
        assert_eq!((asset.media.thumbnail, asset.media.preview), (None, None), "{name}");
        let original = ada.get(&asset.media.original).await;
        assert_eq!((original.status, &original.body[..]), (200, content), "{name}");
        assert_eq!(original.header("content-disposition"), "attachment", "{name}");
        assert_eq!(original.header("x-content-type-options"), "nosniff", "{name}");
        assert!(original.header("content-security-policy").contains("default-src 'none'"), "{name}");
        for runs in ["html", "svg", "xml", "script", "pdf"] {
            assert!(!original.header("content-type").contains(runs), "{name}: {}", original.header("content-type"));
        }
    }
    assert_eq!(ada.get("/ready").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_truncated_photo_is_kept_whatever_can_be_shown_of_it() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let photo = samples::JPEG;
    let mut ids = Vec::new();
    for cut in [2, 100, photo.len() / 2, photo.len() - 2] {
        ids.push((cut, ada.upload(&format!("cut-{cut}.jpg"), &photo[..cut]).await));
    }
    for (cut, id) in ids {
        let asset = ada.processed(id).await;
        assert!(matches!(asset.state, AssetState::Ready | AssetState::Unviewable), "{cut}: {asset:?}");
        assert_eq!(asset.bytes, cut as u64);
    }
    let whole = ada.processed(ada.upload("whole.jpg", photo).await).await;
    assert_eq!((whole.state, whole.kind), (AssetState::Ready, AssetKind::Photo));
    app.finish().await;
}

/// A client that announces another hash than the file's cannot make PicUp believe it, nor stand in the way of the real file.
#[tokio::test]
async fn a_file_that_has_not_the_hash_it_was_announced_with_is_never_shown() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let announced = hash(b"something else");
    let (small, large) = (samples::jpeg(1), noise(7, (16 << 20) + 1));
    for content in [small.as_slice(), &large] {
        let UploadAnswer::Upload { upload, .. } =
            ada.reserve("a.jpg", content.len() as u64, &announced).await.json(201)
        else {
            panic!("nothing has this hash")
        };
        for (number, part) in (1..).zip(content.chunks(upload.part_size as usize)) {
            let url = ada.target(upload.id, number, part).await;
            assert_eq!(ada.put(&url, part.to_vec()).await.status, 204);
        }
        let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
        let asset = ada.processed(asset).await;
        assert_eq!((asset.state, asset.media.thumbnail), (AssetState::Damaged, None));
        assert!(ada.get("/api/timeline").await.json::<Timeline>(200).total > 0, "it is told, not hidden");
        let path = match ada.reserve("b.jpg", content.len() as u64, &announced).await.json(201) {
            UploadAnswer::Upload { upload, .. } => format!("/api/uploads/{}", upload.id),
            UploadAnswer::Duplicate { .. } => panic!("a damaged file is no copy"),
        };
        assert_eq!(ada.delete(&path).await.status, 204);
    }
    app.finish().await;
}
