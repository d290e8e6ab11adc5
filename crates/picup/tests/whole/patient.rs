//! A client that lives through the deaths of its server: what got no answer is asked again until it gets one.

use std::time::Duration;

use picup_api::wire::{Asset, AssetState, Completed, Upload, UploadAnswer};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::app::eventually;
use crate::client::{Answer, Client, hash};

/// How long a client waits before it tries again.
const PAUSE: Duration = Duration::from_millis(60);
/// How long it goes on; generous, because builds run beside tests.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often it begins a file anew.
pub(crate) const TRIES: usize = 100;

/// A client that does not give up.
#[derive(Clone)]
pub(crate) struct Patient(pub(crate) Client);

/// What comes after the promise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Parts,
    Complete,
}

/// A file that the server said it has.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) asset: Uuid,
    /// The hash of what was sent, whatever was announced.
    pub(crate) sha256: String,
    pub(crate) state: AssetState,
}

impl Patient {
    /// The answer, once there is one that is not the server's own trouble.
    pub(crate) async fn answer(&self, request: impl Fn() -> RequestBuilder) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let trouble = match self.0.try_send(request()).await {
                Ok(answer) if answer.status < 500 => return answer,
                Ok(answer) => answer.text(),
                Err(error) => error.to_string(),
            };
            assert!(Instant::now() < deadline, "no answer for {} s: {trouble}", PATIENCE.as_secs());
            sleep(PAUSE).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.answer(|| self.0.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.answer(|| self.0.request(Method::POST, path).json(body)).await
    }

    /// The same caller, once, on a connection that no server before this one had.
    pub(crate) fn anew(&self) -> Client {
        self.0.through(self.0.address)
    }

    /// Uploads a file, whatever it takes, under a hash that need not be its own; lets `before` pass first at each step.
    pub(crate) async fn keep_as(&self, name: &str, content: &[u8], sha256: &str, before: impl AsyncFn(Step)) -> Uuid {
        for _ in 0..TRIES {
            let upload = match self.reserve(name, content, sha256).await {
                UploadAnswer::Duplicate { asset } => return asset,
                UploadAnswer::Upload { upload, .. } => upload,
            };
            before(Step::Parts).await;
            if !self.send_parts(&upload, content).await {
                continue;
            }
            before(Step::Complete).await;
            let answer = self.post(&format!("/api/uploads/{}/complete", upload.id), &Value::Null).await;
            match answer.status {
                201 => return answer.json::<Completed>(201).asset,
                404 | 409 => {}
                other => panic!("completing {name}: {other} {}", answer.text()),
            }
        }
        panic!("{name} could not be uploaded in {TRIES} tries");
    }

    pub(crate) async fn reserve(&self, name: &str, content: &[u8], sha256: &str) -> UploadAnswer {
        let wish = json!({"file_name": name, "bytes": content.len(), "sha256": sha256});
        let answer = self.post("/api/uploads", &wish).await;
        assert!(matches!(answer.status, 200 | 201), "{name}: {} {}", answer.status, answer.text());
        answer.json(answer.status)
    }

    /// Sends the parts that have not arrived; `false` when the upload takes no more, and is to be asked for anew.
    pub(crate) async fn send_parts(&self, upload: &Upload, content: &[u8]) -> bool {
        let pieces = content.chunks(usize::try_from(upload.part_size).unwrap().max(1));
        let pieces = if content.is_empty() { vec![content] } else { pieces.collect() };
        for (number, piece) in (1..).zip(pieces) {
            if upload.arrived.iter().any(|part| part.number == number) {
                continue;
            }
            let wish = json!({"parts": [{"number": number, "sha256": hash(piece)}]});
            let targets = self.post(&format!("/api/uploads/{}/parts", upload.id), &wish).await;
            if matches!(targets.status, 404 | 409) {
                return false;
            }
            let url = targets.json::<Value>(200)["parts"][0]["url"].as_str().unwrap().to_owned();
            let body = bytes::Bytes::copy_from_slice(piece);
            let sent = self.answer(|| self.0.http.put(self.0.url(&url)).body(body.clone())).await;
            match sent.status {
                204 => {}
                404 | 409 => return false,
                other => panic!("part {number}: {other} {}", sent.text()),
            }
        }
        true
    }

    /// The asset once it has been looked at.
    pub(crate) async fn processed(&self, id: Uuid) -> Asset {
        let look = async || {
            let asset: Asset = self.get(&format!("/api/assets/{id}")).await.json(200);
            (asset.state != AssetState::Processing).then_some(asset)
        };
        eventually("the end of processing", look).await.unwrap()
    }

    /// What was kept is shown, and nothing else; each file gives its bytes back, and its pictures if it has any. For a browser.
    pub(crate) async fn holds_exactly(&self, kept: &[Kept]) {
        let timeline = self.anew().timeline().await;
        let (mut shown, mut wanted) = (timeline.id, kept.iter().map(|kept| kept.asset).collect::<Vec<_>>());
        shown.sort();
        wanted.sort();
        assert_eq!(shown, wanted, "what is shown against what was acknowledged");
        for kept in kept {
            let asset = self.processed(kept.asset).await;
            assert_eq!(asset.state, kept.state, "{asset:?}");
            let original = self.get(&asset.media.original).await;
            assert_eq!((original.status, hash(&original.body)), (200, kept.sha256.clone()), "{}", asset.file_name);
            assert_eq!(asset.media.thumbnail.is_some(), asset.state == AssetState::Ready);
            for path in [asset.media.thumbnail, asset.media.preview].into_iter().flatten() {
                let picture = self.get(&path).await;
                assert!(picture.status == 200 && picture.body.len() > 40, "{path}: {}", picture.status);
            }
        }
        assert_eq!(self.anew().account_now().await.reserved_bytes, 0, "no promise is left");
    }
}
