//! Secrets that somebody has put there.

use picup_vault::{Error, KvVersion, Settings, Vault};
use serde_json::{Value, json};

use crate::support::{Stage, one, password, until};

#[tokio::test]
async fn both_kinds_of_kv_are_read_and_told_apart() {
    let stage = Stage::start().await;
    stage.bao.enable_engine("kv", "kv1", &json!({ "version": "1" })).await.unwrap();
    stage.bao.write("kv1/picup/mail", &json!({ "user": "picup", "port": 587 })).await.unwrap();
    let vault = Vault::open(stage.app_role("1h", "1h").await).await.unwrap();
    for version in [None, Some(KvVersion::V1)] {
        let kv = vault.read_kv("kv1", "picup/mail", version).await.unwrap();
        assert_eq!((kv.data.get("user"), kv.data.get("port"), kv.version), (Some("picup"), Some("587"), None));
    }
    for version in [None, Some(KvVersion::V2)] {
        let kv = vault.read_kv("/kv/", "picup/one", version).await.unwrap();
        assert_eq!((kv.data.get("password"), kv.version), (Some("tulip"), Some(1)));
    }
    vault.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_from_what_is_forbidden_and_costs_no_login() {
    let stage = Stage::start().await;
    stage.bao.enable_engine("kv", "others", &json!({ "version": "2" })).await.unwrap();
    let vault = Vault::open(stage.app_role("1h", "1h").await).await.unwrap();
    let missing = vault.read_kv("kv", "picup/none", None).await.unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    stage.bao.ask("DELETE", "kv/data/picup/one", Some(stage.bao.root_token()), &Value::Null).await.unwrap();
    assert!(matches!(password(&vault).await, Err(Error::Missing { .. })));
    for version in [None, Some(KvVersion::V2)] {
        let forbidden = vault.read_kv("others", "x", version).await.unwrap_err();
        assert!(matches!(forbidden, Error::Forbidden { .. }), "{forbidden}");
    }
    assert_eq!(stage.tokens().await, 1);
    assert!(matches!(vault.read_dynamic("kv/data/picup/one").await, Err(Error::Missing { .. })));
    stage.put("rose").await;
    assert!(matches!(vault.read_dynamic("kv/data/picup/one").await, Err(Error::Answer { .. })));
    vault.close().await.unwrap();
}

#[tokio::test]
async fn a_namespace_has_logins_and_secrets_of_its_own() {
    let stage = Stage::start().await;
    let of_root = stage.app_role("1h", "1h").await;
    let bao = &stage.bao;
    bao.write("sys/namespaces/family", &json!({})).await.unwrap();
    let ask = async |method: &str, path: &str, body: Value| bao.ask_in("family", method, path, &body).await.unwrap();
    ask("POST", "sys/auth/approle", json!({ "type": "approle" })).await;
    ask("POST", "sys/mounts/kv1", json!({ "type": "kv", "options": { "version": "1" } })).await;
    ask("POST", "kv1/picup", json!({ "password": "lily" })).await;
    let policy = r#"path "kv1/*" { capabilities = ["read"] }"#;
    ask("POST", "sys/policies/acl/picup", json!({ "policy": policy })).await;
    ask("POST", "auth/approle/role/picup", json!({ "token_policies": ["picup"], "token_ttl": "1h" })).await;
    let role_id = ask("GET", "auth/approle/role/picup/role-id", Value::Null).await;
    let secret_id = ask("POST", "auth/approle/role/picup/secret-id", json!({})).await;
    let identity = picup_vault::Identity::AppRole {
        mount: "approle".to_owned(),
        role_id: role_id["data"]["role_id"].as_str().unwrap().to_owned(),
        secret_id_file: stage.file("of-family", secret_id["data"]["secret_id"].as_str().unwrap()),
        wrapped: false,
    };
    let settings = Settings { identity, namespace: Some("family".to_owned()), ..of_root };
    let vault = Vault::open(settings.clone()).await.unwrap();
    assert_eq!(vault.read_kv("kv1", "picup", None).await.unwrap().data.get("password"), Some("lily"));
    assert!(password(&vault).await.is_err());
    vault.close().await.unwrap();
    assert!(Vault::open(Settings { namespace: None, ..settings }).await.is_err());
}

#[tokio::test]
async fn a_change_is_passed_on_and_what_was_deleted_stays_as_it_was() {
    let stage = Stage::start().await;
    let vault = Vault::open(stage.app_role("1h", "1h").await).await.unwrap();
    let follow = vault.follow(one()).await.unwrap();
    assert_eq!(follow.current().unwrap().data.get("password"), Some("tulip"));
    stage.put("rose").await;
    let changed = until(follow.secret(), |secret| secret.number == 2).await;
    assert_eq!((changed.data.get("password"), changed.version), (Some("rose"), Some(2)));
    stage.bao.ask("DELETE", "kv/data/picup/one", Some(stage.bao.root_token()), &Value::Null).await.unwrap();
    let standing = until(follow.standing(), |standing| !standing.is_well()).await;
    assert!(matches!(standing.last_error, Some(Error::Missing { .. })));
    assert_eq!(follow.current().unwrap().data.get("password"), Some("rose"));
    stage.put("lily").await;
    let changed = until(follow.secret(), |secret| secret.number == 3).await;
    assert_eq!(changed.data.get("password"), Some("lily"));
    until(follow.standing(), picup_vault::Standing::is_well).await;
    vault.close().await.unwrap();
}
