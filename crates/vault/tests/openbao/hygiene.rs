//! That nothing secret is shown: a canary in every place, looked for in all that is printed or logged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use picup_vault::Vault;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Stage, one, password, until, write};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What the other tests say meanwhile is heard too, and may show as little.
#[tokio::test]
async fn no_secret_is_in_anything_that_is_printed_or_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let stage = Stage::start().await;
    let path = stage.file("wrapped", "none yet");
    let settings = stage.wrapped(&path).await;
    let wrapping = stage.bao.wrapped_secret_id("approle", "picup").await.unwrap();
    write(&path, &wrapping);
    let vault = Vault::open(settings.clone()).await.unwrap();
    let follow = vault.follow(one()).await.unwrap();
    stage.put("canary-in-a-value").await;
    let secret = until(follow.secret(), |secret| secret.number == 2).await;
    stage.revoke_logins().await;
    password(&vault).await.unwrap();
    stage.bao.seal().await.unwrap();
    until(follow.standing(), |standing| !standing.is_well()).await;
    let shown = format!(
        "{vault:?} {follow:?} {secret:?} {:?} {settings:?} {:?}",
        follow.standing().borrow(),
        password(&vault).await
    );
    stage.bao.unseal().await.unwrap();
    vault.close().await.unwrap();
    let alarm = Vault::open(settings).await.unwrap_err();
    tracing::error!(%alarm, ?alarm, "for the canary");

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("Vault has let us in") && logged.contains("a secret has changed"), "the log is heard");
    let all = format!("{shown}\n{logged}");
    for (what, canary) in [
        ("the wrapping token", &*wrapping),
        ("a value", "canary-in-a-value"),
        ("a value before", "tulip"),
        ("any token", "\"s."),
        ("a token in a header", ": s."),
    ] {
        let found = all.find(canary).map(|at| &all[at.saturating_sub(300)..(at + 60).min(all.len())]);
        assert_eq!(found, None, "{what} was shown");
    }
}
