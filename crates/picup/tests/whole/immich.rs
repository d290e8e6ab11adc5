//! Immich's users can switch: their own uploader, the real `@immich/cli`, sends to PicUp, and what it deletes afterwards is safe here.
//!
//! Judged by what it prints as JSON and by the server's state: its exit code is 0 even where files failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use picup_api::wire::AssetState;
use picup_domain::Sha1;
use picup_testkit::immich::ImmichCli;
use picup_testkit::{Finished, samples};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::app::{TestApp, eventually};
use crate::books;
use crate::client::{Answer, Client, hash};
use crate::pictures::noise;

/// A caller who has nothing but a key, sent as Immich's programs send it.
struct Uploader {
    client: Client,
    key: String,
}

impl Uploader {
    async fn of(app: &TestApp, account: &Client) -> Self {
        Self { client: app.stranger(), key: account.api_key(&["upload"]).await.token }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, path).header("x-api-key", &self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.client.send(request).await
    }

    async fn post_form(&self, body: impl Into<Body>) -> Answer {
        let request = self.client.request(Method::POST, "/api/immich/assets").header("x-api-key", &self.key);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.client.send(request.header("content-type", kind).body(body)).await
    }

    async fn check(&self, content: &[u8]) -> Value {
        let wish = json!({"assets": [{"id": "a.jpg", "checksum": Sha1::of(content).to_string()}]});
        let answer = self.send(Method::POST, "/api/immich/assets/bulk-upload-check", Some(wish)).await;
        answer.json::<Value>(200)["results"][0].clone()
    }
}

const BOUNDARY: &str = "----formdata-undici-0123456789";

