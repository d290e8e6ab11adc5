//! Sends one file: asks whether the account has it, sends the parts that are missing, and completes the upload.
//!
//! What goes wrong on the way is asked about, not guessed: after a failed part the server says what has arrived, and only
//! the rest is sent. A file that changed since it was hashed never becomes an asset.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use picup_api::wire;
use picup_domain::Sha256;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// How many parts an upload has at the most.
const MOST_PARTS: u64 = 10_000;

use super::api::Api;
use super::call::{ApiError, Failure};
use super::hasher::Hasher;
use super::moment;
use super::progress::FileProgress;
use super::read::{Measured, ReadError};

/// How many addresses are asked for at once: few, because they end.
const TARGETS: usize = 8;
/// A part that has not moved for so long is given up and sent again.
const STALL: Duration = Duration::from_secs(90);
/// How often in a row a part may be refused without anything else arriving before the file fails.
const REFUSALS: u32 = 3;

/// Why a file was not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The file's side.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The server's side.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// Its upload is not what it was: completed or given up by somebody else.
    #[error("{0}")]
    Gone(ApiError),
}

/// What a file became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// A new asset.
    Uploaded(Uuid),
    /// An asset the account had already.
    Duplicate(Uuid),
}

/// What every file of a run is sent with.
pub(super) struct Sender {
    /// The signed-in connection.
    pub(super) api: Arc<Api>,
    /// Reads and hashes.
    pub(super) hasher: Hasher,
    /// Parts on their way at once, over all files.
    pub(super) slots: Arc<Semaphore>,
    /// Where this machine is, when it knows.
    pub(super) zone: Option<TimeZone>,
}

/// How one attempt at a part ended, other than well.
pub(super) enum PartTrouble {
    /// Ask what has arrived and go on.
    Again(ApiError, Option<Duration>),
    /// The server does not take it as it is: its address has ended, or the bytes are not those announced.
    Refused(ApiError),
    /// The file fails.
    Fatal(SendError),
}

impl Sender {
    /// Sends one file. When somebody else, another import of the same folder say, has completed or given up its upload
    /// meanwhile, it is asked again what there is of it.
    pub(super) async fn send(&self, file: &Measured, progress: &FileProgress) -> Result<Sent, SendError> {
        for failed in 1..REFUSALS {
            match self.send_once(file, progress, true).await {
                Err(SendError::Gone(error)) => {
                    if !self.api.wait(failed, None).await {
                        return Err(error.into());
                    }
                }
                sent => return sent,
            }
        }
        self.send_once(file, progress, false).await
    }

    /// Sends one file, and gives its upload up on the server if that fails; not when that was somebody else's doing and it
    /// is sent `again`.
    async fn send_once(&self, file: &Measured, progress: &FileProgress, again: bool) -> Result<Sent, SendError> {
        let upload = match self.api.post("/api/uploads", &self.request(file)).await? {
            wire::UploadAnswer::Duplicate { asset } => return Ok(Sent::Duplicate(asset)),
            wire::UploadAnswer::Upload { upload, .. } => upload,
        };
        let abandon = Abandon::new(&self.api, upload.id);
        let fresh;
        let file = if file.hashed {
            file
        } else {
            // An earlier run has hashed it, and the server does not have it any more.
            fresh = self.hasher.measure(file.path.clone(), None).await?;
            if fresh.sha256 != file.sha256 {
                return Err(ReadError::Changed.into());
            }
            &fresh
        };
        match self.send_upload(file, upload, progress).await {
            Ok(asset) => {
                abandon.keep();
                Ok(Sent::Uploaded(asset))
            }
            Err(SendError::Api(error)) if again && matches!(error.status(), 404 | 409) => {
                abandon.keep();
                Err(SendError::Gone(error))
            }
            Err(error) => Err(error),
        }
    }

    /// What the server is told of a file.
    pub(super) fn request(&self, file: &Measured) -> wire::UploadRequest {
        let name = || file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        wire::UploadRequest {
            file_name: file.told.file_name.clone().unwrap_or_else(name),
            bytes: file.bytes,
            sha256: file.sha256.to_string(),
            modified_at: moment::rfc3339(file.modified, self.zone.as_ref()),
            captured_at: file.told.captured_at.clone(),
            captured: file.told.edited.clone(),
            place: file.told.place.clone(),
            favourite: file.told.favourite,
            description: file.told.description.clone(),
            motion_of: file.told.motion_of,
        }
    }

    async fn send_upload(
        &self,
        file: &Measured,
        upload: wire::Upload,
        progress: &FileProgress,
    ) -> Result<Uuid, SendError> {
        if let Some(asset) = upload.asset {
            return Ok(asset);
        }
        let count = file.bytes.div_ceil(upload.part_size.max(1));
        // The bound of every store; without it a server could make us keep a hash for each byte.
        if u64::from(upload.part_count) != count || count > MOST_PARTS {
            let text = format!("{} parts of {} bytes for {}", upload.part_count, upload.part_size, file.bytes);
            return Err(ApiError::Garbled(text).into());
        }
        let mine;
        let file = if upload.part_size == file.part_size {
            file
        } else {
            mine = self.hasher.measure(file.path.clone(), Some(upload.part_size)).await?;
            if mine.sha256 != file.sha256 {
                return Err(ReadError::Changed.into());
            }
            &mine
        };
        self.send_until_complete(file, upload, progress).await
    }

