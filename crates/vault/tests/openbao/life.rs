//! The life of a token: renewed, made anew, given back.

use picup_vault::{Error, Settings, Vault};

use crate::support::{Stage, one, password, until};

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_stays_the_same() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("2s", "1h").await).await.unwrap();
    let first = vault.standing().borrow().until.unwrap();
    // Beyond the end of the first two seconds.
    until(vault.standing(), |standing| standing.until.unwrap() > first + std::time::Duration::from_secs(2)).await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    assert_eq!(stage.tokens().await, 1);
    vault.close().await.unwrap();
    assert_eq!(stage.tokens().await, 0);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_for_ever_is_followed_by_another() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("2s", "3s").await).await.unwrap();
    let first = vault.standing().borrow().until.unwrap();
    let mut standing = vault.standing();
    // Nothing that is asked on the way fails.
    while standing.borrow().until.unwrap() < first + std::time::Duration::from_secs(4) {
        assert_eq!(password(&vault).await.unwrap(), "tulip");
        tokio::time::timeout(crate::support::PATIENCE, standing.changed()).await.unwrap().unwrap();
        let now = standing.borrow().clone();
        assert_eq!(now.last_error, None);
    }
    vault.close().await.unwrap();
    assert_eq!(stage.tokens().await, 0);
}

#[tokio::test]
async fn a_token_that_was_revoked_is_followed_by_another_at_once() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("1h", "1h").await).await.unwrap();
    stage.revoke_logins().await;
    assert_eq!(stage.tokens().await, 0);
    // Many at once make one login.
    let many: Vec<_> = (0..20)
        .map(|_| {
            let vault = vault.clone();
            tokio::spawn(async move { password(&vault).await })
        })
        .collect();
    for one in many {
        assert_eq!(one.await.unwrap().unwrap(), "tulip");
    }
    assert_eq!(stage.tokens().await, 1);
    vault.close().await.unwrap();
}

#[tokio::test]
async fn nothing_is_asked_after_the_end() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("1h", "1h").await).await.unwrap();
    let follow = vault.follow(one()).await.unwrap();
    vault.close().await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(stage.tokens().await, 0);
    assert_eq!(password(&vault).await, Err(Error::Closed));
    // The work in the background ends, which drops what it told by.
    let mut secret = follow.secret();
    assert!(tokio::time::timeout(crate::support::PATIENCE, secret.changed()).await.unwrap().is_err());
    assert_eq!(follow.current().unwrap().data.get("password"), Some("tulip"));
}

#[tokio::test]
async fn an_end_without_vault_takes_no_longer_than_it_may() {
    let mut stage = Stage::start().await;
    let settings = stage.app_role("1h", "1h").await;
    let vault = Vault::open(Settings { timeouts: crate::support::short(), ..settings }).await.unwrap();
    stage.bao.kill().unwrap();
    let began = std::time::Instant::now();
    assert!(matches!(vault.close().await, Err(Error::Unreachable { .. })));
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}
