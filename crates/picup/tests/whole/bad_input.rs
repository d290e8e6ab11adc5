//! Requests that no client of ours would send: each is refused with advice, nothing is lost, and the server stays up.

use picup_api::wire;
use picup_testkit::samples;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Client, hash};

/// Every operation that takes JSON, with a body that would be right.
fn json_operations(album: Uuid, asset: Uuid, upload: Uuid) -> Vec<(Method, String, Value)> {
    let post = |path: String, body: Value| (Method::POST, path, body);
    let part = json!({"number": 1, "sha256": hash(b"x")});
    vec![
        post("/api/setup".into(), json!({"code": "x", "email": "e@x.y", "name": "E", "password": "long enough it is"})),
        post("/api/session".into(), json!({"email": "ada@example.org", "password": "wrong password"})),
        post("/api/session/refresh".into(), json!({"refresh_token": "x.y"})),
        post("/api/albums".into(), json!({"title": "A"})),
        (Method::PATCH, format!("/api/albums/{album}"), json!({"title": "Kept"})),
        post(format!("/api/albums/{album}/order"), json!({"assets": [asset]})),
        post(format!("/api/albums/{album}/assets"), json!({"assets": [asset]})),
        post(format!("/api/albums/{album}/assets/remove"), json!({"assets": [asset]})),
        (
            Method::PATCH,
            format!("/api/assets/{asset}"),
            json!({"favourite": true, "description": "A", "captured": {"local": "2024-05-31T18:04:05"}}),
        ),
        post("/api/assets/states".into(), json!({"assets": [asset]})),
        post("/api/assets/favourite".into(), json!({"assets": [asset], "favourite": true})),
        post("/api/uploads".into(), json!({"file_name": "a.jpg", "bytes": 1, "sha256": hash(b"x")})),
        post(format!("/api/uploads/{upload}/parts"), json!({"parts": [part]})),
    ]
}

