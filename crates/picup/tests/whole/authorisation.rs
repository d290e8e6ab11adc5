//! Who may call what: every operation of the API is in the table below, and the table is held against a real server.
//!
//! An operation that is added to the API and not to the table fails the first test, so none is forgotten.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use picup_domain::{Clock, SystemClock};
use picup_testkit::samples;
use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{PASSWORD, TestApp, email};
use crate::client::{Answer, Client, Who, hash};

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// Nothing, or a right of its own in its body that other tests look at: a password, a code, a refresh token.
    Public,
    /// A person's session, by cookie or bearer; an API key is told that it is not enough.
    Session,
    /// A session of an admin; others are told that they are none.
    Admin,
    /// A session, or an API key with any of these scopes.
    Key(&'static [&'static str]),
    /// The address itself.
    Address,
    /// What opening a share link gave; `sharing` looks at who has it.
    Link,
}

use Right::{Address, Admin, Key, Link, Public, Session};

/// The right of an API key with this scope.
const UPLOAD: Right = Key(&["upload"]);
const READ: Right = Key(&["read"]);
const EDIT: Right = Key(&["edit"]);
const UPLOAD_OR_READ: Right = Key(&["upload", "read"]);
const UPLOAD_OR_EDIT: Right = Key(&["upload", "edit"]);
const ANY: Right = Key(&["upload", "read", "edit"]);

const TABLE: [(&str, Right); 87] = [
    ("GET /.well-known/immich", Public),
    ("GET /api/account", UPLOAD_OR_READ),
    ("PATCH /api/account", Session),
    ("POST /api/account/password", Session),
    ("POST /api/account/deletion", Session),
    ("DELETE /api/account/deletion", Session),
    ("GET /api/admin/accounts", Admin),
    ("PATCH /api/admin/accounts/{id}", Admin),
    ("POST /api/admin/accounts/{id}/deletion", Admin),
    ("DELETE /api/admin/accounts/{id}/deletion", Admin),
    ("POST /api/admin/accounts/{id}/password-link", Admin),
    ("GET /api/admin/invitations", Admin),
    ("POST /api/admin/invitations", Admin),
    ("DELETE /api/admin/invitations/{id}", Admin),
    ("GET /api/admin/system", Admin),
    ("POST /api/admin/system/jobs/retry", Admin),
    ("GET /api/albums", UPLOAD_OR_READ),
    ("POST /api/albums", UPLOAD_OR_EDIT),
    ("GET /api/albums/{id}", READ),
    ("PATCH /api/albums/{id}", EDIT),
    ("DELETE /api/albums/{id}", EDIT),
    ("GET /api/albums/{id}/assets", READ),
    ("POST /api/albums/{id}/assets", UPLOAD_OR_EDIT),
    ("POST /api/albums/{id}/assets/remove", EDIT),
    ("POST /api/albums/{id}/order", EDIT),
    ("GET /api/albums/{id}/members", READ),
    ("POST /api/albums/{id}/members", Session),
    ("PATCH /api/albums/{id}/members/{account}", Session),
    ("DELETE /api/albums/{id}/members/{account}", Session),
    ("GET /api/assets/{id}", READ),
    ("PATCH /api/assets/{id}", EDIT),
    ("POST /api/assets/favourite", EDIT),
    ("POST /api/assets/states", UPLOAD_OR_READ),
    ("POST /api/assets/trash", EDIT),
    ("POST /api/assets/restore", EDIT),
    ("POST /api/assets/delete", Session),
    ("GET /api/events", READ),
    ("GET /api/favourites", READ),
    ("GET /api/immich/albums", UPLOAD_OR_READ),
    ("POST /api/immich/albums", UPLOAD_OR_EDIT),
    ("PUT /api/immich/albums/{id}/assets", UPLOAD_OR_EDIT),
    ("GET /api/immich/api-keys/me", ANY),
    ("POST /api/immich/assets", UPLOAD),
    ("POST /api/immich/assets/bulk-upload-check", UPLOAD),
    ("GET /api/immich/assets/statistics", READ),
    ("GET /api/immich/server/media-types", Public),
    ("GET /api/immich/server/version", Public),
    ("GET /api/immich/users/me", ANY),
    ("POST /api/invitations/look", Public),
    ("POST /api/invitations/accept", Public),
    ("GET /api/keys", Session),
    ("POST /api/keys", Session),
    ("DELETE /api/keys/{id}", Session),
    ("GET /api/openapi.json", Public),
    ("GET /api/search", READ),
    ("GET /api/search/suggestions", READ),
    ("POST /api/session", Public),
    ("DELETE /api/session", Public),
    ("POST /api/session/media", READ),
    ("POST /api/session/refresh", Public),
    ("GET /api/sessions", Session),
    ("DELETE /api/sessions", Session),
    ("DELETE /api/sessions/{id}", Session),
    ("GET /api/setup", Public),
    ("POST /api/setup", Public),
    ("GET /api/share-links", Session),
    ("POST /api/share-links", Session),
    ("PATCH /api/share-links/{id}", Session),
    ("DELETE /api/share-links/{id}", Session),
    ("POST /api/share/open", Public),
    ("GET /api/share/assets", Link),
    ("GET /api/share/assets/{id}", Link),
    ("GET /api/timeline", READ),
    ("GET /api/timeline/assets", READ),
    ("GET /api/trash", READ),
    ("DELETE /api/trash", Session),
    ("GET /api/trash/summary", READ),
    ("POST /api/uploads", UPLOAD),
    ("POST /api/uploads/complete", UPLOAD),
    ("POST /api/uploads/many", UPLOAD),
    ("GET /api/uploads/{id}", UPLOAD),
    ("DELETE /api/uploads/{id}", UPLOAD),
    ("POST /api/uploads/{id}/complete", UPLOAD),
    ("POST /api/uploads/{id}/parts", UPLOAD),
    ("PUT /api/uploads/{id}/parts/{number}", Address),
    ("GET /live", Public),
    ("GET /ready", Public),
];

