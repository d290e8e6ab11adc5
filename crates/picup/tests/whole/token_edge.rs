//! An edge alone that knows tokens and nothing else: by a public key and by a secret, which follow their files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use picup_testkit::{PicupProcess, ProcessBuilder, TempDir, fresh_folder};

use crate::app::{BINARY, eventually};
use crate::edge_stage::{OWNER, key, put, signed_by};
use crate::tokens::{OTHER, SECRET, cookie, done, fails, private};

/// Another account.
const STRANGER: &str = "01a22bb4-06cc-7a7d-a47e-4d72eb97345d";

/// An edge that knows tokens alone: by the public key `P1`, and by the secret `T1`.
struct TokenEdge {
    folder: TempDir,
    edge: PicupProcess,
    path: String,
    public_key: PathBuf,
    private_key: PathBuf,
    secret: PathBuf,
}

impl TokenEdge {
    async fn start() -> Self {
        let folder = fresh_folder();
        let objects = folder.path().join("objects");
        std::fs::create_dir_all(&objects).unwrap();
        let path = put(&objects, "0001", b"content");
        let key = key("P1");
        let public_key = folder.path().join("public.pem");
        std::fs::write(&public_key, key.public_key_pem()).unwrap();
        let private_key = private(folder.path(), "private.pem", &key.to_pem());
        let secret = private(folder.path(), "secret", &format!("{SECRET}\n"));
        let edge = ProcessBuilder::new(BINARY, folder.path().join("no-data"))
            .arg("--roles")
            .arg("edge")
            .arg("--origin")
            .arg(format!("file:{}", objects.display()))
            .arg("--token-key")
            .arg(format!("P1={}", public_key.display()))
            .arg("--token-secret")
            .arg(format!("T1={}", secret.display()))
            .arg("--cache-dir")
            .arg(folder.path().join("cache"))
            .arg("--admin-listen")
            .arg("");
        let edge = edge.start().await.unwrap();
        Self { folder, edge, path, public_key, private_key, secret }
    }

    /// A token by the key or the secret of that id, as an operator makes one.
    async fn token(&self, id: &str, owner: &str, more: &[&str]) -> String {
        let (option, file) =
            if id == "P1" { ("--private-key", &self.private_key) } else { ("--secret-file", &self.secret) };
        let by = ["--key-id", id, option, file.to_str().unwrap()];
        done(&[&["media-key", "token", "--owner", owner, "--for", "1h"], &by[..], more].concat()).await
    }

    async fn ask(&self, path: &str, shown: Option<(&str, String)>) -> (u16, String) {
        let request = reqwest::Client::new().get(self.edge.url(path));
        let request = shown.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn an_edge_opens_to_tokens_what_is_of_their_owner() {
    let stage = TokenEdge::start().await;
    let refused = stage.ask(&stage.path, None).await;
    assert_eq!(refused.0, 403);
    for id in ["P1", "T1"] {
        let token = stage.token(id, OWNER, &[]).await;
        for shown in [("cookie", cookie(&token)), ("authorization", format!("Bearer {token}"))] {
            assert_eq!(stage.ask(&stage.path, Some(shown.clone())).await, (200, "content".to_owned()), "{id}");
            let others = stage.path.replace(OWNER, STRANGER);
            assert_eq!(stage.ask(&others, Some(shown)).await, refused, "{id}");
        }
        for other in [
            stage.token(id, STRANGER, &[]).await,
            stage.token(id, &OWNER[..35], &[]).await,
            stage.token(id, OWNER, &["--audience", "others"]).await,
            token.replace('.', ".A"),
        ] {
            assert_eq!(stage.ask(&stage.path, Some(("cookie", cookie(&other)))).await, refused, "{id} {other}");
        }
        let path = format!("{}?picup_media={token}", stage.path);
        assert_eq!(stage.ask(&path, None).await.0, 400, "never in an address");
    }
    let signed = signed_by(&key("P1"), &stage.path);
    assert_eq!(stage.ask(&signed, None).await, refused, "no key for signatures");
}

#[tokio::test]
async fn an_edges_token_keys_follow_their_files_and_a_mistake_is_told() {
    let stage = TokenEdge::start().await;
    let before = [stage.token("P1", OWNER, &[]).await, stage.token("T1", OWNER, &[]).await];
    let open = async |token: &str| stage.ask(&stage.path, Some(("cookie", cookie(token)))).await.0;
    for token in &before {
        assert_eq!(open(token).await, 200);
    }
    // A secret that others could read counts no more than one that is not there.
    std::fs::set_permissions(&stage.secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&stage.secret, OTHER).unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(open(&before[1]).await, 200, "what cannot be read changes nothing");
    std::fs::set_permissions(&stage.secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&stage.secret, OTHER).unwrap();
    let next = key("P1");
    std::fs::write(&stage.public_key, next.public_key_pem()).unwrap();
    let after = stage.token("T1", OWNER, &[]).await;
    eventually("the new secret opens", async || (open(&after).await == 200).then_some(())).await.unwrap();
    for token in &before {
        assert_eq!(open(token).await, 403, "what the old ones have signed");
    }

    let loose = stage.folder.path().join("loose");
    std::fs::write(&loose, SECRET).unwrap();
    let short = private(stage.folder.path(), "short", "short");
    let at = |id: &str, file: &Path| format!("{id}={}", file.display());
    let objects = format!("file:{}", stage.folder.path().join("objects").display());
    for (options, says) in [
        (vec!["--token-secret".to_owned(), at("T1", &loose)], "chmod 600"),
        (vec!["--token-secret".to_owned(), at("T1", &short)], "32 to 512"),
        (vec!["--token-key".to_owned(), at("P1", &stage.secret)], "not a P-256 public key"),
        (vec!["--token-key".to_owned(), at("P1", &stage.folder.path().join("none"))], "none"),
        (
            vec![
                "--token-key".to_owned(),
                at("P1", &stage.public_key),
                "--token-secret".to_owned(),
                at("P1", &stage.secret),
            ],
            "P1 is given twice",
        ),
        (vec![], "an edge needs --public-key, --token-key, --token-secret or --edges-secret"),
    ] {
        let cache = stage.folder.path().join("cache2").display().to_string();
        let mut arguments = vec!["serve", "--roles", "edge", "--admin-listen", "", "--listen", "127.0.0.1:0"];
        arguments.extend(["--origin", objects.as_str(), "--cache-dir", cache.as_str()]);
        arguments.extend(options.iter().map(String::as_str));
        fails(&arguments, says).await;
    }
    fails(&["serve", "--token-key", "P1=x"], "are of an edge alone").await;
}
