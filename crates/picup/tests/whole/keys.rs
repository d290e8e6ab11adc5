//! API keys over HTTP: what a program does with one, and when it ends. Which scope reaches which operation is `authorisation`'s.

use picup_api::wire;
use picup_testkit::samples;
use reqwest::Method;
use serde_json::json;

use crate::app::TestApp;
use crate::client::Who;

#[tokio::test]
async fn a_program_uploads_by_key_and_sees_nothing() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let phone = ada.with_key(&["upload"]).await;
    let asset = phone.upload("a.jpg", samples::JPEG).await;
    let shown = ada.processed(asset).await;
    let album: wire::Album = phone.post("/api/albums", &json!({"title": "Phone"})).await.json(201);
    let path = format!("/api/albums/{}/assets", album.id);
    let added: wire::ItemResults = phone.post(&path, &json!({"assets": [asset]})).await.json(200);
    assert_eq!(added.results[0].outcome, wire::ItemOutcome::Done);
    assert_eq!(phone.account_now().await.used_bytes, samples::JPEG.len() as u64);
    phone.get(&path).await.refused(403);
    phone.post("/api/session/media", &json!({})).await.refused(403);
    assert_eq!(phone.get(&shown.media.original).await.status, 403);
    app.finish().await;
}

#[tokio::test]
async fn an_operator_makes_lists_and_revokes_keys() {
    let app = TestApp::start().await;
    let email = crate::app::email("ada");
    let made =
        app.user_done(&["key", &email, "--scope", "upload,read", "--name", "phone", "--days", "9", "--json"]).await;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let mut phone = app.stranger();
    phone.who = Who::Bearer(made["token"].as_str().unwrap().to_owned());
    assert_eq!(phone.get("/api/timeline").await.status, 200);
    phone.post("/api/assets/trash", &json!({"assets": [uuid::Uuid::nil()]})).await.refused(403);
    let listed = app.user_done(&["keys", &email]).await;
    assert!(listed.contains("phone") && listed.contains("upload read") && listed.contains("last used"), "{listed}");
    assert!(!listed.contains(made["token"].as_str().unwrap()), "a token is shown once");
    let id = made["id"].as_str().unwrap();
    assert!(app.user_done(&["keys", &email, "--revoke", id]).await.contains("no keys"));
    phone.get("/api/timeline").await.refused(401);
    for wrong in [&["key", &email, "--scope", "fly", "--name", "a"][..], &["keys", &email, "--revoke", id]] {
        assert!(!app.user(wrong).await.status.success(), "{wrong:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_reads_opens_media() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let original = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media.original;
    let others = bob.processed(bob.upload("b.jpg", samples::JPEG).await).await.media.original;
    let token = ada.api_key(&["read"]).await.token;
    let mut viewer = app.stranger();
    viewer.who = Who::Cookies(crate::client::Jar::default());
    let answer = viewer.send(viewer.request(Method::POST, "/api/session/media").header("x-api-key", &token)).await;
    let media: wire::MediaSession = answer.json(200);
    assert_eq!(media.path, format!("/media/{}/", ada.account()));
    assert_eq!(viewer.get(&original).await.body, samples::JPEG);
    assert_eq!(viewer.get(&others).await.status, 403);
    // The cookies are for media alone.
    assert_eq!(viewer.get("/api/account").await.status, 401);
    app.finish().await;
}

#[tokio::test]
async fn a_key_ends_when_it_is_revoked_and_with_its_account() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let made = ada.api_key(&["read", "edit"]).await;
    let program = |token: &str| {
        let mut program = app.stranger();
        program.who = Who::Bearer(token.to_owned());
        program
    };
    assert_eq!(program(&made.token).get("/api/timeline").await.status, 200);
    let keys: wire::ApiKeys = ada.get("/api/keys").await.json(200);
    assert_eq!(keys.keys.len(), 1);
    assert!(keys.keys[0].last_used_at.is_some());
    assert!(bob.get("/api/keys").await.json::<wire::ApiKeys>(200).keys.is_empty());
    bob.delete(&format!("/api/keys/{}", made.key.id)).await.refused(404);
    assert_eq!(ada.delete(&format!("/api/keys/{}", made.key.id)).await.status, 204);
    program(&made.token).get("/api/timeline").await.refused(401);

    let bobs = bob.api_key(&["read"]).await;
    let mut database = crate::books::open(&app.data()).await;
    sqlx::query("UPDATE accounts SET disabled_at = 1 WHERE email = ?")
        .bind(crate::app::email("bob"))
        .execute(&mut database)
        .await
        .unwrap();
    program(&bobs.token).get("/api/timeline").await.refused(401);
    let log = app.finish().await;
    assert!(!log.contains(&made.token) && !log.contains(&bobs.token), "{log}");
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_not_made() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    for bad in [
        json!({"name": "", "scopes": ["read"]}),
        json!({"name": "x".repeat(101), "scopes": ["read"]}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["admin"]}),
        json!({"name": "x", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}),
        json!({"name": "x", "scopes": ["read"], "expires_at": "tomorrow"}),
        json!({"name": "x", "scopes": ["read"], "account": ada.account()}),
    ] {
        ada.post("/api/keys", &bad).await.refused(422);
    }
    let ends = json!({"name": "x", "scopes": ["read"], "expires_at": "2999-01-01T00:00:00Z"});
    assert_eq!(ada.post("/api/keys", &ends).await.status, 201);
    assert_eq!(ada.get("/api/keys").await.json::<wire::ApiKeys>(200).keys.len(), 1);
    app.finish().await;
}
