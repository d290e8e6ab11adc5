//! The second way to photos: a token for one account, in a page's cookie or a program's header, at PicUp's own gateway and in a CloudFront
//! Function. An edge that stands alone is in `token_edge.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use picup_api::wire;
use picup_delivery::{Audience, Denied, Fetch, SigningKey, TokenKey, TokenRing, TokenSigner, TokenTerms, media_token};
use picup_domain::{Clock, SystemClock};
use picup_testkit::{Finished, FunctionRequest, fresh_folder, run, run_function, samples};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, COOKIE};

use crate::app::{BINARY, TestApp, write_private};
use crate::client::{Answer, Client, Jar, Who};

pub(crate) const SECRET: &str = "a-secret-of-more-than-32-characters";
pub(crate) const OTHER: &str = "another-secret-of-more-than-32-characters";
const CLOUDFRONTS: [&str; 4] =
    ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id", "CloudFront-Hash-Algorithm"];

fn now() -> u64 {
    SystemClock.now().seconds().unsigned_abs()
}

/// What a command prints that succeeds.
pub(crate) async fn done(arguments: &[&str]) -> String {
    let done: Finished = run(BINARY, arguments.iter().copied()).await.unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    done.stdout.trim().to_owned()
}

pub(crate) async fn fails(arguments: &[&str], says: &str) {
    let done = run(BINARY, arguments.iter().copied()).await.unwrap();
    assert!(!done.status.success() && done.stderr.contains(says), "{arguments:?}: {done:?}");
}

/// As somebody with nothing but these cookies, or this header.
async fn with(stranger: &Client, path: &str, name: reqwest::header::HeaderName, value: &str) -> Answer {
    stranger.send(stranger.http.get(stranger.url(path)).header(name, value)).await
}

pub(crate) fn cookie(token: &str) -> String {
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

/// What becomes of a token at that time.
fn verdict(key: &SigningKey, token: &str, path_and_query: &str, now_epoch_s: u64) -> Result<(), Denied> {
    let public = TokenKey::public(key.id().clone(), &key.public_key_pem()).unwrap();
    let shown = [(COOKIE, cookie(token).parse().unwrap())].into_iter().collect();
    let client = [192, 0, 2, 1].into();
    let fetch = Fetch { public_base: "", path_and_query, client, now_epoch_s, may_verify: true };
    TokenRing::new(Audience::default(), [public]).unwrap().authorise(&shown, &fetch)
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
    let saved = ada.get(&media.download).await;
    assert_eq!((saved.status, saved.header("content-disposition")), (200, "attachment; filename=\"a.jpg\""));
    assert_eq!(bob.get(&media.download).await.status, 403);
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
    let at = |now_epoch_s| verdict(&key, &ada.jar().value("picup_media").unwrap(), &preview, now_epoch_s);
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

/// A token is for one's own alone; what others have shared has an address of its own, which decides.
#[tokio::test]
async fn what_is_shared_opens_by_its_address_and_no_token_opens_the_rest() {
    let app = in_token_mode("").await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in_browser("bob").await);
    let asset = ada.upload("a.jpg", samples::JPEG).await;
    let own = ada.processed(asset).await.media.preview.unwrap();
    let link: wire::ShareLink = ada.post("/api/share-links", &serde_json::json!({"assets": [asset]})).await.json(201);
    let shared = serde_json::json!({"token": link.link.as_ref().unwrap().rsplit('/').next().unwrap()});
    let opened: wire::ShareOpened = app.stranger().post("/api/share/open", &shared).await.json(200);
    let guest = Client { who: Who::Bearer(opened.access_token), ..app.stranger() };
    let columns: wire::AssetColumns = guest.get("/api/share/assets").await.json(200);
    let address = crate::sharing::preview(&columns, 0);
    let (stranger, bobs) = (app.stranger(), cookie(&bob.jar().value("picup_media").unwrap()));
    assert_eq!(stranger.get(&address).await.status, 200);
    assert_eq!(with(&stranger, &address, COOKIE, &bobs).await.status, 200);
    let altered = address.replace("Signature=M", "Signature=N");
    let adas = cookie(&ada.jar().value("picup_media").unwrap());
    for (path, shown) in [(own.as_str(), &bobs), (&altered, &bobs), (&altered, &adas)] {
        assert_eq!(with(&stranger, path, COOKIE, shown).await.status, 403, "{path}");
    }
    assert_eq!(with(&stranger, &own, COOKIE, &adas).await.status, 200);
    app.finish().await;
}

/// Programs come by what pages come by.
#[tokio::test]
async fn programs_and_their_keys_get_tokens_too() {
    let app = in_token_mode("").await;
    let ada = app.sign_in("ada").await;
    ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    let key = ada.api_key(&["read"]).await.token;
    let out = app.path("out");
    let exported = app.export(&key, &out, &[]).await;
    assert!(exported.status.success(), "{exported:?}");
    let written = crate::export::photos(&out);
    assert_eq!(written.values().map(Vec::as_slice).collect::<Vec<_>>(), [samples::JPEG]);

    // A key's token ends with the key.
    let ends = now() + 600;
    let until = jiff::Timestamp::from_second(ends.cast_signed()).unwrap();
    let wish = serde_json::json!({"name": "x", "scopes": ["read"], "expires_at": until.to_string()});
    let made: wire::ApiKeyMade = ada.post("/api/keys", &wish).await.json(201);
    let mut viewer = app.stranger();
    viewer.who = Who::Cookies(Jar::default());
    let answer = viewer.send(viewer.request(Method::POST, "/api/session/media").header("x-api-key", &made.token)).await;
    let media: wire::MediaSession = answer.json(200);
    let (token, key) = (viewer.jar().value("picup_media").unwrap(), media_key(&app).await);
    let path = format!("{}x", media.path);
    assert_eq!(verdict(&key, &token, &path, ends - 1), Ok(()));
    assert_eq!(verdict(&key, &token, &path, ends), Err(Denied::Expired));
    app.finish().await;
}

pub(crate) fn private(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    write_private(&path, text);
    path
}