/// A field of a form.
fn field(name: &str, file_name: Option<&str>, content: &[u8]) -> Vec<u8> {
    let file = file_name
        .map_or_else(String::new, |name| format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream"));
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(fields: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body: Vec<u8> = fields.iter().flat_map(|(name, file, content)| field(name, *file, content)).collect();
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

const TAKEN: &[u8] = b"2021-03-04T05:06:07.000Z";

/// Photos in two folders of which one is in the other; their contents by path.
fn photos(folder: &Path, each: u64, extra: usize) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (place, below) in ["Busan", "Trips/Seoul"].into_iter().enumerate() {
        std::fs::create_dir_all(folder.join(below)).unwrap();
        for number in 0..each {
            let mut content = samples::jpeg(place as u64 * 10_000 + number);
            content.extend(noise(number + place as u64 * 10_000, extra));
            let path = folder.join(below).join(format!("IMG {number:03} \"a\".jpg"));
            std::fs::write(&path, &content).unwrap();
            files.insert(path, content);
        }
    }
    files
}

/// What the uploader printed as JSON, between its lines for people.
fn report(done: &Finished) -> Value {
    let begin = done.stdout.find("\n{\n").unwrap_or_else(|| panic!("{}\n{}", done.stdout, done.stderr));
    let end = done.stdout[begin..].find("\n}\n").unwrap() + begin + 2;
    serde_json::from_str(&done.stdout[begin..end]).unwrap()
}

fn count(report: &Value, list: &str) -> usize {
    report[list].as_array().unwrap().len()
}

/// The hashes of everything in the timeline, each proved by fetching its original.
async fn kept(browser: &Client) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for id in browser.timeline().await.id {
        let asset = browser.asset(id).await;
        assert!(matches!(asset.state, AssetState::Ready | AssetState::Unviewable), "{asset:?}");
        let original = browser.get(&asset.media.original).await;
        assert_eq!((original.status, hash(&original.body)), (200, asset.sha256.clone()), "{}", asset.file_name);
        assert!(kept.insert(asset.sha256), "one content twice");
    }
    kept
}

fn hashes(files: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeSet<String> {
    files.values().map(|content| hash(content)).collect()
}

fn gone(files: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    files.iter().filter(|(path, _)| !path.exists()).map(|(path, content)| (path.clone(), content.clone())).collect()
}

#[tokio::test]
async fn a_folder_comes_with_its_albums_and_never_twice() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let folder = app.path("photos");
    let files = photos(&folder, 12, 100);
    let key = ada.api_key(&["upload", "read"]).await.token;
    let immich = ImmichCli::new(app.server.address(), &key, &app.path("config")).unwrap();
    let folder = folder.to_str().unwrap();
    let upload = ["upload", "--recursive", "--album", "--json-output", "--no-progress", "--concurrency", "4", folder];
    let first = immich.run(&upload).await.unwrap();
    assert!(first.status.success(), "{}\n{}", first.stdout, first.stderr);
    let said = report(&first);
    assert_eq!((count(&said, "newAssets"), count(&said, "duplicates")), (24, 0), "{}", first.stdout);
    app.settle().await;
    assert_eq!(kept(&ada).await, hashes(&files));
    let albums: Value = ada.get("/api/albums").await.json(200);
    let albums: BTreeMap<_, _> = albums["albums"]
        .as_array()
        .unwrap()
        .iter()
        .map(|album| (album["title"].as_str().unwrap().to_owned(), album["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(albums, BTreeMap::from([("Busan".to_owned(), 12), ("Seoul".to_owned(), 12)]));
    let asset = ada.asset(ada.timeline().await.id[0]).await;
    assert!(asset.file_name.starts_with("IMG 0") && asset.file_name.ends_with("\"a\".jpg"), "{}", asset.file_name);

    // Nothing is sent again, and where the uploader sends without asking, nothing is kept again.
    let again = report(&immich.run(&upload).await.unwrap());
    assert_eq!((count(&again, "newFiles"), count(&again, "duplicates")), (0, 24), "{again}");
    let unasked = immich.run(&["upload", "--skip-hash", "-r", "-j", "--no-progress", folder]).await.unwrap();
    assert_eq!(count(&report(&unasked), "newAssets"), 24, "{}", unasked.stdout);
    assert!(unasked.stdout.contains("Skipped 24 duplicate assets"), "{}", unasked.stdout);
    assert_eq!(kept(&ada).await, hashes(&files));

    let info = immich.run(&["server-info"]).await.unwrap();
    assert!(info.status.success() && info.stdout.contains("ada@example.org"), "{}\n{}", info.stdout, info.stderr);
    assert!(info.stdout.contains("Total: 24"), "{}", info.stdout);
    app.finish().await;
}

#[tokio::test]
async fn what_it_deletes_is_here_though_the_server_is_killed_in_the_middle() {
    const EACH: u64 = 60;
    let mut app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let folder = app.path("photos");
    let files = photos(&folder, EACH, 40_000);
    let key = ada.api_key(&["upload"]).await.token;
    let immich = ImmichCli::new(app.server.address(), &key, &app.path("config")).unwrap();
    let path = folder.to_str().unwrap().to_owned();
    for round in 1..=3_usize {
        let before = kept(&ada).await.len();
        let upload = {
            let (immich, path) = (immich.clone(), path.clone());
            tokio::spawn(async move {
                immich.run(&["upload", "-r", "-j", "--no-progress", "--concurrency", "4", "--delete", &path]).await
            })
        };
        let data = app.data();
        let reached = async || {
            let mut database = books::open(&data).await;
            let (count,) =
                sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM assets").fetch_one(&mut database).await.unwrap();
            (count as usize >= before + 20 || upload.is_finished()).then_some(())
        };
        eventually("a part of the upload", reached).await.unwrap();
        app = app.kill_and_restart().await;
        let said = upload.await.unwrap().unwrap().stdout;
        app.settle().await;
        let here = kept(&ada).await;
        let deleted = gone(&files);
        assert!(hashes(&deleted).is_subset(&here), "round {round}: a deleted photo is not here: {said}");
    }
    // What was committed without its answer coming through is known by now, and everything else comes.
    for _ in 0..2 {
        let last = ["upload", "-r", "-j", "--no-progress", "--delete", "--delete-duplicates", &path];
        let done = immich.run(&last).await.unwrap();
        assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
        app.settle().await;
    }
    assert_eq!(gone(&files).len(), files.len(), "all could be deleted");
    assert_eq!(kept(&ada).await, hashes(&files));
    app.finish().await;
}

#[tokio::test]
async fn what_does_not_fit_is_reported_and_stays_with_its_owner() {
    let app = TestApp::builder().account_with("ada", "60KB").start().await;
    let ada = app.sign_in_browser("ada").await;
    let folder = app.path("photos");
    let files = photos(&folder, 5, 10_000);
    let key = ada.api_key(&["upload"]).await.token;
    let immich = ImmichCli::new(app.server.address(), &key, &app.path("config")).unwrap();
    let upload = ["upload", "-r", "-j", "--no-progress", "--concurrency", "4", "--delete", folder.to_str().unwrap()];
    let done = immich.run(&upload).await.unwrap();
    let said = report(&done);
    let new = count(&said, "newAssets");
    assert_eq!(count(&said, "newFiles"), 10);
    assert!((1..10).contains(&new), "{}", done.stdout);
    assert!(done.stdout.contains("quota"), "it says why: {}", done.stdout);
    app.settle().await;
    let deleted = gone(&files);
    assert_eq!((deleted.len(), kept(&ada).await), (new, hashes(&deleted)));
    let account = ada.account_now().await;
    let used: usize = deleted.values().map(Vec::len).sum();
    assert_eq!((account.used_bytes, account.reserved_bytes), (used as u64, 0));
    assert!(account.used_bytes <= 60_000);
    app.finish().await;
}

#[tokio::test]
async fn a_favourite_there_is_a_favourite_here() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let uploader = Uploader::of(&app, &ada).await;
    let (liked, plain) = (samples::jpeg(1), samples::jpeg(2));
    // The uploader writes the field before the file; others may write it behind.
    let before = form(&[("isFavorite", None, b"true"), ("assetData", Some("a.jpg"), &liked)]);
    let behind = form(&[("assetData", Some("b.jpg"), &plain), ("isFavorite", None, b"false")]);
    let mut ids = Vec::new();
    for photo in [before, behind] {
        let answer: Value = uploader.post_form(photo).await.json(201);
        ids.push(answer["id"].as_str().unwrap().parse().unwrap());
    }
    assert!(ada.processed(ids[0]).await.favourite);
    assert!(!ada.processed(ids[1]).await.favourite);
    let again = form(&[("assetData", Some("c.jpg"), &samples::jpeg(3)), ("isFavorite", None, b"true")]);
    let third: Value = uploader.post_form(again).await.json(201);
    ids.push(third["id"].as_str().unwrap().parse().unwrap());
    assert!(ada.processed(ids[2]).await.favourite);
    let wrong = form(&[("isFavorite", None, b"maybe"), ("assetData", Some("d.jpg"), &samples::jpeg(4))]);
    assert!(uploader.post_form(wrong).await.refused(422).detail.contains("isFavorite"));
    assert_eq!(ada.timeline().await.id.len(), 3);
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_is_wrong_or_for_uploads_only_gives_no_more() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg(1);
    let asset = ada.upload("a.jpg", &content).await;
    ada.processed(asset).await;
    let folder = app.path("photos");
    let files = photos(&folder, 1, 0);
    for wrong in ["wrong", "picup_0000", &format!("{}x", ada.api_key(&["upload"]).await.token)] {
        let immich = ImmichCli::new(app.server.address(), wrong, &app.path("config")).unwrap();
        let done = immich.run(&["upload", "-r", "-j", "--delete", folder.to_str().unwrap()]).await.unwrap();
        assert_eq!(done.status.code(), Some(1), "{}", done.stdout);
        assert!(done.stderr.contains("401"), "{}", done.stderr);
        assert!(gone(&files).is_empty());
    }
    let uploader = Uploader::of(&app, &ada).await;
    let original = ada.asset(asset).await.media.original;
    for path in [
        "/api/timeline".to_owned(),
        format!("/api/assets/{asset}"),
        "/api/immich/assets/statistics".to_owned(),
        original,
    ] {
        let answer = uploader.send(Method::GET, &path, None).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    // Another's file is nobody's duplicate, and a reader may not send.
    let bob = app.sign_in("bob").await;
    assert_eq!(Uploader::of(&app, &bob).await.check(&content).await["action"], "accept");
    let reader = Uploader { key: bob.api_key(&["read"]).await.token, client: app.stranger() };
    let photo = form(&[("assetData", Some("a.jpg"), &content)]);
    assert_eq!(reader.post_form(photo).await.status, 403);
    assert!(bob.timeline().await.id.is_empty());
    app.finish().await;
}

#[tokio::test]
async fn a_file_may_come_in_pieces_without_a_length() {
    let app = TestApp::builder().account_with("ada", "4MB").start().await;
    let ada = app.sign_in_browser("ada").await;
    let uploader = Uploader::of(&app, &ada).await;
    let mut content = samples::jpeg(1);
    content.extend(noise(1, 1_500_000));
    let whole = form(&[
        ("fileCreatedAt", None, TAKEN),
        ("fileModifiedAt", None, TAKEN),
        ("deviceId", None, b"unknown fields are ignored"),
        ("assetData", Some("바다 %22a%22.jpg"), &content),
        ("sidecarData", Some("a.xmp"), b"<x:xmpmeta/>"),
        ("visibility", None, b"timeline"),
    ]);
    let pieces = |body: &[u8]| {
        let pieces: Vec<_> = body.chunks(10_007).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        Body::wrap_stream(futures_util::stream::iter(pieces))
    };
    let answer: Value = uploader.post_form(pieces(&whole)).await.json(201);
    assert_eq!(answer["status"], "created");
    let id: Uuid = answer["id"].as_str().unwrap().parse().unwrap();
    let asset = ada.processed(id).await;
    assert_eq!((asset.file_name.as_str(), asset.sha256), ("바다 \"a\".jpg", hash(&content)));
    assert!(asset.captured.local.starts_with("2021-03-04T05:06:07"), "{:?}", asset.captured);
    assert_eq!(
        uploader.check(&content).await,
        json!({
            "id": "a.jpg", "action": "reject", "reason": "duplicate", "assetId": id.to_string()
        })
    );
    let again: Value = uploader.post_form(pieces(&whole)).await.json(200);
    assert_eq!(again, json!({"id": id.to_string(), "status": "duplicate"}));
    // What is over the quota is refused on the way, and nothing of it stays.
    let mut large = content.clone();
    large.extend(noise(2, 1_200_000));
    let refused = uploader.post_form(pieces(&form(&[("assetData", Some("b.jpg"), &large)]))).await.refused(413);
    assert_eq!(refused.r#type, "urn:picup:quota-exceeded");
    nothing_stays(&app, &ada, content.len() as u64).await;
    // And the client that hangs up gives back what it was promised.
    hang_up(&app, &uploader, &whole[..whole.len() / 2]).await;
    nothing_stays(&app, &ada, content.len() as u64).await;
    app.finish().await;
}

/// Begins to send a form, waits until the server keeps room for it, and goes.
async fn hang_up(app: &TestApp, uploader: &Uploader, half: &[u8]) {
    let mut connection = tokio::net::TcpStream::connect(app.server.address()).await.unwrap();
    let head = format!(
        "POST /api/immich/assets HTTP/1.1\r\nHost: picup\r\nx-api-key: {}\r\ntransfer-encoding: chunked\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n{:x}\r\n",
        uploader.key,
        half.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(half).await.unwrap();
    let data = app.data();
    let receiving = async || {
        let mut database = books::open(&data).await;
        let count = "SELECT COUNT(*) FROM uploads WHERE state = 'receiving'";
        (sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut database).await.unwrap().0 == 1).then_some(())
    };
    eventually("the beginning of the file", receiving).await.unwrap();
}

async fn nothing_stays(app: &TestApp, account: &Client, used: u64) {
    let settled = async || {
        let now = account.account_now().await;
        let staged = std::fs::read_dir(app.data().join("objects/staging")).unwrap().count();
        ((now.used_bytes, now.reserved_bytes, staged) == (used, 0, 0)).then_some(())
    };
    eventually("the end of what was refused", settled).await.unwrap();
}

#[tokio::test]
async fn hostile_forms_are_refused_and_leave_nothing() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let uploader = Uploader::of(&app, &ada).await;
    let photo: (&str, Option<&str>, &[u8]) = ("assetData", Some("a.jpg"), samples::JPEG);
    let good = form(&[photo]);
    let long_name = "n".repeat(100_000);
    let many: Vec<(&str, Option<&str>, &[u8])> = vec![("x", None, b"y"); 100];
    for (wrong, body) in [
        ("no file", form(&[("fileCreatedAt", None, TAKEN)])),
        ("two files", form(&[photo, ("assetData", Some("b.jpg"), b"other")])),
        ("no name", form(&[("assetData", None, b"x")])),
        ("a name that ends nowhere", form(&[("assetData", Some(".."), b"x")])),
        ("a long name", form(&[(&long_name, None, b"x"), photo])),
        ("many fields", form(&[many.as_slice(), &[photo]].concat())),
        ("a size that is none", form(&[("fileSize", None, b"-1"), photo])),
        ("a time that is none", form(&[photo, ("fileCreatedAt", None, b"yesterday")])),
        ("hidden", form(&[photo, ("visibility", None, b"locked")])),
        ("cut in the file", good[..good.len() - BOUNDARY.len() - 20].to_vec()),
        ("cut in the last boundary", good[..good.len() - 4].to_vec()),
        ("nothing", Vec::new()),
        ("something else", b"{}".to_vec()),
        ("a large unknown part", form(&[photo, ("x", Some("x"), &vec![0; 2 << 20])])),
    ] {
        let answer = uploader.post_form(body).await;
        assert!((400..500).contains(&answer.status), "{wrong}: {} {}", answer.status, answer.text());
        answer.refused_somehow();
    }
    nothing_stays(&app, &ada, 0).await;
    let wish = json!({"assets": [{"id": "a", "checksum": "no hash"}]});
    uploader.send(Method::POST, "/api/immich/assets/bulk-upload-check", Some(wish)).await.refused(422);
    // Five thousand of the longest paths at once, and no more.
    let item =
        |number: usize| json!({"id": format!("{number}{}", "p".repeat(4_000)), "checksum": Sha1::of(b"").to_string()});
    let many: Vec<Value> = (0..5_001).map(item).collect();
    let path = "/api/immich/assets/bulk-upload-check";
    let answer = uploader.send(Method::POST, path, Some(json!({"assets": many[1..]}))).await;
    assert_eq!(answer.json::<Value>(200)["results"].as_array().unwrap().len(), 5_000);
    uploader.send(Method::POST, path, Some(json!({"assets": many}))).await.refused(422);
    let answer: Value = uploader.post_form(good).await.json(201);
    assert_eq!(answer["status"], "created");
    app.finish().await;
}

#[tokio::test]
async fn only_what_is_proved_and_stands_is_called_a_duplicate() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let uploader = Uploader::of(&app, &ada).await;
    let content = samples::jpeg(5);
    assert_eq!(uploader.check(&content).await["action"], "accept");
    let asset = ada.upload("a.jpg", &content).await;
    let asset = ada.processed(asset).await;
    assert_eq!(uploader.check(&content).await["action"], "reject", "whichever way it came");
    // Its bytes get lost: whoever has a copy must keep it, or send it.
    let original = app.data().join("objects").join(asset.media.original.trim_start_matches('/'));
    let aside = app.path("aside");
    std::fs::rename(&original, &aside).unwrap();
    assert_eq!(uploader.check(&content).await["action"], "accept");
    std::fs::rename(&aside, &original).unwrap();
    // An asset from before SHA-1s were kept is sent once more, and known from then on.
    let mut database = books::open(&app.data()).await;
    sqlx::query("UPDATE assets SET sha1 = NULL").execute(&mut database).await.unwrap();
    drop(database);
    assert_eq!(uploader.check(&content).await["action"], "accept");
    let answer: Value = uploader.post_form(form(&[("assetData", Some("a.jpg"), &content)])).await.json(200);
    assert_eq!(answer["status"], "duplicate");
    assert_eq!(uploader.check(&content).await["action"], "reject");
    app.finish().await;
}
