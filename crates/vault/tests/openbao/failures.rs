//! Vault that is sealed, away, slow, or out of its mind: each told apart, and survived.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use picup_testkit::{Asked, Direction, Fault, FaultProxy, HttpStandIn, Told};
use picup_vault::{Address, Error, KvVersion, Settings, Standing, Vault, Wanted};
use serde_json::json;

use crate::support::{Stage, by_jwt, password, short, until};

fn one() -> Wanted {
    Wanted::Kv { mount: "kv".to_owned(), path: "picup/one".to_owned(), version: Some(KvVersion::V2) }
}

#[tokio::test]
async fn sealed_is_told_apart_from_forbidden_and_what_was_known_stays() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("1h", "1h").await).await.unwrap();
    let follow = vault.follow(one()).await.unwrap();
    stage.bao.seal().await.unwrap();
    let standing = until(follow.standing(), |standing| standing.last_error == Some(Error::Sealed)).await;
    assert!(!standing.is_well() && standing.until.is_none());
    assert_eq!(follow.current().unwrap().data.get("password"), Some("tulip"));
    assert_eq!(password(&vault).await, Err(Error::Sealed));
    stage.bao.unseal().await.unwrap();
    let well = until(follow.standing(), Standing::is_well).await;
    assert!(well.since > standing.since);
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    assert_eq!(stage.tokens().await, 1, "being sealed is no reason to log in anew");
    vault.close().await.unwrap();
}

#[tokio::test]
async fn nothing_begins_while_vault_is_sealed_or_away() {
    let mut stage = Stage::start().await;
    let settings = stage.app_role("1h", "1h").await;
    stage.bao.seal().await.unwrap();
    assert_eq!(Vault::open(settings.clone()).await.unwrap_err(), Error::Sealed);
    stage.bao.kill().unwrap();
    assert!(matches!(Vault::open(settings).await, Err(Error::Unreachable { .. })));
}

#[tokio::test]
async fn vault_that_was_away_is_found_again() {
    let mut stage = Stage::start_on_disk().await;
    let settings = Settings { timeouts: short(), ..stage.app_role("1h", "1h").await };
    let vault = Vault::open(settings).await.unwrap();
    let follow = vault.follow(one()).await.unwrap();
    stage.bao.kill().unwrap();
    until(follow.standing(), |standing| matches!(standing.last_error, Some(Error::Unreachable { .. }))).await;
    assert_eq!(follow.current().unwrap().data.get("password"), Some("tulip"));
    stage.bao.start_again().await.unwrap();
    stage.put("rose").await;
    let secret = until(follow.secret(), |secret| secret.number == 2).await;
    assert_eq!(secret.data.get("password"), Some("rose"));
    until(follow.standing(), Standing::is_well).await;
    vault.close().await.unwrap();
}

#[tokio::test]
async fn a_token_that_ended_while_vault_was_away_is_followed_by_another() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("1s", "1h").await).await.unwrap();
    stage.bao.seal().await.unwrap();
    until(vault.standing(), |standing| standing.last_error.is_some() && standing.has_ended()).await;
    stage.bao.unseal().await.unwrap();
    until(vault.standing(), Standing::is_well).await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    vault.close().await.unwrap();
}

#[tokio::test]
async fn vault_that_answers_too_slowly_is_not_waited_for() {
    let stage = Stage::start().await;
    let proxy = FaultProxy::start(stage.bao.address()).await.unwrap();
    let settings = stage.app_role("1h", "1h").await;
    let address = Address::parse(&format!("http://{}", proxy.address())).unwrap();
    let vault = Vault::open(Settings { address, timeouts: short(), ..settings }).await.unwrap();
    let follow = vault.follow(one()).await.unwrap();
    for fault in [Fault::Stall, Fault::Slow(20), Fault::CutAfter(20), Fault::ResetAfter(20)] {
        proxy.set(Direction::ToClient, fault);
        let failed = password(&vault).await.unwrap_err();
        assert!(matches!(failed, Error::Unreachable { .. }), "{fault:?}: {failed}");
        until(follow.standing(), |standing| !standing.is_well()).await;
        assert_eq!(follow.current().unwrap().data.get("password"), Some("tulip"));
        proxy.set(Direction::ToClient, Fault::Pass);
        proxy.sever();
        until(follow.standing(), Standing::is_well).await;
    }
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    vault.close().await.unwrap();
}

