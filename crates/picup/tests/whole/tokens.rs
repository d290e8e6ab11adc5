//! The second way to photos: a token for one account, in a page's cookie or a program's header, at PicUp's own gateway, at an edge that
//! stands alone, and in a CloudFront Function.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderMap;
use picup_api::wire;
use picup_delivery::{Audience, Denied, Fetch, SigningKey, TokenKey, TokenRing, TokenSigner, TokenTerms, media_token};
use picup_domain::{Clock, SystemClock};
use picup_testkit::{
    Finished, FunctionRequest, PicupProcess, ProcessBuilder, TempDir, fresh_folder, run, run_function, samples,
};
use reqwest::header::{AUTHORIZATION, COOKIE};

use crate::app::{BINARY, TestApp, eventually, write_private};
use crate::client::{Answer, Client};
use crate::edge_stage::{OWNER, key, put};

const SECRET: &str = "a-secret-of-more-than-32-characters";
const OTHER: &str = "another-secret-of-more-than-32-characters";
/// Another account.
const STRANGER: &str = "01a22bb4-06cc-7a7d-a47e-4d72eb97345d";
const CLOUDFRONTS: [&str; 4] =
    ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id", "CloudFront-Hash-Algorithm"];

fn now() -> u64 {
    SystemClock.now().seconds().unsigned_abs()
}

/// What a command prints that succeeds.
async fn done(arguments: &[&str]) -> String {
    let done: Finished = run(BINARY, arguments.iter().copied()).await.unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    done.stdout.trim().to_owned()
}

async fn fails(arguments: &[&str], says: &str) {
    let done = run(BINARY, arguments.iter().copied()).await.unwrap();
    assert!(!done.status.success() && done.stderr.contains(says), "{arguments:?}: {done:?}");
}

/// As somebody with nothing but these cookies, or this header.
async fn with(stranger: &Client, path: &str, name: reqwest::header::HeaderName, value: &str) -> Answer {
    stranger.send(stranger.http.get(stranger.url(path)).header(name, value)).await
}

fn cookie(token: &str) -> String {
    format!("picup_media={token}")
}

/// The key that opens media, under the name that PicUp gives it.
async fn media_key(app: &TestApp) -> SigningKey {
    let data = app.data();
    let listed = done(&["media-key", "list", "--json", "--data-dir", data.to_str().unwrap()]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = picup_delivery::KeyId::parse(listed[0]["id"].as_str().unwrap()).unwrap();
    SigningKey::from_pem(id, &std::fs::read_to_string(data.join("secrets/media-key.pem")).unwrap()).unwrap()
}

/// A PicUp that gives pages a token.
async fn in_token_mode(more: &str) -> TestApp {
    let config = format!("delivery.right = 'token'\n{more}");
    TestApp::builder().account("ada").account("bob").config(config).start().await
}

#[tokio::test]
async fn a_page_has_one_cookie_for_its_own_photos_and_for_nothing_else() {
    let app = in_token_mode("").await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in_browser("bob").await);
    let media = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media;
    let preview = media.preview.unwrap();
    assert_eq!(ada.get(&media.original).await.body, samples::JPEG);
    assert_eq!(ada.get(&preview).await.status, 200);
    for name in CLOUDFRONTS {
        assert_eq!(ada.jar().value(name), None, "{name}");
    }
    let stranger = app.stranger();
    let refused = stranger.get(&preview).await;
    assert_eq!(refused.status, 403);
    // Somebody else, by whatever way.
    assert_eq!(bob.get(&preview).await.text(), refused.text());
    let (adas, bobs) = (ada.jar().value("picup_media").unwrap(), bob.jar().value("picup_media").unwrap());
    for (name, value) in [
        (COOKIE, cookie(&bobs)),
        (AUTHORIZATION, format!("Bearer {bobs}")),
        (COOKIE, format!("{}; {}", cookie(&adas), cookie(&bobs))),
        (COOKIE, format!("picup_media={}", ada.jar().value("picup_access").unwrap())),
    ] {
        let answer = with(&stranger, &preview, name, &value).await;
        assert_eq!((answer.status, answer.text()), (403, refused.text()), "{value}");
    }
    // It is for photos alone: the API knows it by no name.
    assert_eq!(with(&stranger, "/api/account", AUTHORIZATION, &format!("Bearer {adas}")).await.status, 401);
    assert_eq!(with(&stranger, "/api/account", COOKIE, &format!("picup_access={adas}")).await.status, 401);
    let log = app.finish().await;
    assert!(!log.contains(&adas), "{log}");
}

