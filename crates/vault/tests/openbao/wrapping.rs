//! A secret id that is given out once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use picup_testkit::{Asked, HttpStandIn, Told};
use picup_vault::{Error, Identity, Settings, Vault};
use serde_json::{Value, json};

use crate::support::{Stage, address_of, password, write};

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once_and_serves_later_logins() {
    let stage = Stage::start().await;
    let path = stage.file("wrapped", "none yet");
    let settings = stage.wrapped(&path).await;
    write(&path, &stage.bao.wrapped_secret_id("approle", "picup").await.unwrap());
    let vault = Vault::open(settings).await.unwrap();
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    // With the file there, and without it.
    stage.revoke_logins().await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    std::fs::remove_file(&path).unwrap();
    stage.revoke_logins().await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    // A new one that is put there is taken.
    write(&path, &stage.bao.wrapped_secret_id("approle", "picup").await.unwrap());
    stage.revoke_logins().await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    let token = std::fs::read_to_string(&path).unwrap();
    let (status, _) = stage.bao.ask("POST", "sys/wrapping/unwrap", Some(&token), &Value::Null).await.unwrap();
    assert_eq!(status, 400, "it was unwrapped by us");
    vault.close().await.unwrap();
}

#[tokio::test]
async fn that_somebody_unwrapped_it_first_is_an_alarm() {
    let stage = Stage::start().await;
    let path = stage.file("wrapped", "none yet");
    let settings = stage.wrapped(&path).await;
    let token = stage.bao.wrapped_secret_id("approle", "picup").await.unwrap();
    write(&path, &token);
    let (status, _) = stage.bao.ask("POST", "sys/wrapping/unwrap", Some(&token), &Value::Null).await.unwrap();
    assert_eq!(status, 200, "the thief has it");
    let alarm = Vault::open(settings).await.unwrap_err();
    assert!(alarm.is_alarm() && matches!(alarm, Error::AlreadyUnwrapped { .. }), "{alarm}");
    let shown = format!("{alarm} {alarm:?}");
    assert!(shown.starts_with("ALARM") && !shown.contains(&token), "{shown}");
}

#[tokio::test]
async fn a_token_that_wraps_something_else_is_an_alarm_and_not_opened() {
    let stage = Stage::start().await;
    let path = stage.file("wrapped", "none yet");
    let settings = stage.wrapped(&path).await;
    // What a thief could make who has no right but to wrap: a secret id of his own.
    let headers = json!({ "secret_id": "11111111-2222-3333-4444-555555555555" });
    let made = stage.bao.wrap("sys/wrapping/wrap", &headers).await.unwrap();
    write(&path, &made);
    let alarm = Vault::open(settings).await.unwrap_err();
    assert!(
        matches!(&alarm, Error::WrongWrapping { found, .. } if found == "sys/wrapping/wrap") && alarm.is_alarm(),
        "{alarm}"
    );
    let (status, _) = stage.bao.ask("POST", "sys/wrapping/unwrap", Some(&made), &Value::Null).await.unwrap();
    assert_eq!(status, 200, "it was left as it was, for whoever looks into it");
}

#[tokio::test]
async fn a_secret_id_in_clear_is_refused_where_a_wrapped_one_is_due() {
    let stage = Stage::start().await;
    let path = stage.file("wrapped", "11111111-2222-3333-4444-555555555555");
    let settings = stage.wrapped(&path).await;
    assert!(matches!(Vault::open(settings).await, Err(Error::NotWrapped { .. })));
}

#[tokio::test]
async fn a_secret_id_for_another_machine_is_made_wrapped_or_not_at_all() {
    let stage = Stage::start().await;
    let settings = stage.app_role("1h", "1h").await;
    stage.bao.write("auth/approle/role/other", &json!({ "token_ttl": "1h" })).await.unwrap();
    let vault = Vault::open(settings).await.unwrap();
    let token = vault.wrapped_secret_id("approle", "other", Duration::from_secs(60)).await.unwrap();
    let (status, unwrapped) =
        stage.bao.ask("POST", "sys/wrapping/unwrap", Some(token.show()), &Value::Null).await.unwrap();
    assert_eq!(status, 200);
    assert!(unwrapped["data"]["secret_id"].is_string());
    vault.close().await.unwrap();

    // A server that does not know the header, and answers in clear.
    let careless = HttpStandIn::start(|asked: Asked| match asked.path.as_str() {
        "/v1/auth/approle/login" => Told::json(200, &json!({ "auth": { "client_token": "s.careless" } })),
        _ => Told::json(200, &json!({ "data": { "secret_id": "in clear" } })),
    });
    let careless = careless.await.unwrap();
    let vault = Vault::open(at(&careless, &stage, false)).await.unwrap();
    let refused = vault.wrapped_secret_id("approle", "other", Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(refused, Error::NotWrapped { .. }), "{refused}");
    let asked = careless.asked();
    assert_eq!(asked.last().unwrap().headers["x-vault-wrap-ttl"], "60s");
}

#[tokio::test]
async fn an_unwrap_that_fails_is_never_tried_again() {
    let stage = Stage::start().await;
    for (status, answer) in
        [(400, json!({ "errors": ["wrapping token is not valid or does not exist"] })), (200, json!([]))]
    {
        let unwraps = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&unwraps);
        let server = HttpStandIn::start(move |asked: Asked| match asked.path.as_str() {
            "/v1/sys/wrapping/lookup" => {
                Told::json(200, &json!({ "data": { "creation_path": "auth/approle/role/picup/secret-id" } }))
            }
            _ => {
                counted.fetch_add(1, Ordering::SeqCst);
                Told::json(status, &answer)
            }
        });
        let server = server.await.unwrap();
        let failed = Vault::open(at(&server, &stage, true)).await.unwrap_err();
        let right = match status {
            400 => matches!(failed, Error::AlreadyUnwrapped { .. }),
            _ => matches!(failed, Error::UnwrapUnanswered { .. }),
        };
        assert!(right, "{failed}");
        assert_eq!(unwraps.load(Ordering::SeqCst), 1);
    }
}

/// Asks a stand-in as an AppRole.
fn at(server: &HttpStandIn, stage: &Stage, wrapped: bool) -> Settings {
    let secret_id_file = stage.file("token", "s.wrapping");
    let identity =
        Identity::AppRole { mount: "approle".to_owned(), role_id: "picup".to_owned(), secret_id_file, wrapped };
    Settings::new(address_of(server), identity)
}
