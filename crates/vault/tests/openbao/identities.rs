//! Every kind of identity: lets in whom it should, and nobody else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use picup_testkit::{Authority, AwsCaller, OpenBao, StsStandIn, TokenReviewStandIn, fresh_folder};
use picup_vault::{Address, AwsCredentials, AwsSource, Error, Hidden, Identity, Jwt, Settings, Vault};
use serde_json::json;

use crate::support::{Stage, password, write};

/// Logs in and reads; a clear sign of who is let in.
async fn reads(settings: Settings) -> Result<String, Error> {
    let vault = Vault::open(settings).await?;
    let read = password(&vault).await;
    vault.close().await?;
    read
}

#[tokio::test]
async fn a_service_account_is_let_in_by_kubernetes() {
    let (stage, cluster) = (Stage::start().await, TokenReviewStandIn::start().await.unwrap());
    stage.bao.enable_auth("kubernetes", "cluster/home").await.unwrap();
    let folder = fresh_folder();
    let authority = Authority::make(folder.path(), "somebody").unwrap();
    let config = json!({
        "kubernetes_host": cluster.host(),
        "token_reviewer_jwt": cluster.give("vault", "reviewer", "kubernetes"),
        // Asked for, though the stand-in speaks no TLS.
        "kubernetes_ca_cert": std::fs::read_to_string(authority.root_file()).unwrap(),
        "disable_local_ca_jwt": true,
    });
    stage.bao.write("auth/cluster/home/config", &config).await.unwrap();
    let role = json!({
        "bound_service_account_names": ["picup-api"], "bound_service_account_namespaces": ["photos"],
        "audience": "vault", "token_policies": ["picup"], "token_ttl": "1h",
    });
    stage.bao.write("auth/cluster/home/role/picup", &role).await.unwrap();
    let good = cluster.give("photos", "picup-api", "vault");
    let file = stage.file("token", &good);
    let identity =
        Identity::Kubernetes { role: "picup".to_owned(), mount: "cluster/home".to_owned(), token_file: file.clone() };
    let settings = stage.settings(identity);
    assert_eq!(reads(settings.clone()).await.unwrap(), "tulip");
    assert_eq!(cluster.reviews(), 1);

    for stranger in [
        cluster.give("photos", "default", "vault"),
        cluster.give("elsewhere", "picup-api", "vault"),
        cluster.give("photos", "picup-api", "kubernetes"),
    ] {
        write(&file, &stranger);
        let refused = reads(settings.clone()).await.unwrap_err();
        assert!(matches!(refused, Error::Forbidden { .. } | Error::Refused { .. }), "{refused}");
        assert!(!refused.to_string().contains(&stranger), "{refused}");
    }
    cluster.take_back(&good);
    write(&file, &good);
    assert!(matches!(reads(settings).await, Err(Error::Forbidden { .. } | Error::Refused { .. })));
}

#[tokio::test]
async fn a_signed_token_is_let_in_by_jwt_and_its_file_read_anew() {
    let stage = Stage::start().await;
    let key = p256::SecretKey::from(p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap());
    let public = key.public_key().to_public_key_pem(LineEnding::LF).unwrap();
    let signs = |key: &p256::SecretKey, audience: &str| {
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let claims = json!({ "sub": "repo:picup", "aud": audience, "exp": 4_102_444_800_u64, "iat": 1_700_000_000 });
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
    };
    stage.bao.enable_auth("jwt", "jwt").await.unwrap();
    stage.bao.write("auth/jwt/config", &json!({ "jwt_validation_pubkeys": [public] })).await.unwrap();
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "bound_subject": "repo:picup",
        "token_policies": ["picup"], "token_ttl": "1h",
    });
    stage.bao.write("auth/jwt/role/picup", &role).await.unwrap();
    let identity = |token| Identity::Jwt { role: "picup".to_owned(), mount: "jwt".to_owned(), token };

    let good = signs(&key, "vault");
    let text = stage.settings(identity(Jwt::Text(Hidden::from(good.clone()))));
    assert_eq!(reads(text).await.unwrap(), "tulip");

    let file = stage.file("token", &signs(&key, "elsewhere"));
    let settings = stage.settings(identity(Jwt::File(file.clone())));
    let refused = reads(settings.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let other = p256::SecretKey::from(p256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap());
    write(&file, &signs(&other, "vault"));
    assert!(matches!(reads(settings.clone()).await, Err(Error::Refused { .. })));
    write(&file, &good);
    assert_eq!(reads(settings).await.unwrap(), "tulip");
}

#[tokio::test]
async fn a_machine_is_let_in_by_approle_and_a_wrong_secret_is_not_repeated() {
    let stage = Stage::start().await;
    let settings = stage.app_role("1h", "1h").await;
    assert_eq!(reads(settings.clone()).await.unwrap(), "tulip");
    stage.file("secret-id", "11111111-2222-3333-4444-555555555555");
    let refused = reads(settings).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { said, .. } if said.contains("invalid role or secret ID")), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("11111111"), "{refused}");
}