#[tokio::test]
async fn a_pages_token_ends_with_its_time_and_a_signed_out_page_has_none() {
    let app = in_token_mode("session.media_life = '20m'\n").await;
    let ada = app.sign_in_browser("ada").await;
    let preview = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media.preview.unwrap();
    let (stranger, owner, key) = (app.stranger(), ada.account().to_string(), media_key(&app).await);
    let refused = stranger.get(&preview).await.text();

    // As long as the cookie, and no longer.
    let renewed = ada.post("/api/session/refresh", &serde_json::json!({})).await;
    let lines = renewed.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let lines: Vec<_> = lines.filter(|line| line.contains("Path=/media/")).collect();
    let [line] = lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("picup_media="), "{line}");
    let attributes = format!("; Path=/media/{owner}/; Max-Age=1200; HttpOnly; SameSite=Strict");
    assert!(line.ends_with(&attributes), "{line}");
    let public = TokenKey::public(key.id().clone(), &key.public_key_pem()).unwrap();
    let ring = TokenRing::new(Audience::default(), [public]).unwrap();
    let shown: HeaderMap =
        [(COOKIE, cookie(&ada.jar().value("picup_media").unwrap()).parse().unwrap())].into_iter().collect();
    let at = |now_epoch_s| {
        let client = [192, 0, 2, 1].into();
        let fetch = Fetch { public_base: "", path_and_query: &preview, client, now_epoch_s, may_verify: true };
        ring.authorise(&shown, &fetch)
    };
    assert_eq!(at(now() + 1_190), Ok(()));
    assert_eq!(at(now() + 1_200), Err(Denied::Expired));

    // By the same key, and over.
    let audience = Audience::default();
    let token = |from, until| {
        let terms =
            TokenTerms { audience: &audience, owner: &owner, issued_at_epoch_s: from, expires_at_epoch_s: until };
        media_token(TokenSigner::Key(&key), &terms).unwrap()
    };
    assert_eq!(with(&stranger, &preview, COOKIE, &cookie(&token(now() - 60, now() + 60))).await.status, 200);
    for over in [token(now() - 60, now() - 1), token(now() - 60, now()), token(now() + 120, now() + 180)] {
        assert_eq!(with(&stranger, &preview, COOKIE, &cookie(&over)).await.text(), refused);
    }

    let out = ada.delete("/api/session").await;
    assert_eq!(out.status, 204);
    let cleared = format!("picup_media=; Path=/media/{owner}/; Max-Age=0; HttpOnly; SameSite=Strict");
    assert!(out.headers.get_all("set-cookie").iter().any(|line| line == &cleared), "{:?}", out.headers);
    assert_eq!(ada.jar().value("picup_media"), None);
    assert_eq!(ada.get(&preview).await.text(), refused);
    app.finish().await;
}

/// Whoever takes the one kind of right takes the other too, so that pages that are open notice no change of the setting.
#[tokio::test]
async fn tokens_and_cookies_open_whichever_pages_are_given() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in_browser("bob").await);
    let preview = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media.preview.unwrap();
    assert_eq!(ada.jar().value("picup_media"), None);
    let data = app.data();
    let token = async |owner: uuid::Uuid, more: &[&str]| {
        let owner = owner.to_string();
        let arguments = ["media-key", "token", "--owner", &owner, "--for", "1h", "--data-dir", data.to_str().unwrap()];
        done(&arguments.iter().chain(more).copied().collect::<Vec<_>>()).await
    };
    let (stranger, adas) = (app.stranger(), token(ada.account(), &[]).await);
    assert_eq!(with(&stranger, &preview, AUTHORIZATION, &format!("Bearer {adas}")).await.status, 200);
    for other in [token(bob.account(), &[]).await, token(ada.account(), &["--audience", "picup-api"]).await] {
        assert_eq!(with(&stranger, &preview, AUTHORIZATION, &format!("Bearer {other}")).await.status, 403);
    }
    // Signed cookies of somebody else's are not made good by it.
    let both = format!("{}; {}", bob.jar().header(&format!("/media/{}/x", bob.account())), cookie(&adas));
    assert_eq!(with(&stranger, &preview, COOKIE, &both).await.status, 403);

    let at = ["--data-dir", data.to_str().unwrap()];
    for (arguments, says) in [
        (&["--owner", "x", "--for", "25h"] as &[&str], "within 24 hours"),
        (&["--owner", "x", "--until", "2020-01-01T00:00:00Z"], "has passed"),
        (&["--owner", "x/y", "--for", "1h"], "as in /media/OWNER/"),
        (&["--owner", "x", "--for", "1h", "--audience", "a b"], "an audience is"),
        (&["--owner", "x", "--for", "1h", "--key-id", "K1"], "has an ID of its own"),
        (&["--owner", "x"], "--for"),
    ] {
        let arguments: Vec<_> = ["media-key", "token"].iter().chain(arguments).chain(&at).copied().collect();
        fails(&arguments, says).await;
    }
    app.finish().await;
}