struct Stage {
    app: TestApp,
    ada: Client,
    album: Uuid,
    asset: Uuid,
    upload: Uuid,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start().await;
        let ada = app.sign_in("ada").await;
        let asset = ada.upload("a.jpg", samples::JPEG).await;
        let album: wire::Album = ada.post("/api/albums", &json!({"title": "Kept"})).await.json(201);
        let upload = ada.reserve_new("b.jpg", b"x").await.id;
        Self { app, ada, album: album.id, asset, upload }
    }

    /// Nothing has changed, and it is ready for more.
    async fn end(self) {
        let album: wire::Album = self.ada.get(&format!("/api/albums/{}", self.album)).await.json(200);
        assert_eq!((album.title.as_str(), album.count), ("Kept", 0));
        let albums: wire::Albums = self.ada.get("/api/albums").await.json(200);
        assert_eq!(albums.albums.len(), 1);
        assert_eq!(self.ada.processed(self.asset).await.state, wire::AssetState::Ready);
        assert_eq!(self.ada.get("/ready").await.status, 200);
        self.app.finish().await;
    }
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let stage = Stage::set().await;
    let ada = &stage.ada;
    for (method, path, good) in json_operations(stage.album, stage.asset, stage.upload) {
        let text = good.to_string();
        let mut unknown = good.clone();
        unknown["unexpected"] = json!(1);
        let mut bad: Vec<(&str, Vec<u8>)> = vec![
            ("empty", Vec::new()),
            ("truncated", text.as_bytes()[..text.len() - 1].to_vec()),
            ("twice", format!("{text}{text}").into_bytes()),
            ("an unknown field", unknown.to_string().into_bytes()),
            ("a number", b"17".to_vec()),
            ("null", b"null".to_vec()),
            ("a list", b"[]".to_vec()),
            ("invalid UTF-8", [b"{\"title\": \"".as_slice(), &[0xff, 0xfe], b"\"}"].concat()),
            ("half a surrogate", br#"{"title": "\ud800"}"#.to_vec()),
            ("NUL", b"\0".to_vec()),
            ("deeply nested", [b"[".repeat(100_000), b"]".repeat(100_000)].concat()),
            ("deeply nested objects", b"{\"a\":".repeat(50_000)),
            ("a long number", format!("{{\"bytes\": 1{}}}", "0".repeat(10_000)).into_bytes()),
        ];
        // Each field of the wrong type, and given twice.
        // What need not be said may be null, and a list that says nothing says as much.
        let optional = method == Method::PATCH;
        bad.retain(|(what, _)| !(optional && *what == "a list"));
        for (name, value) in good.as_object().unwrap() {
            for wrong in [json!(null), json!({}), json!([[]]), json!(-1.5), json!(true)] {
                let nothing_required = (optional || name == "refresh_token") && wrong.is_null();
                let right = wrong.is_boolean() && value.is_boolean();
                let mut body = good.clone();
                body[name.as_str()] = wrong;
                if !nothing_required && !right {
                    bad.push(("a field of the wrong type", body.to_string().into_bytes()));
                }
            }
            let again = format!("{},\"{name}\":{value}}}", &text[..text.len() - 1]);
            bad.push(("a field twice", again.into_bytes()));
        }
        for (what, body) in bad {
            let request = ada.request(method.clone(), &path).header("content-type", "application/json").body(body);
            let answer = ada.send(request).await;
            assert!(
                (400..500).contains(&answer.status),
                "{method} {path}, {what}: {} {}",
                answer.status,
                answer.text()
            );
            answer.refused_somehow();
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
            let request = ada.request(method.clone(), &path).header("content-type", kind).body(text.clone());
            ada.send(request).await.refused(415);
        }
        ada.send(ada.request(method.clone(), &path).body(text)).await.refused(415);
    }
    stage.end().await;
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let stage = Stage::set().await;
    for (method, path, good) in json_operations(stage.album, stage.asset, stage.upload) {
        let mut huge = good.to_string().into_bytes();
        huge.extend(vec![b' '; 2 << 20]);
        // A connection of its own: the server may stop reading and close it. What it says by then must be the refusal.
        let ada = stage.ada.through(stage.ada.address);
        let request = ada.request(method.clone(), &path).header("content-type", "application/json").body(huge);
        if let Ok(answer) = ada.try_send(request).await {
            answer.refused(413);
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn ids_that_are_none() {
    let stage = Stage::set().await;
    let ada = &stage.ada;
    let long = "0".repeat(1000);
    for id in [
        "x",
        "0",
        "-1",
        "00000000-0000-0000-0000-00000000000g",
        "%00",
        "%F0%9F%93%B7",
        "'; DROP TABLE assets; --",
        &long,
    ] {
        let id = id.replace(' ', "%20");
        for path in ["/api/assets/{}", "/api/albums/{}", "/api/albums/{}/assets", "/api/uploads/{}"] {
            ada.get(&path.replace("{}", &id)).await.refused_somehow();
        }
        for path in ["/api/uploads/{}/complete", "/api/albums/{}/assets"] {
            ada.post(&path.replace("{}", &id), &json!({"assets": [stage.asset]})).await.refused_somehow();
        }
    }
    for number in ["0", "2", "10001", "4294967295", "4294967296", "-1", "1.5", "x", "%31x"] {
        let path = format!(
            "/api/uploads/{}/parts/{number}?bytes=1&expires=9999999999&sha256={}&signature=00",
            stage.upload,
            hash(b"x")
        );
        ada.put(&path, "x").await.refused_somehow();
    }
    for number in [json!(0), json!(2), json!(10_001), json!(-1), json!(u64::MAX), json!("1"), json!(1.5)] {
        let body = json!({"parts": [{"number": number, "sha256": hash(b"x")}]});
        ada.post(&format!("/api/uploads/{}/parts", stage.upload), &body).await.refused_somehow();
    }
    for parts in [json!([]), json!(vec![json!({"number": 1, "sha256": hash(b"x")}); 101])] {
        ada.post(&format!("/api/uploads/{}/parts", stage.upload), &json!({"parts": parts})).await.refused(422);
    }
    stage.end().await;
}

#[tokio::test]
async fn pages_and_days_that_are_none() {
    let stage = Stage::set().await;
    let ada = &stage.ada;
    let album = format!("/api/albums/{}/assets", stage.album);
    let paths = ["/api/timeline/assets", "/api/albums", album.as_str()];
    let good: wire::AssetColumns = ada.get("/api/timeline/assets?limit=1").await.json(200);
    assert_eq!(good.id.len(), 1);
    let long = "A".repeat(4000);
    for path in paths {
        for limit in ["0", "1001", "-1", "x", "1.5", "4294967296", "99999999999999999999", ""] {
            ada.get(&format!("{path}?limit={limit}")).await.refused_somehow();
        }
        for cursor in ["", "x", "!", "AAAA", "%00", "bm90IGEgY3Vyc29y", "2024-01-01", long.as_str()] {
            ada.get(&format!("{path}?cursor={cursor}")).await.refused_somehow();
        }
        for query in ["unknown=1", "limit=1&limit=2", "limit[]=1"] {
            ada.get(&format!("{path}?{query}")).await.refused_somehow();
        }
    }
    for day in [
        "x",
        "2024",
        "2024-13-01",
        "2024-02-30",
        "2023-02-29",
        "-1-01-01",
        "2024-1-1",
        "20240101",
        "2024-01-01T00:00:00Z",
        "99999-01-01",
        "",
    ] {
        for end in ["newest", "oldest"] {
            ada.get(&format!("/api/timeline/assets?{end}={day}")).await.refused_somehow();
        }
    }
    // The other way round is an empty stretch and no mistake.
    let none: wire::AssetColumns = ada.get("/api/timeline/assets?newest=1999-01-01&oldest=2099-01-01").await.json(200);
    assert!(none.id.is_empty());
    stage.end().await;
}

#[tokio::test]
async fn uploads_that_cannot_be() {
    let stage = Stage::set().await;
    let ada = &stage.ada;
    let right = hash(b"x");
    let reserve = async |name: Value, bytes: &str, sha256: Value| {
        let body = format!("{{\"file_name\": {name}, \"bytes\": {bytes}, \"sha256\": {sha256}}}");
        let request = ada.request(Method::POST, "/api/uploads").header("content-type", "application/json").body(body);
        ada.send(request).await
    };
    let huge = format!("1{}", "0".repeat(30));
    for bytes in [
        "-1",
        "9223372036854775808",
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551616",
        &huge,
        "1e3",
        "1.5",
        "\"1\"",
        "null",
    ] {
        reserve(json!("a.jpg"), bytes, json!(right)).await.refused_somehow();
    }
    for sha256 in
        ["", "x", &right[1..], &format!("{right}0"), &right.replace(char::is_numeric, "g"), "0x", &"é".repeat(32)]
    {
        reserve(json!("a.jpg"), "1", json!(sha256)).await.refused(422);
    }
    for name in ["", ".", "..", "/", "a/..", " ", "\\"] {
        reserve(json!(name), "1", json!(right)).await.refused(422);
    }
    for modified in
        ["", "yesterday", "2024-05-31", "2024-05-31T18:04:05", "99999-01-01T00:00:00Z", "2024-13-01T00:00:00Z"]
    {
        let body = json!({"file_name": "a", "bytes": 1, "sha256": right, "modified_at": modified});
        ada.post("/api/uploads", &body).await.refused(422);
    }
    assert_eq!(ada.account_now().await.reserved_bytes, 1, "only the one that stands");
    stage.end().await;
}

#[tokio::test]
async fn any_name_is_kept_as_text_and_never_as_a_path() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let names = [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("<script>alert(1)</script>.jpg", "script>.jpg"),
        ("a\u{0}b\r\nSet-Cookie: x=y.jpg", "a_b__Set-Cookie: x=y.jpg"),
        ("사진 📷.jpeg", "사진 📷.jpeg"),
        ("\u{202e}gpj.exe", "_gpj.exe"),
        ("'; DROP TABLE assets; --.png", "'; DROP TABLE assets; --.png"),
        ("%2e%2e%2fa.jpg", "%2e%2e%2fa.jpg"),
        ("a.jpg\u{0}.html", "a.jpg_.html"),
    ];
    for (number, (name, kept)) in names.iter().enumerate() {
        let asset = ada.asset(ada.upload(name, &samples::jpeg(number as u64)).await).await;
        assert_eq!(asset.file_name, *kept, "{name}");
        assert!(asset.media.original.is_ascii() && !asset.media.original.contains(".."), "{}", asset.media.original);
    }
    let long = format!("{}.jpg", "n".repeat(100_000));
    let asset = ada.asset(ada.upload(&long, &samples::jpeg(100)).await).await;
    assert!(asset.file_name.ends_with("n.jpg") && asset.file_name.chars().count() <= 255);
    app.finish().await;
}

#[tokio::test]
async fn albums_take_titles_within_reason_and_assets_that_are_there() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    for title in ["", "   ", "\u{0}", &"x".repeat(201)] {
        ada.post("/api/albums", &json!({"title": title})).await.refused(422);
    }
    let title = "한글 \u{1f4f7} <b>'\"";
    let album: wire::Album = ada.post("/api/albums", &json!({"title": title})).await.json(201);
    assert_eq!(album.title, title);
    let path = format!("/api/albums/{}/assets", album.id);
    for assets in [json!([]), json!(vec![Uuid::now_v7(); 1001]), json!(["x"]), json!([1])] {
        ada.post(&path, &json!({"assets": assets})).await.refused_somehow();
    }
    let asset = ada.upload("a.jpg", samples::JPEG).await;
    let answer = ada.post(&path, &json!({"assets": [asset, asset, Uuid::now_v7()]})).await;
    let outcomes: Vec<_> = answer.json::<wire::ItemResults>(200).results.into_iter().map(|item| item.outcome).collect();
    assert_eq!(outcomes, [wire::ItemOutcome::Done, wire::ItemOutcome::Unchanged, wire::ItemOutcome::NotFound]);
    app.finish().await;
}
