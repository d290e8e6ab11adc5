//! Writing into a backup: streamed, hashed on both sides of the encryption, and nothing that is not what was expected becomes
//! anything there. At most two parts of each are in memory.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use picup_domain::Sha256;
use sha2::Digest;
use tokio::task::JoinSet;

use super::seal::Sealer;
use super::{Backup, BackupName, failed};
use crate::{ByteStream, Error};

/// What is sent at a time, the least that S3 takes; whatever is no longer goes in one request.
const PART: u64 = 5 << 20;
/// More than comes from a source at once, as a rule.
const PIECE: u64 = 320 << 10;
/// More than encryption adds to a small object; to a large one it adds less than a thousandth.
const HEADER: u64 = 4 << 10;
/// Whatever is as large is looked for first: who puts parts together is never refused because something stands there.
const LOOKED_FOR: u64 = PART / 2;
/// S3's rule, and some more, because encryption adds a little.
const MOST_PARTS: u64 = 9_000;

/// What a source has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its hash; `None` where it is only known afterwards.
    pub sha256: Option<Sha256>,
}

/// What stands in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// How many bytes, encrypted if they are.
    pub bytes: u64,
    /// Their hash.
    pub sha256: Sha256,
}

/// What is on its way: hashed, encrypted if it is to be, and gathered into parts.
struct Outgoing {
    sealed: Option<Sealed>,
    plain: Counted,
    ready: Vec<u8>,
    /// How much of it there may be at a time, so that it does not grow by doubling.
    room: usize,
}

/// What encrypts it, and what comes of that.
struct Sealed {
    sealer: Sealer,
    stored: Counted,
}

#[derive(Default)]
struct Counted {
    bytes: u64,
    hasher: sha2::Sha256,
}

impl Backup {
    /// Makes `name` stand there, proved. `again`: an attempt before this one may have left it there.
    ///
    /// # Errors
    /// [`Error::SourceDiffers`] when the source is not what is expected: then nothing stands there. [`Error::Altered`] when
    /// something else does, which is never overwritten: use another name. [`Error::NotAsWritten`] when what was written now comes
    /// back as something else.
    pub async fn keep(
        &self,
        name: &BackupName,
        source: impl Future<Output = Result<ByteStream, Error>>,
        expected: Expected,
        again: bool,
    ) -> Result<Stored, Error> {
        self.require_there()?;
        if (again || expected.bytes >= LOOKED_FOR) && self.size(name).await?.is_some() {
            return self.prove_content(name, expected).await;
        }
        let Some(stored) = self.write(name, source, expected).await? else {
            return self.prove_content(name, expected).await;
        };
        crate::crash_point!("backup-written");
        if self.0.place.proves_what_it_stores() {
            return Ok(stored);
        }
        match self.prove(name, &stored).await {
            Ok(()) => Ok(stored),
            Err(Error::Altered(name)) => Err(Error::NotAsWritten(name)),
            Err(error) => Err(error),
        }
    }

    /// Writes; `None` when the service says that something stands there. The source is opened once there is memory for it: a service
    /// gives up on who asks and does not read.
    async fn write(
        &self,
        name: &BackupName,
        source: impl Future<Output = Result<ByteStream, Error>>,
        expected: Expected,
    ) -> Result<Option<Stored>, Error> {
        let part = PART.max((expected.bytes / MOST_PARTS).next_multiple_of(1 << 20));
        // One part fills while another is sent.
        let held = (expected.bytes.min(2 * part) >> 20).clamp(1, super::IN_MEMORY as u64);
        let held = u32::try_from(held).unwrap_or(1);
        let _held = Arc::clone(&self.0.memory).acquire_many_owned(held).await.expect("the semaphore is never closed");
        let sealer = name.is_sealed().then(|| Sealer::new(&self.0.seal.recipients())).transpose()?;
        let outgoing = Outgoing::new(sealer, part, expected);
        self.send(name, source.await?, expected, part, outgoing).await
    }

    async fn send(
        &self,
        name: &BackupName,
        mut source: ByteStream,
        expected: Expected,
        part: u64,
        mut outgoing: Outgoing,
    ) -> Result<Option<Stored>, Error> {
        let mut parts: Option<Parts> = None;
        let mut failed = None;
        while let Some(chunk) = source.try_next().await.transpose() {
            let more = async {
                outgoing.push(&chunk?)?;
                while outgoing.ready.len() as u64 > part {
                    let parts = match &mut parts {
                        Some(parts) => parts,
                        none => none.insert(Parts::begin(self, name).await?),
                    };
                    parts.send(self, outgoing.take(part)).await?;
                }
                Ok(())
            };
            if let Err(error) = more.await {
                failed = Some(error);
                break;
            }
        }
        let whole = match failed {
            None => outgoing.finish(expected),
            Some(error) => Err(error),
        };
        match (parts, whole) {
            (Some(parts), Ok((rest, stored))) => parts.complete(self, rest).await.map(|()| Some(stored)),
            (Some(parts), Err(error)) => {
                parts.abort().await;
                Err(error)
            }
            (None, Ok((rest, stored))) => Ok(self.put(name, rest).await?.then_some(stored)),
            (None, Err(error)) => Err(error),
        }
    }

