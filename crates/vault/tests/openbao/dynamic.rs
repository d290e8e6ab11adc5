//! Accounts of a real MariaDB that Vault makes for us and lends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use picup_testkit::{Asked, DatabaseServer, HttpStandIn, Told};
use picup_vault::{Error, Secret, Settings, Vault, Wanted};
use serde_json::json;

use crate::support::{Stage, by_jwt, eventually, until};

struct Database {
    stage: Stage,
    server: DatabaseServer,
}

impl Database {
    /// An OpenBao that makes accounts in a MariaDB, which last `ttl` and, renewed, `most`.
    async fn start(ttl: &str, most: &str) -> Self {
        let (stage, server) = (Stage::start().await, DatabaseServer::start(&[]).unwrap());
        server.say("CREATE USER bao@'%' IDENTIFIED BY 'bao'; GRANT ALL ON *.* TO bao@'%' WITH GRANT OPTION").unwrap();
        stage.bao.enable_engine("database", "database", &json!({})).await.unwrap();
        let config = json!({
            "plugin_name": "mysql-database-plugin",
            "connection_url": format!("{{{{username}}}}:{{{{password}}}}@tcp({})/", server.address()),
            "allowed_roles": ["picup"], "username": "bao", "password": "bao",
        });
        stage.bao.write("database/config/home", &config).await.unwrap();
        let role = json!({
            "db_name": "home", "default_ttl": ttl, "max_ttl": most,
            "creation_statements": ["CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'"],
        });
        stage.bao.write("database/roles/picup", &role).await.unwrap();
        Self { stage, server }
    }

    fn has(&self, user: &str) -> bool {
        self.server.say(&format!("SELECT COUNT(*) FROM mysql.user WHERE User = '{user}'")).unwrap().trim() == "1"
    }
}

fn wanted() -> Wanted {
    Wanted::Dynamic { path: "database/creds/picup".to_owned() }
}

fn user(secret: &Secret) -> String {
    secret.data.get("username").unwrap().to_owned()
}

#[tokio::test]
async fn an_account_is_lent_renewed_and_given_back() {
    let database = Database::start("1h", "2h").await;
    let vault = Vault::open(database.stage.app_role("1h", "1h").await).await.unwrap();
    let mut one = vault.read_dynamic("database/creds/picup").await.unwrap();
    let name = one.data.get("username").unwrap().to_owned();
    assert!(database.has(&name) && one.renewable && one.data.get("password").is_some());
    assert_eq!(one.ttl, Duration::from_secs(3600));
    assert!(vault.renew(&mut one).await.unwrap() > Duration::from_secs(3590));
    vault.revoke(&one).await.unwrap();
    assert!(!database.has(&name));
    let refused = vault.renew(&mut one).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. } | Error::Missing { .. }), "{refused}");

    let follow = vault.follow(wanted()).await.unwrap();
    let loose = vault.read_dynamic("database/creds/picup").await.unwrap();
    let names = [user(&follow.current().unwrap()), loose.data.get("username").unwrap().to_owned()];
    assert!(names.iter().all(|name| database.has(name)));
    vault.close().await.unwrap();
    assert!(names.iter().all(|name| !database.has(name)), "all was given back at the end");
    assert_eq!(database.stage.tokens().await, 0);
}

#[tokio::test]
async fn what_cannot_be_renewed_for_ever_is_replaced_and_given_back_when_nobody_uses_it() {
    let database = Database::start("4s", "8s").await;
    let vault = Vault::open(database.stage.app_role("1h", "1h").await).await.unwrap();
    let follow = vault.follow(wanted()).await.unwrap();
    let first = follow.current().unwrap();
    let end = follow.standing().borrow().until.unwrap();
    until(follow.standing(), |standing| standing.until.unwrap() > end).await;
    assert_eq!(follow.current().unwrap().number, 1, "it is renewed while that goes");
    let second = until(follow.secret(), |secret| secret.number == 2).await;
    assert_ne!(user(&first), user(&second));
    assert!(database.has(&user(&first)) && database.has(&user(&second)), "whoever uses the old one still can");
    follow.holds(&second);
    eventually(|| !database.has(&user(&first))).await;
    assert!(database.has(&user(&follow.current().unwrap())));
    vault.close().await.unwrap();
}

#[tokio::test]
async fn what_was_lent_by_a_token_that_is_none_any_more_is_replaced_at_once() {
    let database = Database::start("1h", "2h").await;
    let settings = database.stage.app_role("1h", "1h").await;
    let vault = Vault::open(settings).await.unwrap();
    let follow = vault.follow(wanted()).await.unwrap();
    database.stage.revoke_logins().await;
    // Whoever asks next finds out.
    crate::support::password(&vault).await.unwrap();
    let second = until(follow.secret(), |secret| secret.number == 2).await;
    assert!(database.has(&user(&second)));
    assert!(follow.current().is_ok());
    vault.close().await.unwrap();
    assert!(!database.has(&user(&second)));
}