/// What pages are given where CloudFront Functions have to check it, and what these make of it.
#[tokio::test]
async fn a_secret_signs_what_the_cloudfront_function_opens() {
    let folder = fresh_folder();
    let secrets = [("first", SECRET), ("second", OTHER)].map(|(name, text)| private(folder.path(), name, text));
    let named = format!("'T1={}', 'T2={}'", secrets[0].display(), secrets[1].display());
    let app = in_token_mode(&format!("delivery.token_audience = 'family'\ndelivery.token_secrets = [{named}]\n")).await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in_browser("bob").await);
    let preview = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media.preview.unwrap();
    assert_eq!(ada.get(&preview).await.status, 200);
    let refused = bob.get(&preview).await;
    assert_eq!(refused.status, 403);
    let data = app.data();
    let (owner, secret) = (ada.account().to_string(), secrets[1].to_str().unwrap());
    let made = ["media-key", "token", "--owner", &owner, "--for", "1h", "--data-dir", data.to_str().unwrap()];
    let by = async |id: &str| done(&[&made[..], &["--secret-file", secret, "--key-id", id]].concat()).await;
    let (second, wrong) = (by("T2").await, by("T1").await);
    let stranger = app.stranger();
    assert_eq!(with(&stranger, &preview, COOKIE, &cookie(&second)).await.status, 200);
    assert_eq!(with(&stranger, &preview, COOKIE, &cookie(&wrong)).await.text(), refused.text());

    let function = done(&["media-key", "function", "--data-dir", data.to_str().unwrap()]).await;
    let store: BTreeMap<_, _> =
        [("T1", SECRET), ("T2", OTHER)].map(|(id, text)| (id.to_owned(), text.to_owned())).into();
    let request = |token: &str| FunctionRequest {
        now: now(),
        path: preview.clone(),
        cookies: vec![cookie(token)],
        authorization: Vec::new(),
    };
    let pages = |client: &Client| client.jar().value("picup_media").unwrap();
    let own = done(&made).await;
    let asked = [&pages(&ada), &second, &pages(&bob), &wrong, &own].map(|token| request(token));
    let answers = run_function(&function, &store, &asked).unwrap();
    for opened in &answers[..2] {
        assert_eq!(opened.answer["uri"], preview, "{opened:?}");
    }
    for closed in &answers[2..] {
        assert_eq!(closed.answer["statusCode"], 403, "{closed:?}");
        assert_eq!(closed.answer["body"]["data"], refused.text(), "the same words as PicUp's own");
    }
    fails(&["media-key", "function", "--data-dir", "/nonexistent"], "--key-id").await;
    app.finish().await;
}

/// The client of `picup export` comes by what pages come by.
#[tokio::test]
async fn an_export_works_by_tokens_too() {
    let app = in_token_mode("").await;
    let ada = app.sign_in("ada").await;
    ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    let key = ada.api_key(&["read"]).await.token;
    let out = app.path("out");
    let exported = app.export(&key, &out, &[]).await;
    assert!(exported.status.success(), "{exported:?}");
    let written = crate::export::photos(&out);
    assert_eq!(written.values().map(Vec::as_slice).collect::<Vec<_>>(), [samples::JPEG]);
    let media: wire::MediaSession = ada.post("/api/session/media", &serde_json::json!({})).await.json(200);
    assert_eq!(media.path, format!("/media/{}/", ada.account()));
    app.finish().await;
}

fn private(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    write_private(&path, text);
    path
}

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
    let signed = crate::edge_stage::signed_by(&key("P1"), &stage.path);
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
        (vec![], "an edge needs --public-key, --token-key or --token-secret"),
    ] {
        let cache = stage.folder.path().join("cache2").display().to_string();
        let mut arguments = vec!["serve", "--roles", "edge", "--admin-listen", "", "--listen", "127.0.0.1:0"];
        arguments.extend(["--origin", objects.as_str(), "--cache-dir", cache.as_str()]);
        arguments.extend(options.iter().map(String::as_str));
        fails(&arguments, says).await;
    }
    fails(&["serve", "--token-key", "P1=x"], "are of an edge alone").await;
}