#[tokio::test]
async fn a_secret_file_that_others_can_read_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt as _;

    let stage = Stage::start().await;
    let settings = stage.app_role("1h", "1h").await;
    let Identity::AppRole { secret_id_file, .. } = &settings.identity else { unreachable!("it is an AppRole") };
    std::fs::set_permissions(secret_id_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = reads(settings).await.unwrap_err();
    assert!(matches!(&refused, Error::File { problem, .. } if problem.contains("chmod 600")), "{refused}");
    assert_eq!(stage.tokens().await, 0);
}

#[tokio::test]
async fn a_certificate_is_let_in_and_another_is_not() {
    let stage = Stage::start_with_tls().await;
    let authority = stage.bao.authority().unwrap();
    let (certificate, key) = authority.client("picup.example").unwrap();
    stage.bao.enable_auth("cert", "cert").await.unwrap();
    let root = std::fs::read_to_string(authority.root_file()).unwrap();
    let role = json!({
        "certificate": root, "allowed_common_names": ["picup.example"], "token_policies": ["picup"],
        "token_ttl": "2s", "token_max_ttl": "1h",
    });
    stage.bao.write("auth/cert/certs/picup", &role).await.unwrap();
    let identity = Identity::Certificate {
        mount: "cert".to_owned(),
        role: "picup".to_owned(),
        certificate_file: stage.file("picup.pem", &certificate),
        key_file: stage.file("picup.key", &key),
    };
    let settings = stage.settings(identity);
    let vault = Vault::open(settings.clone()).await.unwrap();
    // It is shown at the renewal too, where Vault looks at it again.
    let first = vault.standing().borrow().until.unwrap();
    crate::support::until(vault.standing(), |standing| standing.until.unwrap() > first).await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    assert_eq!(stage.tokens().await, 1);
    vault.close().await.unwrap();

    let (certificate, key) = authority.client("stranger.example").unwrap();
    stage.file("picup.pem", &certificate);
    stage.file("picup.key", &key);
    assert!(matches!(reads(settings).await, Err(Error::Refused { .. } | Error::Forbidden { .. })));
}

struct Keys {
    secret: &'static str,
}

#[async_trait::async_trait]
impl AwsSource for Keys {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000)
    }

    async fn credentials(&self) -> Result<AwsCredentials, String> {
        Ok(AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Hidden::from(self.secret.to_owned()),
            session_token: Some(Hidden::from("session/of+some=hours".to_owned())),
        })
    }
}

#[tokio::test]
async fn a_role_of_iam_is_let_in_by_a_signed_question() {
    let stage = Stage::start().await;
    let (policy, bao) = stage.into_shared();
    let caller = AwsCaller {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: "the secret half".to_owned(),
        session_token: Some("session/of+some=hours".to_owned()),
        region: "eu-central-1".to_owned(),
        server_id: "vault.example".to_owned(),
        role: "picup".to_owned(),
        policies: vec![policy.to_owned()],
    };
    let aws = StsStandIn::before(Arc::<OpenBao>::clone(&bao), caller).await.unwrap();
    let settings = |secret, server_id: &str| {
        let identity = Identity::Aws {
            mount: "aws".to_owned(),
            role: "picup".to_owned(),
            server_id: Some(server_id.to_owned()),
            region: "eu-central-1".to_owned(),
            source: Arc::new(Keys { secret }),
        };
        Settings::new(Address::parse(&aws.url()).unwrap(), identity)
    };
    assert_eq!(reads(settings("the secret half", "vault.example")).await.unwrap(), "tulip");
    for (secret, server_id) in [("another", "vault.example"), ("the secret half", "elsewhere.example")] {
        let refused = reads(settings(secret, server_id)).await.unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    }
}

#[tokio::test]
async fn an_agents_token_is_used_and_left_alone() {
    let stage = Stage::start().await;
    let make = async || {
        let made = json!({ "policies": ["picup"], "ttl": "1h", "no_parent": true });
        let made = stage.bao.write("auth/token/create", &made).await.unwrap();
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    let (first, second) = (make().await, make().await);
    let path = stage.file("sink", &first);
    let vault = Vault::open(stage.settings(Identity::TokenFile { path: path.clone() })).await.unwrap();
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    // The agent has logged in anew; the token before is none any more.
    write(&path, &second);
    stage.bao.write("auth/token/revoke", &json!({ "token": first })).await.unwrap();
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    vault.close().await.unwrap();
    assert_eq!(stage.tokens().await, 1, "the agent still has its token");
}

#[tokio::test]
async fn an_agents_token_that_the_agent_renews_is_looked_at_again() {
    let stage = Stage::start().await;
    let made = json!({ "policies": ["picup"], "ttl": "3s", "explicit_max_ttl": "1h", "no_parent": true });
    let made = stage.bao.write("auth/token/create", &made).await.unwrap();
    let token = made["auth"]["client_token"].as_str().unwrap();
    let path = stage.file("sink", token);
    let vault = Vault::open(stage.settings(Identity::TokenFile { path })).await.unwrap();
    let first = vault.standing().borrow().until.unwrap();
    stage.bao.write("auth/token/renew", &json!({ "token": token, "increment": "30m" })).await.unwrap();
    let later = first + Duration::from_secs(60);
    crate::support::until(vault.standing(), |standing| standing.until.unwrap() > later).await;
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    vault.close().await.unwrap();
}