    /// In one request; `false` when the service says that something stands there.
    async fn put(&self, name: &BackupName, bytes: Bytes) -> Result<bool, Error> {
        self.0.pace.wait(bytes.len() as u64).await;
        let mode = if self.0.place.refuses_to_replace() { PutMode::Create } else { PutMode::Overwrite };
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.0.writer.put_opts(&self.at(name), bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(failed("write to a backup", error)),
        }
    }
}

/// What goes in several requests. One is on its way while the next is made.
struct Parts {
    upload: Box<dyn MultipartUpload>,
    under_way: JoinSet<object_store::Result<()>>,
}

impl Parts {
    async fn begin(backup: &Backup, name: &BackupName) -> Result<Self, Error> {
        let upload = backup.0.writer.put_multipart(&backup.at(name)).await;
        let upload = upload.map_err(|error| failed("begin to write to a backup", error))?;
        Ok(Self { upload, under_way: JoinSet::new() })
    }

    async fn send(&mut self, backup: &Backup, part: Bytes) -> Result<(), Error> {
        backup.0.pace.wait(part.len() as u64).await;
        self.arrived().await?;
        self.under_way.spawn(self.upload.put_part(part.into()));
        Ok(())
    }

    async fn arrived(&mut self) -> Result<(), Error> {
        while let Some(sent) = self.under_way.join_next().await {
            let sent = sent.map_err(|error| Error::remote("write to a backup", error))?;
            sent.map_err(|error| failed("write to a backup", error))?;
        }
        Ok(())
    }

    async fn complete(mut self, backup: &Backup, rest: Bytes) -> Result<(), Error> {
        let sent = async {
            self.send(backup, rest).await?;
            self.arrived().await
        };
        if let Err(error) = sent.await {
            self.abort().await;
            return Err(error);
        }
        crate::crash_point!("backup-parts-sent");
        self.upload.complete().await.map_err(|error| failed("write to a backup", error))?;
        Ok(())
    }

    /// As far as it goes: what is left is the bucket's lifecycle rule's.
    async fn abort(mut self) {
        self.under_way.shutdown().await;
        if let Err(error) = self.upload.abort().await {
            tracing::debug!(%error, "parts of a copy that was given up may be left in a backup");
        }
    }
}

impl Outgoing {
    fn new(sealer: Option<Sealer>, part: u64, expected: Expected) -> Self {
        let sealed = sealer.map(|sealer| Sealed { sealer, stored: Counted::default() });
        let whole = expected.bytes + expected.bytes / 1024 + HEADER;
        let room = usize::try_from(whole.min(part + PIECE)).unwrap_or_default();
        Self { sealed, plain: Counted::default(), ready: Vec::new(), room }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.plain.count(chunk);
        if self.ready.capacity() < self.room {
            self.ready.reserve_exact(self.room - self.ready.len());
        }
        match &mut self.sealed {
            Some(Sealed { sealer, stored }) => {
                let before = self.ready.len();
                sealer.push(chunk, &mut self.ready)?;
                stored.count(&self.ready[before..]);
            }
            None => self.ready.extend_from_slice(chunk),
        }
        Ok(())
    }

    fn take(&mut self, part: u64) -> Bytes {
        let rest = self.ready.split_off(usize::try_from(part).unwrap_or(usize::MAX).min(self.ready.len()));
        std::mem::replace(&mut self.ready, rest).into()
    }

    /// What is left to be sent, and what will then be stored.
    fn finish(mut self, expected: Expected) -> Result<(Bytes, Stored), Error> {
        self.plain.is(expected).then_some(()).ok_or(Error::SourceDiffers)?;
        let stored = match self.sealed.take() {
            Some(Sealed { sealer, mut stored }) => {
                let before = self.ready.len();
                sealer.finish(&mut self.ready)?;
                stored.count(&self.ready[before..]);
                stored
            }
            // What is not encrypted is stored as it came.
            None => self.plain,
        };
        Ok((self.ready.into(), stored.done()))
    }
}

impl Counted {
    fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    fn is(&self, expected: Expected) -> bool {
        let sha256 = Sha256::from_hasher(self.hasher.clone());
        self.bytes == expected.bytes && expected.sha256.is_none_or(|expected| expected == sha256)
    }

    fn done(self) -> Stored {
        Stored { bytes: self.bytes, sha256: Sha256::from_hasher(self.hasher) }
    }
}

/// The size and hash of a stream.
pub(super) async fn hash(mut stream: ByteStream) -> Result<Stored, Error> {
    let mut counted = Counted::default();
    while let Some(chunk) = stream.try_next().await? {
        counted.count(&chunk);
    }
    Ok(counted.done())
}
