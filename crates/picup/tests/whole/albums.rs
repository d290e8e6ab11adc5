//! How an album is arranged: its cover and its order, as its owner says.

use picup_api::wire::{Album, AssetColumns, ItemOutcome, ItemResults};
use picup_testkit::samples;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::Client;

/// Photos of Ada's, all but the last in an album of hers.
async fn arranged(ada: &Client, count: u64) -> (String, Vec<Uuid>) {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(ada.upload(&format!("{number}.jpg"), &samples::jpeg(number)).await);
    }
    for id in &ids {
        ada.processed(*id).await;
    }
    let album: Album = ada.post("/api/albums", &json!({"title": "Holiday"})).await.json(201);
    let path = format!("/api/albums/{}", album.id);
    let inside = &ids[..ids.len() - 1];
    ada.post(&format!("{path}/assets"), &json!({ "assets": inside })).await.json::<ItemResults>(200);
    (path, ids)
}

async fn cover(ada: &Client, path: &str) -> Uuid {
    ada.get(path).await.json::<Album>(200).cover.unwrap().asset
}

/// The album page by page.
async fn content(ada: &Client, path: &str) -> Vec<Uuid> {
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let page: AssetColumns = ada.get(&format!("{path}/assets?limit=2{next}")).await.json(200);
        all.extend(page.id);
        match page.next {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_cover_is_chosen_and_falls_back_when_it_goes() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let (path, ids) = arranged(&ada, 5).await;
    assert_eq!(cover(&ada, &path).await, ids[0]);
    let choose = async |cover: &Value| ada.patch(&path, &json!({ "cover": cover })).await;
    let chosen: Album = choose(&json!(ids[2])).await.json(200);
    assert_eq!((chosen.title.as_str(), chosen.count, chosen.cover.unwrap().asset), ("Holiday", 4, ids[2]));
    for outside in [ids[4], Uuid::now_v7()] {
        let both = json!({"title": "Lost", "cover": outside});
        let problem = ada.patch(&path, &both).await.refused(422);
        assert!(problem.detail.contains("cover"), "{}", problem.detail);
    }
    bob.patch(&path, &json!({"cover": ids[1]})).await.refused(404);
    ada.with_key(&["upload", "read"]).await.patch(&path, &json!({"cover": ids[1]})).await.refused(403);
    let renamed: Album = ada.patch(&path, &json!({"title": "Sea"})).await.json(200);
    assert_eq!((renamed.title.as_str(), renamed.cover.unwrap().asset), ("Sea", ids[2]));

    // Out of the album, into the trash, gone for ever: whatever is first is on the cover then, and stays there.
    ada.post(&format!("{path}/assets/remove"), &json!({"assets": [ids[2]]})).await.json::<Value>(200);
    assert_eq!(cover(&ada, &path).await, ids[0]);
    choose(&json!(ids[1])).await.json::<Album>(200);
    ada.post("/api/assets/trash", &json!({"assets": [ids[1]]})).await.json::<Value>(200);
    assert_eq!(cover(&ada, &path).await, ids[0]);
    choose(&json!(ids[1])).await.refused(422);
    ada.post("/api/assets/restore", &json!({"assets": [ids[1]]})).await.json::<Value>(200);
    assert_eq!(cover(&ada, &path).await, ids[0]);
    choose(&json!(ids[3])).await.json::<Album>(200);
    ada.post("/api/assets/trash", &json!({"assets": [ids[3]]})).await.json::<Value>(200);
    ada.post("/api/assets/delete", &json!({"assets": [ids[3]]})).await.json::<Value>(200);
    assert_eq!(cover(&ada, &path).await, ids[0]);
    choose(&json!(ids[1])).await.json::<Album>(200);
    assert_eq!(choose(&Value::Null).await.json::<Album>(200).cover.unwrap().asset, ids[0]);
    app.finish().await;
}

#[tokio::test]
async fn assets_are_put_into_an_order() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let (path, ids) = arranged(&ada, 6).await;
    let order = format!("{path}/order");
    let outcomes = |answer: crate::client::Answer| -> Vec<ItemOutcome> {
        answer.json::<ItemResults>(200).results.into_iter().map(|result| result.outcome).collect()
    };
    use ItemOutcome::{Done, NotFound};
    let wish = json!({"assets": [ids[4], ids[5], ids[0]], "before": ids[2]});
    assert_eq!(outcomes(ada.post(&order, &wish).await), [Done, NotFound, Done]);
    assert_eq!(content(&ada, &path).await, [ids[1], ids[4], ids[0], ids[2], ids[3]]);
    assert_eq!(cover(&ada, &path).await, ids[1]);
    assert_eq!(outcomes(ada.post(&order, &json!({"assets": [ids[1]]})).await), [Done]);
    assert_eq!(content(&ada, &path).await, [ids[4], ids[0], ids[2], ids[3], ids[1]]);
    // What lies in the trash keeps its place among the others.
    ada.post("/api/assets/trash", &json!({"assets": [ids[0]]})).await.json::<Value>(200);
    assert_eq!(outcomes(ada.post(&order, &json!({"assets": [ids[1]], "before": ids[2]})).await), [Done]);
    assert_eq!(content(&ada, &path).await, [ids[4], ids[1], ids[2], ids[3]]);
    ada.post("/api/assets/restore", &json!({"assets": [ids[0]]})).await.json::<Value>(200);
    let all = [ids[4], ids[0], ids[1], ids[2], ids[3]];
    assert_eq!(content(&ada, &path).await, all);

    for (field, bad) in [
        ("before", json!({"assets": [ids[0]], "before": ids[5]})),
        ("before", json!({"assets": [ids[0]], "before": ids[0]})),
        ("assets", json!({"assets": []})),
        ("assets", json!({"assets": vec![ids[0]; 1001]})),
    ] {
        let problem = ada.post(&order, &bad).await.refused(422);
        assert!(problem.detail.contains(field), "{}", problem.detail);
    }
    bob.post(&order, &json!({"assets": [ids[0]]})).await.refused(404);
    ada.with_key(&["upload", "read"]).await.post(&order, &json!({"assets": [ids[0]]})).await.refused(403);
    assert_eq!(content(&ada, &path).await, all);
    app.finish().await;
}
