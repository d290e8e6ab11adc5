//! What an owner changes by hand: the time a photo was taken, what is written about it, the favourites.

use picup_api::wire::{Asset, AssetColumns, AssetState, ItemOutcome, ItemResults, Timeline};
use picup_testkit::samples;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::Client;

async fn days(ada: &Client) -> Vec<(String, u64)> {
    let timeline: Timeline = ada.get("/api/timeline").await.json(200);
    timeline.days.into_iter().map(|day| (day.day, day.count)).collect()
}

fn day(day: &str, count: u64) -> (String, u64) {
    (day.to_owned(), count)
}

async fn edit(ada: &Client, id: Uuid, change: &Value) -> Asset {
    ada.patch(&format!("/api/assets/{id}"), change).await.json(200)
}

async fn favour(ada: &Client, assets: &[Uuid], favourite: bool) -> Vec<ItemOutcome> {
    let wish = json!({ "assets": assets, "favourite": favourite });
    let results: ItemResults = ada.post("/api/assets/favourite", &wish).await.json(200);
    results.results.into_iter().map(|result| result.outcome).collect()
}

async fn favourites(ada: &Client) -> Vec<Uuid> {
    let mut all = Vec::new();
    let mut path = "/api/favourites?limit=2".to_owned();
    loop {
        let page: AssetColumns = ada.get(&path).await.json(200);
        all.extend(page.id);
        match page.next {
            Some(next) => path = format!("/api/favourites?limit=2&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn what_an_owner_says_counts_more_than_the_file() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let taken = |number, day: &str| samples::jpeg_taken(number, &format!("{day} 07:08:09"), Some("+09:00"), 1);
    let one = ada.upload("1.jpg", &taken(1, "2024:05:06")).await;
    let two = ada.upload("2.jpg", &taken(2, "2024:05:06")).await;
    // At once: most often before it was looked at, and its file must not win later.
    let change =
        json!({"captured": {"local": "1999-12-31T23:30:00", "offset_minutes": -480}, "description": " Last\nevening "});
    let edited = edit(&ada, one, &change).await;
    let captured = |asset: &Asset| {
        let captured = asset.captured.clone();
        (captured.at, captured.local, captured.offset_minutes, captured.source)
    };
    let said = ("2000-01-01T07:30:00Z".to_owned(), "1999-12-31T23:30:00".to_owned(), Some(-480), "edited".to_owned());
    assert_eq!((captured(&edited), edited.description.as_deref()), (said.clone(), Some("Last\nevening")));
    let looked_at = ada.processed(one).await;
    ada.processed(two).await;
    assert_eq!((looked_at.state, captured(&looked_at)), (AssetState::Ready, said));
    assert_eq!(looked_at.description.as_deref(), Some("Last\nevening"));
    assert_eq!(days(&ada).await, [day("2024-05-06", 1), day("1999-12-31", 1)]);
    assert_eq!(ada.timeline().await.id, [two, one]);

    // A time of no known place; what is not named stays.
    let edited = edit(&ada, two, &json!({"captured": {"local": "1999-12-31T23:30:01"}, "favourite": true})).await;
    assert_eq!((edited.captured.offset_minutes, edited.captured.at.as_str()), (None, "1999-12-31T23:30:01Z"));
    assert_eq!(days(&ada).await, [day("1999-12-31", 2)]);
    assert_eq!(ada.timeline().await.id, [two, one]);
    assert!(edit(&ada, two, &json!({})).await.favourite);
    for nothing in [json!({"description": null}), json!({"description": " "})] {
        edit(&ada, two, &json!({"description": "a"})).await;
        assert_eq!(edit(&ada, two, &nothing).await.description, None);
    }
    let last = edit(&ada, two, &json!({"favourite": false})).await;
    assert_eq!((last.favourite, last.captured.source.as_str()), (false, "edited"));
    app.settle().await;
    app.finish().await;
}

#[tokio::test]
async fn an_edit_that_cannot_be_changes_nothing() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let id = ada.upload("1.jpg", samples::JPEG).await;
    ada.processed(id).await;
    let path = format!("/api/assets/{id}");
    let before = ada.get(&path).await.text();
    let local = |local: &str| json!({"local": local});
    for (field, value) in [
        ("captured.local", local("2023-02-29T12:00:00")),
        ("captured.local", local("2024-05-31")),
        ("captured.local", local("2024-05-31T18:04:05+02:00")),
        ("captured.local", local("0000-01-01T00:00:00")),
        ("captured.offset_minutes", json!({"local": "2024-05-31T18:04:05", "offset_minutes": 1440})),
        ("captured.offset_minutes", json!({"local": "2024-05-31T18:04:05", "offset_minutes": 40_000})),
        ("captured", json!({"offset_minutes": 60})),
    ] {
        let problem = ada.patch(&path, &json!({"favourite": true, "captured": value})).await.refused(422);
        assert!(problem.detail.contains(field), "{}", problem.detail);
    }
    for text in ["a".repeat(5_001), "a\u{0}b".to_owned()] {
        let problem = ada.patch(&path, &json!({"favourite": true, "description": text})).await.refused(422);
        assert!(problem.detail.contains("description"), "{}", problem.detail);
    }
    bob.patch(&path, &json!({"favourite": true})).await.refused(404);
    ada.with_key(&["read", "upload"]).await.patch(&path, &json!({"favourite": true})).await.refused(403);
    assert_eq!(ada.get(&path).await.text(), before);
    // What is in the trash is taken back first.
    ada.post("/api/assets/trash", &json!({"assets": [id]})).await.json::<Value>(200);
    let problem = ada.patch(&path, &json!({"favourite": true})).await.refused(409);
    assert!(problem.detail.contains("trash"), "{}", problem.detail);
    ada.post("/api/assets/restore", &json!({"assets": [id]})).await.json::<Value>(200);
    assert_eq!(ada.get(&path).await.text(), before);
    assert!(ada.with_key(&["edit"]).await.patch(&path, &json!({"favourite": true})).await.json::<Asset>(200).favourite);
    app.finish().await;
}

#[tokio::test]
async fn favourites_are_a_page_of_their_own() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let mut ids = Vec::new();
    for number in 0..5 {
        let content = samples::jpeg_taken(number, &format!("2024:05:0{} 07:08:09", number + 1), None, 1);
        ids.push(ada.upload(&format!("{number}.jpg"), &content).await);
    }
    for id in &ids {
        ada.processed(*id).await;
    }
    use ItemOutcome::{Done, NotFound, Unchanged};
    assert_eq!(favour(&bob, &ids[..1], true).await, [NotFound]);
    assert_eq!(favour(&ada, &[ids[3], Uuid::now_v7(), ids[0], ids[1]], true).await, [Done, NotFound, Done, Done]);
    assert_eq!(favour(&ada, &ids[..1], true).await, [Unchanged]);
    assert_eq!(favourites(&ada).await, [ids[3], ids[1], ids[0]], "newest first, page by page");
    assert_eq!(ada.timeline().await.favourite, [false, true, false, true, true]);
    assert!(favourites(&bob).await.is_empty());

    // It is where its time says, hidden in the trash, and a favourite again when it comes back.
    edit(&ada, ids[3], &json!({"captured": {"local": "2024-05-01T23:59:59"}})).await;
    assert_eq!(favourites(&ada).await, [ids[1], ids[3], ids[0]]);
    ada.post("/api/assets/trash", &json!({"assets": [ids[3]]})).await.json::<Value>(200);
    assert_eq!(favourites(&ada).await, [ids[1], ids[0]]);
    assert_eq!(favour(&ada, &ids[3..4], false).await, [NotFound]);
    ada.post("/api/assets/restore", &json!({"assets": [ids[3]]})).await.json::<Value>(200);
    assert_eq!(favour(&ada, &ids[1..2], false).await, [Done]);
    assert_eq!(favourites(&ada).await, [ids[3], ids[0]]);

    for bad in [
        json!({"assets": [], "favourite": true}),
        json!({"assets": vec![Uuid::nil(); 1001], "favourite": true}),
        json!({"assets": [ids[0]]}),
    ] {
        ada.post("/api/assets/favourite", &bad).await.refused(422);
    }
    ada.get("/api/favourites?limit=0").await.refused(422);
    ada.get("/api/favourites?cursor=x").await.refused(422);
    app.finish().await;
}

#[tokio::test]
async fn whoever_sent_something_may_ask_how_far_it_has_come() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let (one, two) = (ada.upload("1.jpg", &samples::jpeg(1)).await, ada.upload("2.txt", b"no picture").await);
    for id in [one, two] {
        ada.processed(id).await;
    }
    ada.post("/api/assets/trash", &json!({"assets": [two]})).await.json::<Value>(200);
    let nowhere = Uuid::now_v7();
    let wish = json!({"assets": [two, nowhere, one, one]});
    let not_found = |id: Uuid| json!({"outcome": "not_found", "asset": id});
    let first = json!({"outcome": "found", "asset": one, "state": "ready", "trashed": false});
    let second = json!({"outcome": "found", "asset": two, "state": "unviewable", "trashed": true});
    for scope in ["upload", "read"] {
        let answer: Value = ada.with_key(&[scope]).await.post("/api/assets/states", &wish).await.json(200);
        assert_eq!(answer["states"], json!([second, not_found(nowhere), first, first]), "{scope}");
    }
    ada.with_key(&["edit"]).await.post("/api/assets/states", &wish).await.refused(403);
    let answer: Value = bob.post("/api/assets/states", &json!({"assets": [one]})).await.json(200);
    assert_eq!(answer["states"], json!([not_found(one)]));
    let many: Vec<Uuid> = std::iter::repeat_with(Uuid::now_v7).take(1000).collect();
    let answer: Value = ada.post("/api/assets/states", &json!({ "assets": many })).await.json(200);
    assert_eq!(answer["states"].as_array().unwrap().len(), 1000);
    for bad in [json!({"assets": []}), json!({"assets": vec![one; 1001]})] {
        ada.post("/api/assets/states", &bad).await.refused(422);
    }
    app.finish().await;
}
