//! Quotas are exact: of a hundred who ask at once, exactly as many are promised room as there is room for.

use picup_api::wire::UploadAnswer;
use picup_testkit::samples;
use tokio::task::JoinSet;

use crate::app::TestApp;
use crate::client::hash;

const SIZE: u64 = 1_000;

#[tokio::test]
async fn a_hundred_at_the_edge_and_not_a_byte_over() {
    // Room for 37 and a bit.
    let app = TestApp::builder().account_with("ada", "37999").account("bob").start().await;
    let ada = app.sign_in("ada").await;
    let mut tries = JoinSet::new();
    for number in 0..100_u64 {
        let ada = ada.clone();
        tries.spawn(async move {
            let sha256 = hash(&number.to_be_bytes());
            let answer = ada.reserve("a.jpg", SIZE, &sha256).await;
            match answer.status {
                201 => match answer.json(201) {
                    UploadAnswer::Upload { upload, .. } => Some(upload.id),
                    UploadAnswer::Duplicate { .. } => panic!("nothing is there"),
                },
                _ => {
                    let problem = answer.refused(413);
                    assert_eq!(problem.r#type, "urn:picup:quota-exceeded");
                    assert!(problem.detail.contains("quota"), "{}", problem.detail);
                    None
                }
            }
        });
    }
    let promised: Vec<_> = tries.join_all().await.into_iter().flatten().collect();
    assert_eq!(promised.len(), 37);
    let account = ada.account_now().await;
    assert_eq!((account.quota_bytes, account.used_bytes, account.reserved_bytes), (Some(37_999), 0, 37_000));
    // What is left fits to the byte, and nothing after it.
    ada.reserve("b.jpg", 1_000, &hash(b"b")).await.refused(413);
    assert_eq!(ada.reserve("c.jpg", 999, &hash(b"c")).await.status, 201);
    ada.reserve("d.jpg", 1, &hash(b"d")).await.refused(413);
    assert_eq!(ada.reserve("e.jpg", 0, &hash(b"")).await.status, 201, "an empty file takes no room");
    // Another's room is another's.
    let bob = app.sign_in("bob").await;
    assert_eq!(bob.reserve("a.jpg", 1 << 30, &hash(b"a")).await.status, 201);
    let mut cancels = JoinSet::new();
    for id in promised {
        let ada = ada.clone();
        cancels.spawn(async move { assert_eq!(ada.delete(&format!("/api/uploads/{id}")).await.status, 204) });
    }
    cancels.join_all().await;
    assert_eq!(ada.account_now().await.reserved_bytes, 999);
    app.finish().await;
}

#[tokio::test]
async fn a_promise_becomes_use_and_duplicates_take_nothing() {
    let content = samples::jpeg(1);
    let app = TestApp::builder().account_with("ada", "5KB").start().await;
    let ada = app.sign_in("ada").await;
    let asset = ada.upload("a.jpg", &content).await;
    let account = ada.account_now().await;
    assert_eq!((account.used_bytes, account.reserved_bytes), (content.len() as u64, 0));
    ada.processed(asset).await;
    assert_eq!(ada.account_now().await.used_bytes, content.len() as u64, "only originals count");
    assert_eq!(ada.reserve("b.jpg", content.len() as u64, &hash(&content)).await.status, 200);
    ada.reserve("c.jpg", 5_000 - content.len() as u64 + 1, &hash(b"c")).await.refused(413);
    app.finish().await;
}

#[tokio::test]
async fn an_import_that_does_not_fit_says_so_and_keeps_what_does() {
    let app = TestApp::builder().account_with("ada", "4KB").start().await;
    let photos = app.path("photos");
    std::fs::create_dir(&photos).unwrap();
    let mut sizes = Vec::new();
    for number in 0..20 {
        let content = samples::jpeg(number);
        sizes.push(content.len() as u64);
        std::fs::write(photos.join(format!("{number:02}.jpg")), content).unwrap();
    }
    let done = app.import("ada", &photos, None, &[]).await;
    assert_eq!(done.status.code(), Some(1), "{}", done.stdout);
    let counts: serde_json::Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
    let number = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!((number("found"), number("uploaded") + number("failed")), (20, 20));
    assert!(done.stderr.contains("quota"), "{}", done.stderr);
    let ada = app.sign_in("ada").await;
    let account = ada.account_now().await;
    assert_eq!((account.used_bytes, account.reserved_bytes), (number("bytes"), 0));
    assert!(account.used_bytes <= 4_000 && number("uploaded") >= 1, "{counts}");
    app.finish().await;
}
