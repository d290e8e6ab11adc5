//! A server with the parts of the API that an import uses, and switches for what goes wrong in life.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Json, Path as Segment, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use picup_api::wire;
use picup_domain::Sha256;
use serde_json::json;
use uuid::Uuid;

/// What the server knows, and how it is to misbehave.
#[derive(Default)]
pub(super) struct World {
    pub(super) assets: HashMap<String, Uuid>,
    pub(super) uploads: HashMap<Uuid, (wire::UploadRequest, BTreeMap<u32, Bytes>)>,
    pub(super) albums: Vec<(Uuid, String, Vec<Uuid>)>,
    pub(super) deleted: Vec<Uuid>,
    pub(super) sessions: u64,
    pub(super) valid: HashSet<String>,
    pub(super) refresh: HashSet<String>,
    pub(super) signed_out: bool,
    pub(super) violations: Vec<String>,
    pub(super) part_size: u64,
    pub(super) quota: Option<u64>,
    /// Answers to give to the next parts instead of taking them.
    pub(super) part_faults: VecDeque<StatusCode>,
    /// Ends the access tokens before the nth request from now.
    pub(super) end_tokens_after: Option<u32>,
    /// Done when an upload is begun.
    pub(super) on_upload: Option<Box<dyn FnMut() + Send>>,
    /// The store behind the part addresses cannot be reached.
    pub(super) lost: bool,
    /// The answers about the next albums that are made are lost, the albums are not.
    pub(super) unheard_albums: u32,
    pub(super) base: String,
    /// What was asked to upload, in order.
    pub(super) asked: Vec<wire::UploadRequest>,
    /// The films of live photos, by asset.
    pub(super) films: HashMap<Uuid, String>,
    /// Refuses films, as servers did before there were live photos.
    pub(super) no_films: bool,
    /// The states to tell before all is ready.
    pub(super) states: VecDeque<&'static str>,
}

type Shared = State<Arc<Mutex<World>>>;

fn refuse(status: StatusCode, kind: &str) -> Response {
    let problem = wire::Problem {
        r#type: kind.to_owned(),
        title: String::new(),
        status: status.as_u16(),
        detail: format!("refused: {kind}"),
        request_id: None,
    };
    (status, [(header::RETRY_AFTER, "0")], Json(problem)).into_response()
}

fn an_account() -> serde_json::Value {
    json!({"id": Uuid::nil(), "email": "a@b", "name": "A", "role": "member", "used_bytes": 0, "reserved_bytes": 0})
}

impl World {
    fn session(&mut self) -> Response {
        self.sessions += 1;
        let tokens = wire::Tokens {
            access_token: format!("access{}", self.sessions),
            refresh_token: format!("refresh{}", self.sessions),
        };
        self.valid.insert(tokens.access_token.clone());
        self.refresh.insert(tokens.refresh_token.clone());
        Json(json!({"account": an_account(), "expires_at": "", "media_expires_at": "", "tokens": tokens}))
            .into_response()
    }