/// A server that lets everybody in, and answers everything else as it is told to.
async fn mad(answers: Arc<Mutex<Told>>) -> (HttpStandIn, Vault) {
    let server = HttpStandIn::start(move |asked: Asked| match asked.path.as_str() {
        "/v1/auth/jwt/login" => Told::json(200, &json!({ "auth": { "client_token": "s.tulip", "lease_duration": 0 } })),
        "/v1/auth/token/lookup-self" => Told::json(200, &json!({ "data": { "ttl": 0 } })),
        _ => answers.lock().unwrap().clone(),
    });
    let server = server.await.unwrap();
    let vault = Vault::open(by_jwt(&server)).await.unwrap();
    (server, vault)
}

#[tokio::test]
async fn every_answer_has_its_own_words() {
    let answers = Arc::new(Mutex::new(Told::default()));
    let (_server, vault) = mad(Arc::clone(&answers)).await;
    let errors = |status, words: &str| Told::json(status, &json!({ "errors": [words] }));
    let mut limited = errors(429, "request path \"kv\": rate limit quota exceeded");
    limited.headers.push(("retry-after".to_owned(), "7".to_owned()));
    let mut elsewhere = Told { status: 307, ..Told::default() };
    elsewhere.headers.push(("location".to_owned(), "http://127.0.0.1:1/v1/kv/data/x".to_owned()));
    let html = Told { status: 200, body: "<html>It works!</html>".into(), ..Told::default() };
    let long = Told { status: 200, body: vec![b' '; (1 << 20) + 1].into(), ..Told::default() };
    type Is = fn(&Error) -> bool;
    let cases: [(Told, Is); 12] = [
        (errors(500, "no s.tulip here"), |error| matches!(error, Error::Server { status: 500, .. })),
        (errors(502, ""), |error| matches!(error, Error::Server { status: 502, .. })),
        (errors(503, "Vault is sealed"), |error| matches!(error, Error::Sealed)),
        (Told { status: 503, body: "busy".into(), ..Told::default() }, |error| {
            matches!(error, Error::Server { status: 503, .. })
        }),
        (limited, |error| matches!(error, Error::TooMany { after: Some(after) } if after.as_secs() == 7)),
        (errors(472, ""), |error| matches!(error, Error::Standby { status: 472 })),
        (errors(473, ""), |error| matches!(error, Error::Standby { status: 473 })),
        (elsewhere, |error| matches!(error, Error::Standby { status: 307 })),
        (errors(403, "permission denied"), |error| matches!(error, Error::Forbidden { .. })),
        (errors(404, ""), |error| matches!(error, Error::Missing { .. })),
        (html, |error| matches!(error, Error::Answer { .. })),
        (long, |error| matches!(error, Error::Answer { problem, .. } if problem.contains("1 MiB"))),
    ];
    for (told, is) in cases {
        let status = told.status;
        *answers.lock().unwrap() = told;
        let error = vault.read_kv("kv", "x", Some(KvVersion::V2)).await.unwrap_err();
        assert!(is(&error), "{status}: {error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("tulip") && !shown.contains("It works"), "{shown}");
    }
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again_until_it_goes() {
    let good = Told::json(200, &json!({ "data": { "data": { "password": "lily" }, "metadata": { "version": 1 } } }));
    let answers = Arc::new(Mutex::new(good.clone()));
    let (server, _vault) = mad(Arc::clone(&answers)).await;
    let follow = {
        let settings = Settings { look_again: Duration::from_millis(50), ..by_jwt(&server) };
        let vault = Vault::open(settings).await.unwrap();
        vault.follow(one()).await.unwrap()
    };
    *answers.lock().unwrap() = Told::json(500, &json!({ "errors": ["context deadline exceeded"] }));
    let ill = until(follow.standing(), |standing| !standing.is_well()).await;
    assert!(matches!(ill.last_error, Some(Error::Server { status: 500, .. })));
    *answers.lock().unwrap() = good;
    until(follow.standing(), Standing::is_well).await;
    assert_eq!(follow.current().unwrap().number, 1, "what did not change is not passed on");
}