#[tokio::test]
async fn what_was_lent_stays_while_vault_is_away_and_no_longer_than_it_was_lent() {
    let database = Database::start("4s", "1h").await;
    let settings = database.stage.app_role("1h", "1h").await;
    let vault = Vault::open(Settings { timeouts: crate::support::short(), ..settings }).await.unwrap();
    let follow = vault.follow(wanted()).await.unwrap();
    database.stage.bao.seal().await.unwrap();
    let ill = until(follow.standing(), |standing| standing.last_error == Some(Error::Sealed)).await;
    assert!(ill.left().unwrap() < Duration::from_secs(4));
    assert!(follow.current().is_ok(), "it was lent for longer");
    until(follow.standing(), picup_vault::Standing::has_ended).await;
    let ended = follow.current().unwrap_err();
    assert!(matches!(&ended, Error::Ended { reason, .. } if reason.contains("unseal")), "{ended}");
    database.stage.bao.unseal().await.unwrap();
    let second = until(follow.secret(), |secret| secret.number == 2).await;
    until(follow.standing(), picup_vault::Standing::is_well).await;
    assert_eq!(user(&follow.current().unwrap()), user(&second));
    vault.close().await.unwrap();
}

#[tokio::test]
async fn who_follows_no_more_gives_back_what_was_lent() {
    let database = Database::start("1h", "2h").await;
    let vault = Vault::open(database.stage.app_role("1h", "1h").await).await.unwrap();
    let follow = vault.follow(wanted()).await.unwrap();
    let (name, mut secret) = (user(&follow.current().unwrap()), follow.secret());
    drop(follow);
    // The work in the background has ended when nobody tells any more.
    assert!(tokio::time::timeout(crate::support::PATIENCE, secret.changed()).await.unwrap().is_err());
    assert!(!database.has(&name));
    vault.close().await.unwrap();
}

#[tokio::test]
async fn what_was_lent_by_a_token_that_comes_to_its_end_is_replaced_before_that() {
    let database = Database::start("1h", "2h").await;
    let vault = Vault::open(database.stage.app_role("4s", "6s").await).await.unwrap();
    let follow = vault.follow(wanted()).await.unwrap();
    let first = follow.current().unwrap();
    let mut standing = follow.standing();
    while follow.secret().borrow().number == 1 {
        assert!(follow.current().is_ok(), "there is one that is good at any time");
        tokio::time::timeout(crate::support::PATIENCE, standing.changed()).await.unwrap().unwrap();
    }
    let second = follow.current().unwrap();
    assert!(database.has(&user(&second)) && user(&first) != user(&second));
    vault.close().await.unwrap();
}

/// A server that lends keys for four seconds which cannot be renewed, as `aws/sts/…` does.
async fn lends_keys() -> HttpStandIn {
    let lent = AtomicU64::new(0);
    let server = HttpStandIn::start(move |asked: Asked| match asked.path.as_str() {
        "/v1/auth/jwt/login" => Told::json(200, &json!({ "auth": { "client_token": "s.keys", "lease_duration": 0 } })),
        "/v1/aws/sts/picup" => {
            let number = lent.fetch_add(1, Ordering::SeqCst) + 1;
            let keys = json!({ "access_key": format!("AKID{number}"), "secret_key": "tulip", "security_token": null });
            let lease_id = format!("aws/sts/picup/{number}");
            Told::json(200, &json!({ "lease_id": lease_id, "lease_duration": 4, "renewable": false, "data": keys }))
        }
        _ => Told { status: 204, ..Told::default() },
    });
    server.await.unwrap()
}

#[tokio::test]
async fn keys_that_cannot_be_renewed_are_replaced_in_time_and_revoked_when_they_are_free() {
    let server = lends_keys().await;
    let vault = Vault::open(by_jwt(&server)).await.unwrap();
    let follow = vault.follow(Wanted::Dynamic { path: "aws/sts/picup".to_owned() }).await.unwrap();
    let asked = |path: &str| server.asked().iter().filter(|asked| asked.path == path).count();
    let second = until(follow.secret(), |secret| secret.number == 2).await;
    assert_eq!(second.data.get("access_key"), Some("AKID2"));
    assert_eq!((asked("/v1/sys/leases/renew"), asked("/v1/sys/leases/revoke")), (0, 0));
    follow.holds(&second);
    eventually(|| asked("/v1/sys/leases/revoke") > 0).await;
    let all = server.asked();
    let revocation = all.iter().find(|asked| asked.path == "/v1/sys/leases/revoke").unwrap();
    assert_eq!(revocation.json()["lease_id"], "aws/sts/picup/1");
    vault.close().await.unwrap();
    assert_eq!(asked("/v1/auth/token/revoke-self"), 1);
}