    /// Checks the access token of a request.
    fn admit(&mut self, headers: &HeaderMap) -> Result<(), Box<Response>> {
        match &mut self.end_tokens_after {
            Some(0) => {
                self.end_tokens_after = None;
                self.valid.clear();
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let known = token.strip_prefix("Bearer ").is_some_and(|token| self.valid.contains(token));
        if known { Ok(()) } else { Err(Box::new(refuse(StatusCode::UNAUTHORIZED, "urn:picup:session-ended"))) }
    }

    fn upload(&self, id: Uuid) -> Option<wire::Upload> {
        let (request, parts) = self.uploads.get(&id)?;
        let arrived = parts
            .iter()
            .map(|(number, bytes)| wire::PartHash { number: *number, sha256: Sha256::of(bytes).to_string() })
            .collect();
        let part_count = u32::try_from(request.bytes.div_ceil(self.part_size)).unwrap();
        Some(wire::Upload {
            id,
            part_size: self.part_size,
            part_count,
            arrived,
            expires_at: String::new(),
            asset: None,
        })
    }
}

async fn sign_in(State(world): Shared, Json(request): Json<wire::SignInRequest>) -> Response {
    if request.password == "right password" {
        world.lock().unwrap().session()
    } else {
        refuse(StatusCode::UNAUTHORIZED, "urn:picup:wrong-credentials")
    }
}

async fn refresh(State(world): Shared, Json(request): Json<wire::RefreshRequest>) -> Response {
    let mut world = world.lock().unwrap();
    if world.refresh.remove(&request.refresh_token.unwrap_or_default()) {
        world.session()
    } else {
        world.violations.push("a refresh token was used twice".to_owned());
        refuse(StatusCode::UNAUTHORIZED, "urn:picup:session-ended")
    }
}

async fn sign_out(State(world): Shared) -> StatusCode {
    world.lock().unwrap().signed_out = true;
    StatusCode::NO_CONTENT
}

async fn begin(State(world): Shared, headers: HeaderMap, Json(request): Json<wire::UploadRequest>) -> Response {
    let mut world = world.lock().unwrap();
    if let Err(refusal) = world.admit(&headers) {
        return *refusal;
    }
    world.asked.push(request.clone());
    if request.motion_of.is_some() && world.no_films {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "urn:picup:invalid");
    }
    if let Some(asset) = request.motion_of.filter(|asset| world.films.get(asset) == Some(&request.sha256)) {
        return Json(wire::UploadAnswer::Duplicate { asset }).into_response();
    }
    if let Some(asset) = world.assets.get(&request.sha256).filter(|_| request.motion_of.is_none()) {
        return Json(wire::UploadAnswer::Duplicate { asset: *asset }).into_response();
    }
    if world.quota.is_some_and(|quota| request.bytes > quota) {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "urn:picup:quota-exceeded");
    }
    if let Some(act) = &mut world.on_upload {
        act();
    }
    let id = Uuid::now_v7();
    world.uploads.insert(id, (request, BTreeMap::new()));
    let upload = world.upload(id).unwrap();
    (StatusCode::CREATED, Json(wire::UploadAnswer::Upload { upload, target: None })).into_response()
}

async fn look(State(world): Shared, headers: HeaderMap, Segment(id): Segment<Uuid>) -> Response {
    let mut world = world.lock().unwrap();
    if let Err(refusal) = world.admit(&headers) {
        return *refusal;
    }
    world.upload(id).map_or_else(|| refuse(StatusCode::NOT_FOUND, ""), |upload| Json(upload).into_response())
}

async fn give_up(State(world): Shared, Segment(id): Segment<Uuid>) -> StatusCode {
    let mut world = world.lock().unwrap();
    world.uploads.remove(&id);
    world.deleted.push(id);
    StatusCode::NO_CONTENT
}

async fn targets(
    State(world): Shared,
    headers: HeaderMap,
    Segment(id): Segment<Uuid>,
    Json(request): Json<wire::PartTargetsRequest>,
) -> Response {
    let mut world = world.lock().unwrap();
    if let Err(refusal) = world.admit(&headers) {
        return *refusal;
    }
    let target = |part: wire::PartHash| {
        // Both ways to write an address must be understood.
        let base = match world.lost {
            true => "http://127.0.0.1:1",
            false if part.number.is_multiple_of(2) => world.base.as_str(),
            false => "",
        };
        wire::PartTarget {
            number: part.number,
            method: "PUT".to_owned(),
            url: format!("{base}/parts/{id}/{}/{}", part.number, part.sha256),
            headers: vec![wire::Header { name: "x-amz-part".to_owned(), value: part.number.to_string() }],
            expires_at: String::new(),
        }
    };
    Json(wire::PartTargets { parts: request.parts.into_iter().map(target).collect() }).into_response()
}

async fn take_part(
    State(world): Shared,
    headers: HeaderMap,
    Segment((id, number, sha256)): Segment<(Uuid, u32, String)>,
    body: Bytes,
) -> Response {
    let mut world = world.lock().unwrap();
    if headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE) {
        world.violations.push("credentials were sent with a part".to_owned());
    }
    if !headers.contains_key(header::CONTENT_LENGTH) || headers["x-amz-part"] != number.to_string().as_str() {
        world.violations.push("a part lacks its headers".to_owned());
    }
    if let Some(status) = world.part_faults.pop_front() {
        return refuse(status, "urn:picup:fault");
    }
    if Sha256::of(&body).to_string() != sha256 {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "urn:picup:wrong-hash");
    }
    match world.uploads.get_mut(&id) {
        Some((_, parts)) => {
            parts.insert(number, body);
            StatusCode::NO_CONTENT.into_response()
        }
        None => refuse(StatusCode::NOT_FOUND, ""),
    }
}

