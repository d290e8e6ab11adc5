//! `picup user usage`: what accounts keep, and books that are put right beside a running server.

use picup_testkit::samples;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{TestApp, email};
use crate::books;

async fn verify(app: &TestApp, code: i32) -> Value {
    let done = app.user(&["usage", "--verify", "--json"]).await;
    assert_eq!(done.status.code(), Some(code), "{}{}", done.stdout, done.stderr);
    serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap()
}

#[tokio::test]
async fn figures_that_are_wrong_are_found_and_put_right() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let (one, two) = (samples::jpeg(1), samples::jpeg(2));
    let assets = [ada.upload("a.jpg", &one).await, ada.upload("b.jpg", &two).await];
    ada.reserve_new("open.jpg", b"12345").await;
    let album: picup_api::wire::Album = ada.post("/api/albums", &json!({"title": "Holiday"})).await.json(201);
    ada.post(&format!("/api/albums/{}/assets", album.id), &json!({"assets": assets})).await;
    app.settle().await;
    let right = verify(&app, 0).await;
    assert_eq!(right[0]["repairs"], json!([]));
    assert_eq!(right[0]["used_bytes"], (one.len() + two.len()) as u64);

    let mut database = books::open(&app.data()).await;
    for wrong in [
        "UPDATE accounts SET used_bytes = 1, reserved_bytes = 1000000, open_uploads = 9",
        "UPDATE timeline_days SET assets = assets + 5",
        "UPDATE albums SET asset_count = 0",
    ] {
        sqlx::query(wrong).execute(&mut database).await.unwrap();
    }
    drop(database);
    let repaired = verify(&app, 1).await;
    let figures = |account: usize| {
        let repairs = repaired[account]["repairs"].as_array().unwrap().iter();
        repairs.map(|repair| repair["figure"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(figures(0)[..3], ["used_bytes", "reserved_bytes", "open_uploads"]);
    assert!(figures(0).iter().any(|figure| figure.starts_with("day ")), "{repaired}");
    assert!(figures(0).contains(&format!("album {}", album.id)), "{repaired}");
    assert_eq!(figures(1), ["used_bytes", "reserved_bytes", "open_uploads"], "Bob keeps nothing");
    verify(&app, 0).await;
    let shown = app.user_done(&["usage", &email("ada")]).await;
    assert!(shown.contains(&email("ada")) && !shown.contains(&email("bob")), "{shown}");
    // The audit at the end holds the repaired figures against the rows.
    app.finish().await;
}

#[tokio::test]
async fn what_is_right_is_left_alone_while_uploads_come_in() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let mut uploads = JoinSet::new();
    for lane in 0..6_u64 {
        let ada = ada.clone();
        uploads.spawn(async move {
            for number in 0..15 {
                let content = format!("file {lane} {number}");
                let wish = ada.reserve_new("a.txt", content.as_bytes()).await;
                if number % 3 == 0 {
                    assert_eq!(ada.delete(&format!("/api/uploads/{}", wish.id)).await.status, 204);
                } else {
                    ada.upload("a.txt", content.as_bytes()).await;
                }
            }
        });
    }
    let mut looks = 0;
    while !uploads.is_empty() {
        let books = verify(&app, 0).await;
        assert_eq!(books[0]["repairs"], json!([]));
        looks += 1;
        while let Some(done) = uploads.try_join_next() {
            done.unwrap();
        }
    }
    assert!(looks > 1, "the uploads were over before anybody looked");
    app.finish().await;
}
