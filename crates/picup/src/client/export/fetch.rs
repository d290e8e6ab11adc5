//! Fetches an original: streamed to a file, hashed on the way, gone on with where a connection broke.
//!
//! Media are opened by cookies that hold an hour; they are asked for anew when the server does not take them any more.

use std::sync::Arc;
use std::time::Duration;

use picup_domain::Sha256;
use reqwest::Response;
use sha2::Digest;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Mutex;

use super::super::api::Api;
use super::super::call::{ApiError, Failure, unreachable_by};
use super::super::progress::FileProgress;
use super::photo::Content;

/// A connection on which nothing has moved for so long is given up.
const STALL: Duration = Duration::from_secs(60);

/// Why a content was not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The server's side.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// The folder's side.
    #[error("cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// Twice.
    #[error("what the server sends is not what it says it has: the hash differs")]
    Wrong,
}

/// The cookies in use; the generation tells whether somebody else has renewed them meanwhile.
#[derive(Default)]
struct Held {
    generation: u64,
    cookies: Option<String>,
}

/// Fetches originals of one account.
pub(super) struct Fetcher {
    api: Arc<Api>,
    held: Mutex<Held>,
}

/// How far one content has come.
struct Fetched {
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Fetcher {
    /// One that has not begun.
    pub(super) fn new(api: Arc<Api>) -> Self {
        Self { api, held: Mutex::default() }
    }

    /// Writes a content into an empty file, and makes sure that it is that content.
    pub(super) async fn fetch(
        &self,
        content: &Content,
        file: &mut File,
        progress: &FileProgress,
    ) -> Result<(), FetchError> {
        for last in [false, true] {
            let fetched = self.all(content, file, progress).await?;
            if fetched.bytes == content.bytes && Sha256::from_hasher(fetched.hasher) == content.sha256 {
                return Ok(());
            }
            progress.take_back(fetched.bytes);
            if !last {
                file.set_len(0).await?;
                file.rewind().await?;
            }
        }
        Err(FetchError::Wrong)
    }

    async fn all(&self, content: &Content, file: &mut File, progress: &FileProgress) -> Result<Fetched, FetchError> {
        let mut fetched = Fetched { hasher: sha2::Sha256::new(), bytes: 0 };
        let (mut failed, mut renewed) = (0, false);
        while fetched.bytes < content.bytes {
            let before = fetched.bytes;
            let (generation, cookies) = self.cookies(None).await?;
            let trouble = match self.api.medium(&content.original, &cookies, before).await {
                Ok(answer) => self.some(answer, content.bytes, &mut fetched, file, progress).await?,
                Err(failure) => Some(failure),
            };
            if fetched.bytes > before {
                (failed, renewed) = (0, false);
            }
            match trouble {
                None => {}
                Some(Failure::Lasting(error)) if error.status() == 403 && !renewed => {
                    renewed = true;
                    self.cookies(Some(generation)).await?;
                }
                Some(Failure::Lasting(error)) => return Err(error.into()),
                Some(Failure::Passing(error, told)) => {
                    failed += 1;
                    if !self.api.wait(failed, told).await {
                        return Err(error.into());
                    }
                }
            }
        }
        file.flush().await?;
        Ok(fetched)
    }

    /// Takes what one answer gives, up to one byte more than there should be; gives what cut it short.
    async fn some(
        &self,
        mut answer: Response,
        wanted: u64,
        fetched: &mut Fetched,
        file: &mut File,
        progress: &FileProgress,
    ) -> Result<Option<Failure>, FetchError> {
        let passing = |text: &str| Some(Failure::Passing(ApiError::Unreachable(text.to_owned()), None));
        while fetched.bytes <= wanted {
            match tokio::time::timeout(STALL, answer.chunk()).await {
                Err(_) => return Ok(passing("the connection stands still")),
                Ok(Err(error)) => return Ok(Some(Failure::Passing(unreachable_by(&error), None))),
                Ok(Ok(None)) if fetched.bytes < wanted => return Ok(passing("the connection ended too early")),
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(chunk))) => {
                    fetched.hasher.update(&chunk);
                    file.write_all(&chunk).await?;
                    fetched.bytes += chunk.len() as u64;
                    progress.add(chunk.len() as u64);
                }
            }
        }
        Ok(None)
    }

    /// The cookies to use, and their generation; new ones when those of the generation `refused` are still in use.
    async fn cookies(&self, refused: Option<u64>) -> Result<(u64, String), ApiError> {
        let mut held = self.held.lock().await;
        if let Some(cookies) = held.cookies.clone().filter(|_| refused != Some(held.generation)) {
            return Ok((held.generation, cookies));
        }
        let cookies = self.api.media_cookies().await?;
        held.generation += 1;
        held.cookies = Some(cookies.clone());
        Ok((held.generation, cookies))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Held;

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse, Response};
    use axum::routing::{get, post};
    use serde_json::json;

    use super::super::super::Credentials;
    use super::super::super::progress::Progress;
    use super::super::super::retry::Policy;
    use super::*;

    const QUICK: Policy = Policy {
        attempts: 3,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        patience: Duration::from_secs(1),
    };
    const CONTENT: &[u8] = b"0123456789";

    /// A server whose cookies hold for one answer, and whose answers hold so many bytes.
    #[derive(Default)]
    struct World {
        cookies: u32,
        spent: u32,
        piece: usize,
        spoilt: bool,
        elsewhere: Option<&'static str>,
        asked: Vec<String>,
    }

    type Shared = Arc<Held<World>>;

    async fn session(State(world): State<Shared>) -> Response {
        let mut world = world.lock().unwrap();
        world.cookies += 1;
        let cookie = format!("right={}; Path=/media/o/; HttpOnly", world.cookies);
        let body = json!({"path": "/media/o/", "expires_at": "2030-01-01T00:00:00Z"}).to_string();
        ([("set-cookie", cookie)], body).into_response()
    }

    async fn medium(State(world): State<Shared>, headers: HeaderMap) -> Response {
        let mut world = world.lock().unwrap();
        if let Some(place) = world.elsewhere {
            world.asked.push("sent on".to_owned());
            let place = format!("http://{}{place}?right=1", header(&headers, "host"));
            return (StatusCode::TEMPORARY_REDIRECT, [("location", place)]).into_response();
        }
        if header(&headers, "cookie") != format!("right={}", world.cookies) || world.spent == world.cookies {
            world.asked.push(format!("refused {}", from(&headers)));
            return StatusCode::FORBIDDEN.into_response();
        }
        world.spent = world.cookies;
        world.piece(from(&headers))
    }

    async fn bucket(State(world): State<Shared>, headers: HeaderMap) -> Response {
        assert!(!headers.contains_key("cookie") && !headers.contains_key("authorization"), "{headers:?}");
        world.lock().unwrap().piece(from(&headers))
    }

    fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn from(headers: &HeaderMap) -> usize {
        header(headers, "range").trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0)
    }

    impl World {
        fn piece(&mut self, from: usize) -> Response {
            self.asked.push(format!("given {from}"));
            let mut piece = CONTENT[from..CONTENT.len().min(from + self.piece)].to_vec();
            if self.spoilt {
                piece[0] ^= 1;
            }
            (if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, piece).into_response()
        }
    }

    async fn fetch(world: World, original: &str) -> (Result<Vec<u8>, FetchError>, Vec<String>) {
        let world = Arc::new(Held::new(world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/api/session/media", post(session)).route("/media/o/1", get(medium));
        let routes = routes.route("/bucket", get(bucket)).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let credentials = Credentials::Key("picup_x".to_owned());
        let api = Api::sign_in(&base.parse().unwrap(), credentials, QUICK).await.unwrap();
        let content = Content {
            file_name: "a.jpg".to_owned(),
            bytes: CONTENT.len() as u64,
            sha256: Sha256::of(CONTENT),
            original: original.to_owned(),
            damaged: false,
        };
        let path = tempfile::NamedTempFile::new().unwrap();
        let mut file = File::create(path.path()).await.unwrap();
        let progress = FileProgress::new(&Arc::new(Progress::new(1, 10, true, false)));
        let fetched = Fetcher::new(api).fetch(&content, &mut file, &progress).await;
        let asked = std::mem::take(&mut world.lock().unwrap().asked);
        (fetched.map(|()| std::fs::read(path.path()).unwrap()), asked)
    }

    #[tokio::test]
    async fn cookies_that_end_are_renewed_and_the_rest_alone_is_asked_for() {
        let (fetched, asked) = fetch(World { piece: 4, ..World::default() }, "/media/o/1").await;
        assert_eq!(fetched.unwrap(), CONTENT);
        assert_eq!(asked, ["given 0", "refused 4", "given 4", "refused 8", "given 8"]);
    }

    #[tokio::test]
    async fn it_is_fetched_from_where_the_server_points_without_the_cookies() {
        let world = |place| World { piece: 4, elsewhere: Some(place), ..World::default() };
        let (fetched, asked) = fetch(world("/bucket"), "/media/o/1").await;
        assert_eq!(fetched.unwrap(), CONTENT);
        assert_eq!(asked, ["sent on", "given 0", "sent on", "given 4", "sent on", "given 8"]);
        let (fetched, asked) = fetch(world("/media/o/1"), "/media/o/1").await;
        let said = fetched.unwrap_err().to_string();
        assert!(said.contains("points on and on") && !said.contains("right"), "{said}");
        assert_eq!(asked, ["sent on", "sent on"]);
    }

    #[tokio::test]
    async fn other_bytes_are_not_taken_for_it() {
        let (fetched, asked) = fetch(World { piece: 10, spoilt: true, ..World::default() }, "/media/o/1").await;
        assert!(matches!(fetched, Err(FetchError::Wrong)));
        assert_eq!(asked, ["given 0", "refused 0", "given 0"], "it is tried once more");
    }

    #[tokio::test]
    async fn a_server_that_gives_nothing_is_left() {
        let (fetched, asked) = fetch(World::default(), "/media/o/1").await;
        assert!(matches!(
            fetched,
            Err(FetchError::Api(ApiError::Unreachable(_)) | FetchError::Api(ApiError::Refused(_)))
        ));
        assert!(asked.len() <= 6, "{asked:?}");
    }

    #[tokio::test]
    async fn the_cookies_go_to_no_other_server_and_open_nothing_else() {
        for original in
            ["http://127.0.0.1:1/media/o/1", "//127.0.0.1:1/media/o/1", "/api/account", "/media/../api/account"]
        {
            let (fetched, asked) = fetch(World { piece: 10, ..World::default() }, original).await;
            assert!(matches!(fetched, Err(FetchError::Api(ApiError::Garbled(_)))), "{original}");
            assert!(asked.is_empty());
        }
    }
}