/// The operations of the API's own description, and those that speak Immich's language and are not in it.
fn described() -> Vec<String> {
    let document = serde_json::to_value(picup_api::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "options", "head", "patch", "trace"] {
            if item.get(method).is_some() {
                operations.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    operations.extend(picup_api::immich_operations());
    operations
}

#[test]
fn every_operation_is_in_the_table() {
    let table: BTreeMap<&str, Right> = TABLE.into_iter().collect();
    assert_eq!(table.len(), TABLE.len(), "one is there twice");
    let described = described();
    for operation in &described {
        assert!(table.contains_key(operation.as_str()), "{operation}: say in TABLE who may call it");
    }
    for operation in table.keys() {
        assert!(described.iter().any(|known| known == operation), "{operation}: there is no such operation any more");
    }
}

/// Ada's things, which others ask for.
struct Things {
    album: Uuid,
    asset: Uuid,
    upload: Uuid,
    key: Uuid,
    session: Uuid,
    link: Uuid,
    /// A member of the album.
    member: Uuid,
}

impl Things {
    async fn of(ada: &Client) -> Self {
        let asset = ada.upload("a.jpg", samples::JPEG).await;
        ada.processed(asset).await;
        let album: picup_api::wire::Album = ada.post("/api/albums", &json!({"title": "Ada's"})).await.json(201);
        let added = ada.post(&format!("/api/albums/{}/assets", album.id), &json!({"assets": [asset]})).await;
        assert_eq!(added.status, 200);
        let key = ada.api_key(&["read"]).await.key.id;
        let sessions: picup_api::wire::Sessions = ada.get("/api/sessions").await.json(200);
        let session = sessions.sessions[0].id;
        let link: picup_api::wire::ShareLink =
            ada.post("/api/share-links", &json!({"album": album.id})).await.json(201);
        let (link, member) = (link.id, Uuid::now_v7());
        Self {
            link,
            member,
            session,
            album: album.id,
            asset,
            upload: ada.reserve_new("b.jpg", b"not sent yet").await.id,
            key,
        }
    }

    /// The method, path and a body that would be right.
    fn call(&self, operation: &str) -> (Method, String, Option<Value>) {
        let (method, path) = operation.split_once(' ').unwrap();
        let id = match path.trim_start_matches("/api/immich").trim_start_matches("/api").split('/').nth(1).unwrap() {
            "albums" => self.album,
            "assets" => self.asset,
            "keys" => self.key,
            "sessions" => self.session,
            "share-links" => self.link,
            "share" => self.asset,
            _ => self.upload,
        };
        let body = match operation {
            "POST /api/albums" | "PATCH /api/albums/{id}" => Some(json!({"title": "Taken over"})),
            "POST /api/albums/{id}/assets"
            | "POST /api/albums/{id}/assets/remove"
            | "POST /api/albums/{id}/order"
            | "POST /api/assets/trash"
            | "POST /api/assets/restore"
            | "POST /api/assets/states"
            | "POST /api/assets/delete" => Some(json!({"assets": [self.asset]})),
            "POST /api/albums/{id}/members" => Some(json!({"email": email("bob"), "role": "manager"})),
            "PATCH /api/albums/{id}/members/{account}" => Some(json!({"role": "manager"})),
            "POST /api/share-links" => Some(json!({"album": self.album, "download": true})),
            "PATCH /api/share-links/{id}" => Some(json!({"download": true, "password": null})),
            "POST /api/share/open" => Some(json!({"token": "a guess"})),
            "PATCH /api/assets/{id}" => Some(json!({"description": "Taken over", "favourite": true})),
            "POST /api/assets/favourite" => Some(json!({"assets": [self.asset], "favourite": true})),
            "POST /api/immich/albums" => Some(json!({"albumName": "Taken over", "assetIds": [self.asset]})),
            "PUT /api/immich/albums/{id}/assets" => Some(json!({"ids": [self.asset]})),
            "POST /api/immich/assets/bulk-upload-check" => Some(json!({"assets": []})),
            "PATCH /api/account" => Some(json!({"name": "Taken over"})),
            "POST /api/account/password" => Some(json!({"current": PASSWORD, "new": "another password"})),
            "POST /api/keys" => Some(json!({"name": "another", "scopes": ["read"]})),
            "POST /api/uploads" => Some(json!({"file_name": "c.jpg", "bytes": 1, "sha256": hash(b"c")})),
            "POST /api/uploads/many" => {
                Some(json!({"files": [{"file_name": "c.jpg", "bytes": 1, "sha256": hash(b"c")}]}))
            }
            "POST /api/uploads/complete" => Some(json!({"uploads": [self.upload]})),
            "POST /api/uploads/{id}/parts" => Some(json!({"parts": [{"number": 1, "sha256": hash(b"not sent yet")}]})),
            _ => None,
        };
        let path = path.replace("{id}", &id.to_string()).replace("{account}", &self.member.to_string());
        (method.parse().unwrap(), path, body)
    }

    /// Everything of Ada's as she sees it.
    async fn seen_by(&self, ada: &Client) -> Vec<String> {
        let mut seen = Vec::new();
        for path in [
            "/api/account".to_owned(),
            "/api/albums".to_owned(),
            "/api/keys".to_owned(),
            "/api/sessions".to_owned(),
            "/api/timeline".to_owned(),
            "/api/trash".to_owned(),
            "/api/trash/summary".to_owned(),
            "/api/favourites".to_owned(),
            format!("/api/albums/{}/assets", self.album),
            format!("/api/albums/{}/members", self.album),
            "/api/share-links".to_owned(),
            format!("/api/assets/{}", self.asset),
            format!("/api/uploads/{}", self.upload),
        ] {
            let answer = ada.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            seen.push(answer.text());
        }
        seen
    }
}

async fn call(
    caller: &Client,
    (method, path, body): &(Method, String, Option<Value>),
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = caller.request(method.clone(), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    caller.send(request).await
}

fn of_right(wanted: Right) -> impl Iterator<Item = &'static str> {
    TABLE.into_iter().filter(move |(_, right)| *right == wanted).map(|(operation, _)| operation)
}

fn with_session() -> impl Iterator<Item = &'static str> {
    TABLE.into_iter().filter(|(_, right)| matches!(right, Session | Key(_))).map(|(operation, _)| operation)
}

/// An access token made with the server's own key, or another, with claims of the test's choice.
fn token(pem: &str, algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_ec_pem(pem.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn nobody_gets_in_without_a_good_token() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let things = Things::of(&ada).await;
    let before = things.seen_by(&ada).await;

    let Who::Bearer(good) = &ada.who else { panic!("a program has a token") };
    let pem = std::fs::read_to_string(app.data().join("secrets/access-token-key.pem")).unwrap();
    let other_pem = std::fs::read_to_string(app.data().join("secrets/media-key.pem")).unwrap();
    let now = SystemClock.now().seconds();
    let claims = |aud: &str, exp: i64| json!({"aud": aud, "sub": ada.account(), "sid": Uuid::now_v7(), "exp": exp});
    let fresh = token(&pem, Algorithm::ES256, &claims("picup-api", now + 60));
    let mut made = ada.clone();
    made.who = Who::Bearer(fresh.clone());
    assert_eq!(made.get("/api/account").await.status, 200, "the test makes tokens as the server does");

    let parts: Vec<&str> = fresh.split('.').collect();
    let unsigned = base64_url(br#"{"alg":"none","typ":"JWT"}"#);
    let bad = [
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        token(&pem, Algorithm::ES256, &claims("picup-api", now - 1)),
        token(&pem, Algorithm::ES256, &claims("elsewhere", now + 60)),
        token(&other_pem, Algorithm::ES256, &claims("picup-api", now + 60)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{unsigned}.{}.", parts[1]),
        format!("{unsigned}.{}.{}", parts[1], parts[2]),
        format!("{good}x"),
        good[..good.len() - 2].to_owned(),
        ada.session.clone().unwrap().tokens.unwrap().refresh_token,
    ];
    // What a share link opened is no session, and a session is no opened share link.
    for operation in of_right(Link) {
        let wish = things.call(operation);
        for token in bad.iter().chain([good, &fresh]) {
            let answer = call(&app.stranger(), &wish, &[("authorization", &format!("Bearer {token}"))]).await;
            assert_eq!(answer.refused(404).r#type, "urn:picup:link-over", "{operation} with {token}");
        }
        assert_eq!(call(&app.stranger(), &wish, &[]).await.refused(404).r#type, "urn:picup:link-over", "{operation}");
    }
    for operation in with_session().chain(of_right(Admin)) {
        let wish = things.call(operation);
        let answer = call(&app.stranger(), &wish, &[]).await;
        assert_eq!(answer.refused(401).r#type, "urn:picup:not-signed-in", "{operation}");
        for token in &bad {
            let answer = call(&app.stranger(), &wish, &[("authorization", &format!("Bearer {token}"))]).await;
            assert_eq!(answer.status, 401, "{operation} with {token}");
            answer.refused(401);
            let cookie = format!("picup_access={token}");
            let answer = call(&app.stranger(), &wish, &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]).await;
            assert_eq!(answer.status, 401, "{operation} with the cookie {token}");
        }
    }
    assert_eq!(things.seen_by(&ada).await, before);
    app.finish().await;
}

#[tokio::test]
async fn every_bit_of_an_access_token_counts() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let Who::Bearer(good) = &ada.who else { panic!("a program has a token") };
    for at in 0..good.len() {
        let mut altered = good.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let mut caller = app.stranger();
        caller.http = ada.http.clone();
        caller.who = Who::Bearer(String::from_utf8(altered).unwrap());
        assert_eq!(caller.get("/api/account").await.status, 401, "byte {at}");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let things = Things::of(&ada).await;
    let before = things.seen_by(&ada).await;
    let nowhere = Things {
        album: Uuid::now_v7(),
        asset: Uuid::now_v7(),
        upload: Uuid::now_v7(),
        key: Uuid::now_v7(),
        session: Uuid::now_v7(),
        link: Uuid::now_v7(),
        member: Uuid::now_v7(),
    };
    for operation in with_session().filter(|operation| operation.contains("{id}")) {
        let anothers = call(&bob, &things.call(operation), &[]).await;
        let problem = anothers.refused(404);
        // To the byte as for an id that was never given, so that nobody learns which exist.
        let missing = call(&bob, &nowhere.call(operation), &[]).await;
        assert_eq!((missing.status, missing.text()), (404, anothers.text()), "{operation}");
        assert_eq!(problem.r#type, "urn:picup:not-found", "{operation}");
    }
    // Adding another's asset to one's own album finds no such asset.
    let album: picup_api::wire::Album = bob.post("/api/albums", &json!({"title": "Bob's"})).await.json(201);
    let answer = bob.post(&format!("/api/albums/{}/assets", album.id), &json!({"assets": [things.asset]})).await;
    let results: picup_api::wire::ItemResults = answer.json(200);
    assert_eq!(results.results[0].outcome, picup_api::wire::ItemOutcome::NotFound);
    // The same content is no duplicate of another's.
    assert_eq!(bob.reserve("a.jpg", samples::JPEG.len() as u64, &hash(samples::JPEG)).await.status, 201);
    assert_eq!(things.seen_by(&ada).await, before);
    app.finish().await;
}

#[tokio::test]
async fn a_member_is_told_that_it_is_no_admin() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let mut things = Things::of(&ada).await;
    let before = things.seen_by(&ada).await;
    // The ids that operations on accounts are about.
    things.upload = ada.account();
    for operation in of_right(Admin) {
        let answer = call(&bob, &things.call(operation), &[]).await;
        assert_eq!(answer.refused(403).r#type, "urn:picup:not-admin", "{operation}");
    }
    // For an admin what is not there is not there.
    app.user_done(&["admin", &email("bob"), "on"]).await;
    things.upload = Uuid::now_v7();
    for operation in of_right(Admin).filter(|operation| operation.contains("{id}")) {
        let (method, path, _) = things.call(operation);
        let body = (method == Method::PATCH).then(|| json!({"name": "Eve"}));
        assert_eq!(call(&bob, &(method, path, body), &[]).await.refused(404).r#type, "urn:picup:not-found");
    }
    things.upload = ada.reserve_new("b.jpg", b"not sent yet").await.id;
    assert_eq!(things.seen_by(&ada).await, before);
    app.finish().await;
}

#[tokio::test]
async fn a_key_reaches_as_far_as_its_scopes() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let things = Things::of(&ada).await;
    let before = things.seen_by(&ada).await;
    for scope in ["upload", "read", "edit"] {
        let made = bob.api_key(&[scope]).await;
        for (operation, right) in TABLE {
            let enough = match right {
                Public | Address | Link => continue,
                Session | Admin => false,
                Key(scopes) => scopes.contains(&scope),
            };
            let wish = things.call(operation);
            for how in ["x-api-key", "authorization"] {
                let (status, problem) = by_key(&app, &wish, how, &made.token).await;
                let name = problem.as_ref().map(|problem| problem.r#type.as_str());
                match (enough, right) {
                    // What is Ada's is not there for Bob's key, as it is not for Bob.
                    (true, _) if operation.contains("{id}") => assert_eq!(status, 404, "{scope}: {operation}"),
                    // It takes a form, which `immich` sends.
                    (true, _) if operation == "POST /api/immich/assets" => assert_eq!(status, 415, "{scope}"),
                    (true, _) => assert!((200..300).contains(&status), "{scope}: {operation}: {status}"),
                    (false, Session | Admin) => {
                        assert_eq!((status, name), (403, Some("urn:picup:session-needed")), "{scope}: {operation}");
                    }
                    (false, _) => {
                        assert_eq!((status, name), (403, Some("urn:picup:scope-needed")), "{scope}: {operation}");
                        let Key(scopes) = right else { unreachable!() };
                        let detail = problem.unwrap().detail;
                        assert!(scopes.iter().all(|scope| detail.contains(scope)), "{operation}: {detail}");
                    }
                }
            }
        }
    }
    assert_eq!(things.seen_by(&ada).await, before);
    app.finish().await;
}

/// What a request by key is answered: its status, and the problem if it is one. A stream of events is not read to its end.
async fn by_key(
    app: &TestApp,
    (method, path, body): &(Method, String, Option<Value>),
    how: &str,
    token: &str,
) -> (u16, Option<picup_api::wire::Problem>) {
    let stranger = app.stranger();
    let mut request = stranger.request(method.clone(), path);
    request = match how {
        "authorization" => request.bearer_auth(token),
        header => request.header(header, token),
    };
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    let problem = if status.is_client_error() { Some(response.json().await.unwrap()) } else { None };
    (status.as_u16(), problem)
}

#[tokio::test]
async fn another_sites_page_can_change_nothing() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let things = Things::of(&ada).await;
    let before = things.seen_by(&ada).await;
    // The browser sends the cookies, whatever SameSite says: the second line of defence must hold alone.
    let stranger = app.stranger();
    let host = format!("http://{}", app.server.address());
    let foreign: [&[(&str, &str)]; 8] = [
        &[],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", &host)],
        &[("sec-fetch-site", "")],
    ];
    for operation in TABLE.iter().map(|(operation, _)| *operation).filter(|operation| !operation.starts_with("GET ")) {
        if operation == "PUT /api/uploads/{id}/parts/{number}" {
            continue;
        }
        let wish = match operation {
            "POST /api/session" => {
                let body = json!({"email": email("ada"), "password": PASSWORD});
                (Method::POST, "/api/session".to_owned(), Some(body))
            }
            other => things.call(other),
        };
        let cookies = format!("{}; x=y", ada.jar().header(&wish.1));
        for headers in foreign {
            let mut headers = headers.to_vec();
            headers.push((COOKIE.as_str(), &cookies));
            let answer = call(&stranger, &wish, &headers).await;
            assert_eq!(answer.refused(403).r#type, "urn:picup:cross-site", "{operation} with {headers:?}");
        }
    }
    assert_eq!(things.seen_by(&ada).await, before);
    // And a page of our own, in a browser that says only `Origin`, can.
    let cookies = ada.jar().header("/api/albums");
    let body = Some(json!({"title": "Mine"}));
    let headers = [(COOKIE.as_str(), cookies.as_str()), ("origin", &host)];
    assert_eq!(call(&stranger, &(Method::POST, "/api/albums".to_owned(), body), &headers).await.status, 201);
    app.finish().await;
}

#[tokio::test]
async fn a_parts_address_is_a_right_to_that_part_alone() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let content = samples::jpeg(1);
    let upload = ada.reserve_new("a.jpg", &content).await;
    let other = ada.reserve_new("b.jpg", &samples::jpeg(2)).await;
    let url = ada.target(upload.id, 1, &content).await;
    let (path, query) = url.split_once('?').unwrap();
    let fields: Vec<(&str, &str)> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    let with = |name: &str, value: &str| {
        let pairs = fields.iter().map(|(key, old)| format!("{key}={}", if *key == name { value } else { old }));
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    };
    let value = |name: &str| fields.iter().find(|(key, _)| *key == name).unwrap().1;
    let expires: i64 = value("expires").parse().unwrap();
    let signature = value("signature");
    let flipped = |at: usize| {
        let mut text = signature.as_bytes().to_vec();
        text[at] = if text[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(text).unwrap()
    };
    let mut altered = vec![
        with("bytes", &(content.len() + 1).to_string()),
        with("bytes", "0"),
        with("expires", &(expires + 1).to_string()),
        with("expires", "1"),
        with("expires", &i64::MAX.to_string()),
        with("sha256", &hash(b"other")),
        with("signature", ""),
        with("signature", &signature[2..]),
        with("signature", &"0".repeat(signature.len())),
        url.replace(&upload.id.to_string(), &other.id.to_string()),
        url.replace(&upload.id.to_string(), &Uuid::now_v7().to_string()),
        url.replace("/parts/1?", "/parts/2?"),
    ];
    altered.extend((0..signature.len()).map(|at| with("signature", &flipped(at))));
    for address in &altered {
        // Signed in or not: only the address counts.
        let answer = ada.send(ada.request(Method::PUT, address).body(content.clone())).await;
        assert_eq!(answer.refused(403).r#type, "urn:picup:part-address", "{address}");
    }
    for malformed in
        [path.to_owned(), format!("{url}&x=1"), format!("{url}&bytes=1"), with("bytes", "-1"), with("bytes", "x")]
    {
        app.stranger().put(&malformed, content.clone()).await.refused_somehow();
    }
    let before: picup_api::wire::Upload = ada.get(&format!("/api/uploads/{}", upload.id)).await.json(200);
    assert!(before.arrived.is_empty());
    assert_eq!(app.stranger().put(&url, content.clone()).await.status, 204);
    let asset = ada.complete(upload.id).await.json::<picup_api::wire::Completed>(201).asset;
    assert_eq!(ada.processed(asset).await.sha256, hash(&content));
    // The right ends with the upload.
    app.stranger().put(&url, content).await.refused(409);
    app.finish().await;
}

#[tokio::test]
async fn what_is_public_needs_no_session() {
    let app = TestApp::start().await;
    for path in ["/live", "/ready", "/api/setup", "/api/openapi.json"] {
        assert_eq!(app.stranger().get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.stranger().delete("/api/session").await.status, 204);
    app.stranger().post("/api/session/refresh", &json!({})).await.refused(401);
    let code = json!({"code": "x", "email": "eve@example.org", "name": "Eve", "password": PASSWORD});
    // There are accounts, made by the operator; the way in by link stays shut for whoever has no code.
    app.stranger().post("/api/setup", &code).await.refused_somehow();
    for (method, path) in [("GET", "/api/nothing"), ("GET", "/api"), ("PUT", "/api/account"), ("TRACE", "/api/account")]
    {
        let answer = app.stranger().send(app.stranger().request(method.parse().unwrap(), path)).await;
        answer.refused_somehow();
    }
    app.finish().await;
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
