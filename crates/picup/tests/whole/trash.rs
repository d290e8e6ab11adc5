//! The trash, as its owner meets it: hidden everywhere, taken back whole, emptied for ever, also through kills.

use picup_api::wire::{Album, AssetColumns, ItemOutcome, ItemResults, TrashEmptied, TrashSummary};
use picup_testkit::samples;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};
use uuid::Uuid;

use crate::app::{TestApp, eventually};
use crate::books;
use crate::client::Client;
use crate::luck::luck;

async fn photos(ada: &Client, count: u64) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(ada.upload(&format!("{number}.jpg"), &samples::jpeg(number)).await);
    }
    for id in &ids {
        ada.processed(*id).await;
    }
    ids
}

async fn change(ada: &Client, what: &str, assets: &[Uuid]) -> Vec<ItemOutcome> {
    let answer = ada.post(&format!("/api/assets/{what}"), &json!({ "assets": assets })).await;
    answer.json::<ItemResults>(200).results.into_iter().map(|result| result.outcome).collect()
}

async fn trash(ada: &Client) -> Vec<Uuid> {
    let mut all = Vec::new();
    let mut path = "/api/trash?limit=2".to_owned();
    loop {
        let page: AssetColumns = ada.get(&path).await.json(200);
        all.extend(page.id);
        match page.next {
            Some(next) => path = format!("/api/trash?limit=2&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn the_trash_hides_keeps_and_gives_back() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in("bob").await);
    let ids = photos(&ada, 5).await;
    let album: Album = ada.post("/api/albums", &json!({"title": "Holiday"})).await.json(201);
    let content = format!("/api/albums/{}/assets", album.id);
    ada.post(&content, &json!({ "assets": ids })).await.json::<Value>(200);
    let used = ada.account_now().await.used_bytes;
    assert_eq!(change(&ada, "trash", &ids[..3]).await, [ItemOutcome::Done; 3]);
    assert_eq!(change(&bob, "restore", &ids[..1]).await, [ItemOutcome::NotFound]);

    assert_eq!(ada.timeline().await.id.len(), 2);
    assert_eq!(ada.get(&content).await.json::<AssetColumns>(200).id, ids[3..]);
    let seen: Album = ada.get(&format!("/api/albums/{}", album.id)).await.json(200);
    assert_eq!((seen.count, seen.cover.unwrap().asset), (2, ids[3]));
    let mut there = trash(&ada).await;
    there.sort();
    assert_eq!(there, ids[..3], "page by page, each once");
    assert_eq!(ada.account_now().await.used_bytes, used, "what is in the trash still takes its room");
    let shown = ada.asset(ids[0]).await;
    assert!(shown.trashed_at.is_some());
    let listed: AssetColumns = ada.get("/api/trash").await.json(200);
    assert_eq!(listed.days_left, [30; 3]);
    assert!(ada.timeline().await.days_left.is_empty());
    let summary: TrashSummary = ada.get("/api/trash/summary").await.json(200);
    assert_eq!((summary.count, summary.days), (3, 30));
    assert!(summary.bytes > 0 && summary.bytes < used);
    assert_eq!(ada.get(&shown.media.thumbnail.unwrap()).await.status, 200, "the trash can be shown");

    assert_eq!(change(&ada, "restore", &ids[..1]).await, [ItemOutcome::Done]);
    assert_eq!(ada.get(&content).await.json::<AssetColumns>(200).id, [ids[0], ids[3], ids[4]]);
    assert_eq!(change(&ada, "delete", &[ids[0], ids[1]]).await, [ItemOutcome::NotTrashed, ItemOutcome::Done]);
    assert_eq!(ada.get(&shown.media.original).await.status, 200);
    assert_eq!(ada.get(&format!("/api/assets/{}", ids[1])).await.status, 404);
    // The same photo sent again is not a second one: it comes out of the trash.
    let again = ada.reserve("2.jpg", samples::jpeg(2).len() as u64, &crate::client::hash(&samples::jpeg(2))).await;
    assert_eq!(again.json::<Value>(200)["asset"], json!(ids[2]));
    assert!(trash(&ada).await.is_empty());
    assert_eq!(ada.timeline().await.id.len(), 4);
    for bad in [json!({"assets": []}), json!({"assets": vec![Uuid::nil(); 1001]}), json!({})] {
        assert_eq!(ada.post("/api/assets/trash", &bad).await.status, 422);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_trash_that_is_emptied_through_kills_is_empty_in_the_end() {
    let mut luck = luck();
    let mut app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let ids = photos(&ada, 120).await;
    let (gone, kept) = ids.split_at(110);
    change(&ada, "trash", gone).await;
    app.hold_assets(60).await;
    let emptied: TrashEmptied = ada.delete("/api/trash").await.json(202);
    assert_eq!(emptied.count, 110);
    app = app.kill_held(ids.len() as i64).await;
    for _ in 0..3 {
        assert_eq!(ada.timeline().await.id.len(), kept.len());
        sleep(Duration::from_micros(luck.random_range(0..30_000))).await;
        app = app.kill_and_restart().await;
    }
    let data = app.data();
    let empty = async || {
        let mut database = books::open(&data).await;
        let left = sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM assets").fetch_one(&mut database).await.unwrap();
        (left.0 == kept.len() as i64).then_some(())
    };
    eventually("the end of the trash", empty).await.unwrap_or_else(|late| panic!("{late}\n{}", app.log()));
    app.settle().await;
    // What the last kill left is cleared away at the next start.
    let app = app.kill_and_restart().await;
    for id in kept {
        assert_eq!(ada.asset(*id).await.trashed_at, None);
    }
    app.finish().await;
}