    async fn send_until_complete(
        &self,
        file: &Measured,
        mut upload: wire::Upload,
        progress: &FileProgress,
    ) -> Result<Uuid, SendError> {
        let place = format!("/api/uploads/{}", upload.id);
        let complete = format!("{place}/complete");
        let (mut failed, mut refused, mut best) = (0, 0, 0);
        loop {
            let missing = missing(file, &upload);
            if upload.arrived.len() > best {
                (best, failed, refused) = (upload.arrived.len(), 0, 0);
            }
            let trouble = match self.send_parts(file, &place, &missing, progress).await {
                Ok(()) => {
                    file.unchanged().await?;
                    match self.api.post::<_, wire::Completed>(&complete, &serde_json::json!({})).await {
                        Ok(completed) => return Ok(completed.asset),
                        // Parts that the server lost: ask which.
                        Err(error) if error.status() == 409 => PartTrouble::Refused(error),
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(trouble) => trouble,
            };
            match trouble {
                PartTrouble::Fatal(error) => return Err(error),
                PartTrouble::Refused(error) => {
                    file.unchanged().await?;
                    refused += 1;
                    if refused >= REFUSALS {
                        return Err(error.into());
                    }
                }
                PartTrouble::Again(error, told) => {
                    file.unchanged().await?;
                    failed += 1;
                    if !self.api.wait(failed, told).await {
                        return Err(error.into());
                    }
                }
            }
            upload = self.api.get(&place).await?;
            if let Some(asset) = upload.asset {
                return Ok(asset);
            }
        }
    }

    /// Sends parts, several at once; stops at the first that does not arrive.
    async fn send_parts(
        &self,
        file: &Measured,
        place: &str,
        missing: &[wire::PartHash],
        progress: &FileProgress,
    ) -> Result<(), PartTrouble> {
        let place = format!("{place}/parts");
        for batch in missing.chunks(TARGETS) {
            let request = wire::PartTargetsRequest { parts: batch.to_vec() };
            let answer: Result<wire::PartTargets, _> = self.api.post(&place, &request).await;
            let targets = answer.map_err(|error| PartTrouble::Fatal(error.into()))?;
            stream::iter(targets.parts)
                .map(|target| self.send_part(file, target, progress))
                .buffer_unordered(TARGETS)
                .try_for_each(|()| std::future::ready(Ok(())))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn send_part(
        &self,
        file: &Measured,
        target: wire::PartTarget,
        progress: &FileProgress,
    ) -> Result<(), PartTrouble> {
        let unknown = || PartTrouble::Fatal(ApiError::Garbled(format!("no part {}", target.number)).into());
        let (part, _) = file.part(target.number).ok_or_else(unknown)?;
        let closed = |_| PartTrouble::Fatal(ApiError::Unreachable("the import ended".to_owned()).into());
        let _slot = self.slots.acquire().await.map_err(closed)?;
        let meter = Meter { file: progress.clone(), moved: Arc::default() };
        let counted = meter.clone();
        // A file that has gone is told by its own reason.
        let body = file.body(part, move |bytes| counted.add(bytes)).await;
        let body = body.map_err(|error| PartTrouble::Fatal(error.into()))?;
        let in_vain = InVain(meter.clone());
        let sending = self.api.send_part(&target, part.bytes, reqwest::Body::wrap_stream(body));
        let failure = tokio::select! {
            sent = sending => match sent {
                Ok(()) => {
                    in_vain.arrived();
                    return Ok(());
                }
                Err(failure) => failure,
            },
            () = meter.stalled() => {
                Failure::Passing(ApiError::Unreachable("the connection stands still".to_owned()), None)
            }
        };
        Err(match failure {
            Failure::Passing(error, told) => PartTrouble::Again(error, told),
            Failure::Lasting(error) if matches!(error.status(), 403 | 422) => PartTrouble::Refused(error),
            Failure::Lasting(error) => PartTrouble::Fatal(error.into()),
        })
    }
}

/// The parts that the server does not have yet, or has with other content.
fn missing(file: &Measured, upload: &wire::Upload) -> Vec<wire::PartHash> {
    let arrived = |number: u32, sha256: &Sha256| {
        let sha256 = sha256.to_string();
        upload.arrived.iter().any(|part| part.number == number && part.sha256 == sha256)
    };
    (1..)
        .zip(&file.parts)
        .filter(|(number, sha256)| !arrived(*number, sha256))
        .map(|(number, sha256)| wire::PartHash { number, sha256: sha256.to_string() })
        .collect()
}

/// Counts what one attempt at a part has moved.
#[derive(Clone)]
struct Meter {
    file: FileProgress,
    moved: Arc<AtomicU64>,
}

impl Meter {
    fn add(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        self.file.add(bytes);
    }

    /// Ends when nothing has moved for [`STALL`]: a connection may hang without ever failing.
    async fn stalled(&self) {
        let mut before = self.moved.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(STALL).await;
            let now = self.moved.load(Ordering::Relaxed);
            if now == before {
                return;
            }
            before = now;
        }
    }
}

/// Takes back what an attempt has moved when it ends, or is dropped, before the part has arrived.
struct InVain(Meter);

impl InVain {
    fn arrived(self) {
        self.0.moved.store(0, Ordering::Relaxed);
    }
}

impl Drop for InVain {
    fn drop(&mut self) {
        self.0.file.take_back(self.0.moved.swap(0, Ordering::Relaxed));
    }
}

/// Gives an upload up on the server when it is dropped before [`Abandon::keep`], so that its quota is free again at once;
/// also when the run is interrupted and the future is dropped in the middle.
pub(super) struct Abandon {
    api: Option<Arc<Api>>,
    path: String,
}

impl Abandon {
    pub(super) fn new(api: &Arc<Api>, upload: Uuid) -> Self {
        Self { api: Some(Arc::clone(api)), path: format!("/api/uploads/{upload}") }
    }

    pub(super) fn keep(mut self) {
        self.api = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Some(api) = self.api.take() {
            let path = std::mem::take(&mut self.path);
            api.delete_later(path);
        }
    }
}