async fn complete(State(world): Shared, headers: HeaderMap, Segment(id): Segment<Uuid>) -> Response {
    let mut world = world.lock().unwrap();
    if let Err(refusal) = world.admit(&headers) {
        return *refusal;
    }
    let (request, parts) = world.uploads.remove(&id).unwrap();
    let whole: Vec<u8> = parts.into_values().flat_map(|part| part.to_vec()).collect();
    if Sha256::of(&whole).to_string() != request.sha256 {
        world.violations.push(format!("{} arrived wrong", request.file_name));
    }
    let asset = request.motion_of.unwrap_or(id);
    match request.motion_of {
        Some(_) => world.films.insert(asset, request.sha256).map(|_| ()),
        None => world.assets.insert(request.sha256, id).map(|_| ()),
    };
    (StatusCode::CREATED, Json(wire::Completed { asset })).into_response()
}

async fn albums(State(world): Shared) -> Response {
    let world = world.lock().unwrap();
    let albums: Vec<_> = world
        .albums
        .iter()
        .map(|(id, title, assets)| json!({"id": id, "title": title, "count": assets.len(), "created_at": ""}))
        .collect();
    Json(json!({ "albums": albums })).into_response()
}

async fn make_album(State(world): Shared, Json(request): Json<wire::AlbumRequest>) -> Response {
    let id = Uuid::now_v7();
    let mut world = world.lock().unwrap();
    world.albums.push((id, request.title.clone(), Vec::new()));
    if let Some(left) = world.unheard_albums.checked_sub(1) {
        world.unheard_albums = left;
        return refuse(StatusCode::BAD_GATEWAY, "urn:picup:unavailable");
    }
    Json(json!({"id": id, "title": request.title, "count": 0, "created_at": ""})).into_response()
}

async fn fill_album(State(world): Shared, Segment(id): Segment<Uuid>, Json(ids): Json<wire::AssetIds>) -> Response {
    let mut world = world.lock().unwrap();
    let (_, _, assets) = world.albums.iter_mut().find(|album| album.0 == id).unwrap();
    assets.extend(&ids.assets);
    let outcome = wire::ItemOutcome::Done;
    let results = ids.assets.into_iter().map(|asset| wire::ItemResult { asset, outcome }).collect();
    Json(wire::ItemResults { results }).into_response()
}

async fn states(State(world): Shared, headers: HeaderMap, Json(request): Json<wire::AssetIds>) -> Response {
    let mut world = world.lock().unwrap();
    if let Err(refusal) = world.admit(&headers) {
        return *refusal;
    }
    let standing = |id: Uuid| match world.states.pop_front().unwrap_or("ready") {
        "gone" => json!({"outcome": "not_found", "asset": id}),
        "trashed" => json!({"outcome": "found", "asset": id, "state": "ready", "trashed": true}),
        state => {
            let motion = world.films.contains_key(&id).then_some("verified");
            json!({"outcome": "found", "asset": id, "state": state, "motion": motion, "trashed": false})
        }
    };
    let states: Vec<_> = request.assets.into_iter().map(standing).collect();
    Json(json!({ "states": states })).into_response()
}

async fn asset(State(world): Shared, headers: HeaderMap, Segment(id): Segment<Uuid>) -> Response {
    let mut world = world.lock().unwrap();
    if let Err(refusal) = world.admit(&headers) {
        return *refusal;
    }
    Json(json!({
        "id": id, "kind": "photo", "state": "damaged", "file_name": "1.jpg", "bytes": 1, "sha256": "",
        "captured": {"at": "", "local": "", "source": "exif"}, "media": {"original": ""}, "favourite": false,
        "added_at": ""
    }))
    .into_response()
}

async fn account(State(world): Shared, headers: HeaderMap) -> Response {
    match world.lock().unwrap().admit(&headers) {
        Ok(()) => Json(an_account()).into_response(),
        Err(refusal) => *refusal,
    }
}

/// The server's routes.
pub(super) fn routes(world: Arc<Mutex<World>>) -> Router {
    Router::new()
        .route("/api/session", post(sign_in).delete(sign_out))
        .route("/api/session/refresh", post(refresh))
        .route("/api/account", get(account))
        .route("/api/assets/states", post(states))
        .route("/api/assets/{id}", get(asset))
        .route("/api/uploads", post(begin))
        .route("/api/uploads/{id}", get(look).delete(give_up))
        .route("/api/uploads/{id}/parts", post(targets))
        .route("/api/uploads/{id}/complete", post(complete))
        .route("/parts/{id}/{number}/{sha256}", put(take_part))
        .route("/api/albums", get(albums).post(make_album))
        .route("/api/albums/{id}/assets", post(fill_album))
        .with_state(world)
}
