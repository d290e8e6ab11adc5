//! Clients that behave, from 127.0.0.1: a page over HTTP/1.1, a program over HTTP/2, photos, uploads and events.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use picup_api::wire;
use picup_testkit::samples;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use crate::app::{PASSWORD, email};
use crate::client::{Client, hash};

/// Between two questions of one client.
const PAUSE: Duration = Duration::from_millis(20);
/// Photos that come in; each is a hundred kilobytes of work for the worker.
const UPLOAD_EVERY: Duration = Duration::from_secs(2);
/// Tokens live for five minutes.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// All of them.
pub(crate) struct Polite {
    page: Client,
    told: Arc<Told>,
}

/// What came of what they asked.
#[derive(Default)]
struct Told {
    times: Mutex<Vec<Duration>>,
    answered: Mutex<usize>,
    problems: Mutex<Vec<String>>,
}

impl Polite {
    pub(crate) async fn sign_in(address: SocketAddr) -> Self {
        Self { page: Client::browser(address, &email("ada"), PASSWORD).await, told: Arc::default() }
    }

    /// Takes the times since the last look, in ascending order.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let mut times = std::mem::take(&mut *self.told.times.lock().unwrap());
        times.sort_unstable();
        times
    }

    pub(crate) fn answered(&self) -> usize {
        *self.told.answered.lock().unwrap()
    }

    /// Who was not answered, and how; the first few.
    pub(crate) fn problems(&self) -> Vec<String> {
        let problems = self.told.problems.lock().unwrap();
        let mut few: Vec<_> = problems.iter().take(5).cloned().collect();
        if problems.len() > few.len() {
            few.push(format!("and {} more were not answered as they should", problems.len() - few.len()));
        }
        if self.answered() == 0 {
            few.push("nobody was answered".to_owned());
        }
        few
    }

    pub(crate) async fn begin(&self, load: &mut JoinSet<()>) {
        let first = self.page.upload("first.jpg", &samples::jpeg(0)).await;
        let preview = self.page.processed(first).await.media.preview.unwrap();
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        load.spawn(asks(self.page.clone(), self.told.clone(), paths(&["/", "/api/account", "/api/timeline", "/live"])));
        load.spawn(asks(self.page.clone(), self.told.clone(), paths(&["/api/timeline/assets?limit=100", &preview])));
        let mut second = self.page.clone();
        second.http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
        load.spawn(asks(second, self.told.clone(), paths(&["/api/albums", &preview, "/api/account"])));
        load.spawn(uploads(self.page.clone(), self.told.clone()));
        load.spawn(listens(self.page.clone(), self.told.clone()));
        load.spawn(refreshes(self.page.clone(), self.told.clone()));
    }
}

impl Told {
    fn say(&self, what: &str, answer: Result<(u16, Duration), String>) {
        match answer {
            Ok((status, taken)) if status < 400 => {
                self.times.lock().unwrap().push(taken);
                *self.answered.lock().unwrap() += 1;
            }
            Ok((status, _)) => self.problems.lock().unwrap().push(format!("{what}: {status}")),
            Err(problem) => self.problems.lock().unwrap().push(format!("{what}: {problem}")),
        }
    }

    /// Asks and says what came of it. Gives the body.
    async fn ask(&self, client: &Client, what: &str, request: reqwest::RequestBuilder) -> Option<bytes::Bytes> {
        let began = Instant::now();
        let answer = timeout(PATIENCE, client.try_send(request)).await;
        let taken = began.elapsed();
        match answer {
            Ok(Ok(answer)) => {
                self.say(what, Ok((answer.status, taken)));
                (answer.status < 400).then_some(answer.body)
            }
            Ok(Err(error)) => {
                self.say(what, Err(format!("{error:?}")));
                None
            }
            Err(_) => {
                self.say(what, Err(format!("no answer in {} s", PATIENCE.as_secs())));
                None
            }
        }
    }
}

async fn asks(client: Client, told: Arc<Told>, paths: Vec<String>) {
    for path in paths.iter().cycle() {
        told.ask(&client, path, client.request(Method::GET, path)).await;
        sleep(PAUSE).await;
    }
}

async fn uploads(client: Client, told: Arc<Told>) {
    let mut every = interval(UPLOAD_EVERY);
    for number in 1_u64.. {
        every.tick().await;
        let photo = samples::jpeg(number);
        let wish = json!({"file_name": "photo.jpg", "bytes": photo.len(), "sha256": hash(&photo)});
        let request = client.request(Method::POST, "/api/uploads").json(&wish);
        let Some(answer) = told.ask(&client, "an upload", request).await else { continue };
        let Ok(wire::UploadAnswer::Upload { upload, .. }) = serde_json::from_slice(&answer) else { continue };
        let wish = json!({"parts": [{"number": 1, "sha256": hash(&photo)}]});
        let request = client.request(Method::POST, &format!("/api/uploads/{}/parts", upload.id)).json(&wish);
        let Some(answer) = told.ask(&client, "a part's address", request).await else { continue };
        let targets: wire::PartTargets = serde_json::from_slice(&answer).unwrap();
        told.ask(&client, "a part", client.http.put(client.url(&targets.parts[0].url)).body(photo)).await;
        let request = client.request(Method::POST, &format!("/api/uploads/{}/complete", upload.id));
        told.ask(&client, "an upload's end", request.json(&serde_json::Value::Null)).await;
    }
}

/// Opens the stream of events, hears a while, and goes.
async fn listens(client: Client, told: Arc<Told>) {
    loop {
        let began = Instant::now();
        match client.request(Method::GET, "/api/events").send().await {
            Ok(mut answer) => {
                told.say("events", Ok((answer.status().as_u16(), began.elapsed())));
                let _ =
                    timeout(Duration::from_secs(3), async { while let Ok(Some(_)) = answer.chunk().await {} }).await;
            }
            Err(error) => told.say("events", Err(format!("{error:?}"))),
        }
        sleep(PAUSE).await;
    }
}

async fn refreshes(client: Client, told: Arc<Told>) {
    loop {
        sleep(REFRESH_EVERY).await;
        let request = client.request(Method::POST, "/api/session/refresh").json(&json!({}));
        told.ask(&client, "a refresh", request).await;
    }
}
