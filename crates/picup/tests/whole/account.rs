//! A person's own account over HTTP: its name, its address, its password, and how often that may be guessed.

use picup_api::wire;
use serde_json::json;

use crate::app::{PASSWORD, TestApp, email};
use crate::client::{Answer, Client};

const NEW: &str = "a password that is new";

async fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/api/session", &json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn a_person_changes_name_and_address() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let changed: wire::Account = ada.patch("/api/account", &json!({"name": " Countess "})).await.json(200);
    assert_eq!((changed.name.as_str(), changed.email.as_str()), ("Countess", email("ada").as_str()));
    // What is the same already is no change that wants a password.
    ada.patch("/api/account", &json!({"email": email("ada")})).await.json::<wire::Account>(200);
    let wish = |address: &str, password: &str| json!({"email": address, "password": password});
    ada.patch("/api/account", &json!({"email": "countess@example.org"})).await.refused(422);
    ada.patch("/api/account", &wish("countess@example.org", "wrong password")).await.refused(401);
    let taken = ada.patch("/api/account", &wish(&email("bob"), PASSWORD)).await;
    assert_eq!(taken.refused(409).r#type, "urn:picup:email-taken");
    for bad in [json!({"email": "countess"}), json!({"name": ""}), json!({"role": "admin"}), json!({"quota_bytes": 1})]
    {
        ada.patch("/api/account", &bad).await.refused(422);
    }
    assert_eq!(ada.account_now().await.email, email("ada"));
    let changed: wire::Account = ada.patch("/api/account", &wish("Countess@example.org", PASSWORD)).await.json(200);
    assert_eq!(changed.email, "countess@example.org");
    sign_in(&app.stranger(), &email("ada"), PASSWORD).await.refused(401);
    assert_eq!(sign_in(&app.stranger(), "countess@example.org", PASSWORD).await.status, 200);
    assert_eq!(bob.account_now().await.email, email("bob"));
    app.finish().await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_no_key() {
    let app = TestApp::start().await;
    let (ada, other, bob) = (app.sign_in("ada").await, app.sign_in("ada").await, app.sign_in("bob").await);
    let phone = ada.with_key(&["upload"]).await;
    let refresh = |client: &Client| {
        let token = client.session.clone().unwrap().tokens.unwrap().refresh_token;
        json!({"refresh_token": token})
    };
    let change = async |current: &str, new: &str| {
        ada.post("/api/account/password", &json!({"current": current, "new": new})).await
    };
    change("wrong password", NEW).await.refused(401);
    change(PASSWORD, "short").await.refused(422);
    assert_eq!(app.stranger().post("/api/session/refresh", &refresh(&bob)).await.status, 200);
    assert_eq!(change(PASSWORD, NEW).await.status, 204);
    sign_in(&app.stranger(), &email("ada"), PASSWORD).await.refused(401);
    assert_eq!(sign_in(&app.stranger(), &email("ada"), NEW).await.status, 200);
    app.stranger().post("/api/session/refresh", &refresh(&other)).await.refused(401);
    assert_eq!(app.stranger().post("/api/session/refresh", &refresh(&ada)).await.status, 200);
    assert_eq!(phone.account_now().await.email, email("ada"));
    let log = app.finish().await;
    assert!(!log.contains(NEW) && !log.contains(PASSWORD), "{log}");
}

#[tokio::test]
async fn guessing_a_password_ends_soon_wherever_it_is_asked_for() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let stranger = app.stranger();
    for attempt in 0..10 {
        let answer = match attempt % 3 {
            0 => sign_in(&stranger, &email("ada"), "wrong password").await,
            1 => ada.post("/api/account/password", &json!({"current": "wrong password", "new": NEW})).await,
            _ => ada.patch("/api/account", &json!({"email": "a@example.org", "password": "wrong password"})).await,
        };
        assert_eq!(answer.refused(401).r#type, "urn:picup:wrong-credentials");
    }
    let limited = [
        sign_in(&stranger, &email("ada"), PASSWORD).await,
        ada.post("/api/account/password", &json!({"current": PASSWORD, "new": NEW})).await,
        ada.patch("/api/account", &json!({"email": "a@example.org", "password": PASSWORD})).await,
    ];
    for answer in limited {
        assert_eq!(answer.refused(429).r#type, "urn:picup:too-many-attempts");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=90).contains(&wait), "{wait}");
    }
    // Who is signed in stays so, and others at the same address sign in.
    assert_eq!(ada.account_now().await.email, email("ada"));
    assert_eq!(sign_in(&stranger, &email("bob"), PASSWORD).await.status, 200);
    assert_eq!(bob.patch("/api/account", &json!({"name": "Bob"})).await.status, 200);
    app.finish().await;
}
