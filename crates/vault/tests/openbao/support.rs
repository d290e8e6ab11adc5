//! An OpenBao with a role for PicUp, and files as PicUp finds them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picup_testkit::{HttpStandIn, OpenBao, TempDir, fresh_folder};
use picup_vault::{Address, Hidden, Identity, Jwt, Settings, Timeouts, Vault, Wanted};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than anything takes that goes well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const POLICY: &str = r#"
path "kv/*" { capabilities = ["read"] }
path "kv1/*" { capabilities = ["read"] }
path "database/creds/*" { capabilities = ["read"] }
path "sys/leases/revoke" { capabilities = ["update"] }
path "auth/approle/role/other/secret-id" { capabilities = ["update"] }
"#;

pub(crate) struct Stage {
    pub(crate) bao: OpenBao,
    folder: TempDir,
}

impl Stage {
    /// An OpenBao with the policy `picup`, and `kv/picup/one` with the password `tulip`.
    pub(crate) async fn start() -> Self {
        Self::set(OpenBao::start().await.unwrap()).await
    }

    /// One that can be killed and started again.
    pub(crate) async fn start_on_disk() -> Self {
        Self::set(OpenBao::start_on_disk().await.unwrap()).await
    }

    pub(crate) async fn start_with_tls() -> Self {
        Self::set(OpenBao::start_with_tls().await.unwrap()).await
    }

    async fn set(bao: OpenBao) -> Self {
        bao.policy("picup", POLICY).await.unwrap();
        bao.enable_engine("kv", "kv", &json!({ "version": "2" })).await.unwrap();
        let stage = Self { bao, folder: fresh_folder() };
        stage.put("tulip").await;
        stage
    }

    /// Writes the next version of `kv/picup/one`.
    pub(crate) async fn put(&self, password: &str) {
        let body = json!({ "data": { "password": password } });
        // An engine that was just mounted is being upgraded for a moment.
        let put = async {
            while let Err(error) = self.bao.write("kv/data/picup/one", &body).await {
                assert!(error.to_string().contains("pgrad"), "{error}");
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, put).await.unwrap();
    }

    /// A file that nobody else can read.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        write(&path, text);
        path
    }

    /// An AppRole `picup` whose tokens last `ttl` and, renewed, `most`; the settings to log in as it.
    pub(crate) async fn app_role(&self, ttl: &str, most: &str) -> Settings {
        let settings = self.settings(self.app_role_identity(ttl, most).await);
        Settings { look_again: Duration::from_millis(200), ..settings }
    }

    async fn app_role_identity(&self, ttl: &str, most: &str) -> Identity {
        self.bao.enable_auth("approle", "approle").await.unwrap();
        let role = json!({ "token_policies": ["picup"], "token_ttl": ttl, "token_max_ttl": most });
        self.bao.write("auth/approle/role/picup", &role).await.unwrap();
        let made = self.bao.write("auth/approle/role/picup/secret-id", &json!({})).await.unwrap();
        let secret_id_file = self.file("secret-id", made["data"]["secret_id"].as_str().unwrap());
        let role_id = self.role_id("approle").await;
        Identity::AppRole { mount: "approle".to_owned(), role_id, secret_id_file, wrapped: false }
    }

    pub(crate) async fn role_id(&self, mount: &str) -> String {
        let read = self.bao.read(&format!("auth/{mount}/role/picup/role-id")).await.unwrap();
        read["data"]["role_id"].as_str().unwrap().to_owned()
    }

    /// The same AppRole, by a wrapped secret id that lies in that file.
    pub(crate) async fn wrapped(&self, secret_id_file: &Path) -> Settings {
        let settings = self.app_role("1h", "1h").await;
        let role_id = self.role_id("approle").await;
        let secret_id_file = secret_id_file.to_owned();
        let identity = Identity::AppRole { mount: "approle".to_owned(), role_id, secret_id_file, wrapped: true };
        Settings { identity, ..settings }
    }

    /// What it takes to hand the OpenBao to something that stands before it: the policy, and itself.
    pub(crate) fn into_shared(self) -> (&'static str, std::sync::Arc<OpenBao>) {
        ("picup", std::sync::Arc::new(self.bao))
    }

    pub(crate) fn settings(&self, identity: Identity) -> Settings {
        let settings = Settings::new(Address::parse(&self.bao.url()).unwrap(), identity);
        Settings { ca_file: self.bao.authority().map(picup_testkit::Authority::root_file), ..settings }
    }

    /// How many tokens there are beside root's.
    pub(crate) async fn tokens(&self) -> usize {
        let token = Some(self.bao.root_token());
        let (_, all) = self.bao.ask("LIST", "auth/token/accessors", token, &Value::Null).await.unwrap();
        all["data"]["keys"].as_array().unwrap().len() - 1
    }

    /// Makes every token of an AppRole one that is none.
    pub(crate) async fn revoke_logins(&self) {
        self.bao.write("sys/leases/revoke-prefix/auth/approle/login", &json!({})).await.unwrap();
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Time-outs of a test that waits for them.
pub(crate) fn short() -> Timeouts {
    let milliseconds = Duration::from_millis;
    Timeouts { connect: milliseconds(500), answer: milliseconds(500), close: milliseconds(1000) }
}

/// Waits until it is so.
pub(crate) async fn until<T: Clone>(mut what: watch::Receiver<T>, is: impl FnMut(&T) -> bool) -> T {
    timeout(PATIENCE, what.wait_for(is)).await.expect("it became so in time").unwrap().clone()
}

/// Waits until that is so of something that tells nobody when it changes.
pub(crate) async fn eventually(is: impl Fn() -> bool) {
    let so = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, so).await.expect("it became so in time");
}

/// Where a stand-in is.
pub(crate) fn address_of(server: &HttpStandIn) -> Address {
    Address::parse(&format!("http://{}", server.address())).unwrap()
}

/// Asks a stand-in, as somebody with a signed token.
pub(crate) fn by_jwt(server: &HttpStandIn) -> Settings {
    let token = Jwt::Text(Hidden::from("rose".to_owned()));
    let identity = Identity::Jwt { role: "picup".to_owned(), mount: "jwt".to_owned(), token };
    Settings::new(address_of(server), identity)
}

/// What has the password.
pub(crate) fn one() -> Wanted {
    Wanted::Kv { mount: "kv".to_owned(), path: "picup/one".to_owned(), version: None }
}

/// The password in `kv/picup/one`.
pub(crate) async fn password(vault: &Vault) -> Result<String, picup_vault::Error> {
    let kv = vault.read_kv("kv", "picup/one", None).await?;
    Ok(kv.data.get("password").unwrap().to_owned())
}
