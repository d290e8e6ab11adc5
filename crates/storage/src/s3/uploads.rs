//! Uploads into a bucket, each one a multipart upload.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMultipartOptions, PutPayload};
use picup_domain::{ObjectKey, Sha256, UploadId};
use quick_xml::escape::escape;

use super::notes::{Note, Notes};
use super::objects::{attributes, is_missing};
use super::{S3, Spool, Spooled};
use crate::{Error, PartStored, Upload, crash_point};

/// Requests about many small things that go at once.
const AT_ONCE: usize = 16;

/// The most that is read of a note, in bytes: the tags of ten thousand parts.
const LONGEST_NOTE: u64 = 4 << 20;

/// The parts of an upload that have arrived as they were announced.
pub(super) struct Arrived {
    pub(super) parts: BTreeMap<u32, PartStored>,
    /// What the service wants to be told of them, in order.
    pub(super) ids: Vec<PartId>,
}

impl S3 {
    /// Begins an upload, or finds it begun.
    pub(crate) async fn begin(&self, upload: &Upload) -> Result<(), Error> {
        let notes = self.notes(upload.id()).await?;
        if let Some((bytes, _)) = &notes.begun {
            return same_size(upload, *bytes);
        }
        if notes.receiving.is_some() {
            return Err(Error::UploadBegun(upload.id()));
        }
        if self.size(upload.key()).await?.is_some() {
            return Err(Error::exists(upload.key()));
        }
        // What a death in the middle of a removal left must not speak of the new one.
        self.forget(upload.id(), &notes).await?;
        self.begin_new(upload).await
    }

    /// Begins an upload that nobody has begun.
    pub(crate) async fn begin_new(&self, upload: &Upload) -> Result<(), Error> {
        let multipart = self.multipart(upload.key()).await?;
        crash_point!("s3-begun");
        let note = Note::Begun { bytes: upload.bytes(), multipart: multipart.clone() };
        let noted = self.note(upload.id(), &note, upload.key().to_string()).await;
        // It may stand all the same. Only if it does not for sure, nobody would see that upload again; where this fails too, the bucket's
        // own rule ends it.
        if noted.is_err() && self.remove(self.notes_of(upload.id()).join(note.to_string())).await.is_ok() {
            let _ = self.multipart_abort(&self.at(upload.key()), &multipart).await;
        }
        noted
    }

    pub(crate) async fn begin_many(&self, uploads: &[Upload]) -> Result<(), Error> {
        let all = uploads.iter().map(|upload| self.begin_new(upload).boxed());
        every(all.collect()).await
    }

    /// Asks the service for a multipart upload.
    pub(super) async fn multipart(&self, key: &ObjectKey) -> Result<String, Error> {
        let options = PutMultipartOptions { attributes: attributes(key), ..PutMultipartOptions::default() };
        let begun = self.store.create_multipart_opts(&self.at(key), options).await;
        begun.map_err(|error| Error::remote("begin an upload", error))
    }

    /// A place for bytes to wait in until they are whole.
    pub(crate) async fn spool(&self) -> Result<Spool, Error> {
        Ok(Spool::new(self.spool_file().await?))
    }

    /// Sends a part that has come as it was announced; its lock is held.
    pub(crate) async fn part_send(&self, upload: &Upload, part: PartStored, spooled: Spooled) -> Result<(), Error> {
        let id = upload.id();
        let notes = self.notes(id).await?;
        let multipart = taking_parts(upload, &notes)?;
        let known = notes.parts.contains_key(&part.number);
        let listed = if known { self.parts_listed(&self.at(upload.key()), multipart).await? } else { None };
        if self.announce(id, &notes, &listed.unwrap_or_default(), part).await? {
            return Ok(());
        }
        crash_point!("s3-part-noted");
        if part.bytes == 0 {
            return Ok(());
        }
        match self.carry(&self.at(upload.key()), multipart, part.number, spooled).await? {
            Some(_) => Ok(()),
            None => Err(self.gone(id, multipart).await?),
        }
    }

    /// Sends bytes as a part when there is room in memory for them; says what the service calls them, or `None` when it knows no
    /// such upload.
    pub(super) async fn carry(
        &self,
        at: &Path,
        multipart: &str,
        number: u32,
        spooled: Spooled,
    ) -> Result<Option<String>, Error> {
        let room = u32::try_from(spooled.bytes >> 20).unwrap_or(u32::MAX).clamp(1, super::CARRIED);
        let _room = self.carrying.acquire_many(room).await.expect("the semaphore is never closed");
        let payload = self.blocking.run(move || spooled.into_payload()).await?;
        match self.carrier.put_part(at, &multipart.to_owned(), number as usize - 1, payload).await {
            Ok(part) => Ok(Some(part.content_id)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Error::remote("send a part", error)),
        }
    }

    /// Takes away the notes of an upload that the service has given up, so that it can be begun anew.
    pub(super) async fn gone(&self, id: UploadId, multipart: &str) -> Result<Error, Error> {
        let notes = self.notes(id).await?;
        let current = notes.begun.as_ref().map(|(_, multipart)| multipart).or(notes.receiving.as_ref());
        // Unless it has been begun anew meanwhile.
        if current.is_none_or(|current| current == multipart) {
            self.forget(id, &notes).await?;
        }
        Ok(Error::UploadNotFound(id))
    }

    /// Which parts have arrived.
    pub(crate) async fn parts(&self, upload: &Upload) -> Result<Vec<PartStored>, Error> {
        let notes = self.notes(upload.id()).await?;
        if notes.whole.is_some() {
            return Ok(Vec::new());
        }
        let Some((_, multipart)) = &notes.begun else { return Err(Error::UploadNotFound(upload.id())) };
        let arrived = self.arrived(upload, &notes, multipart).await?;
        Ok(arrived.ok_or(Error::UploadNotFound(upload.id()))?.parts.into_values().collect())
    }

    /// What of an upload has arrived; `None` when the service does not know it.
    pub(super) async fn arrived(
        &self,
        upload: &Upload,
        notes: &Notes,
        multipart: &str,
    ) -> Result<Option<Arrived>, Error> {
        let Some(listed) = self.parts_listed(&self.at(upload.key()), multipart).await? else { return Ok(None) };
        let mut arrived = Arrived { parts: BTreeMap::new(), ids: Vec::new() };
        // Not every service takes a part without bytes, and none is needed.
        arrived.parts.extend(notes.parts.iter().filter(|(_, part)| part.bytes == 0));
        for (number, found) in listed {
            if let Some(part) = notes.parts.get(&number).filter(|part| found.is(part)) {
                arrived.parts.insert(number, *part);
                arrived.ids.push(self.part_id(&found.tag, &part.sha256));
            }
        }
        Ok(Some(arrived))
    }

    /// A part as the library wants it named at completion: by its tag, or where checksums are named, in its own form for both.
    pub(super) fn part_id(&self, tag: &str, sha256: &Sha256) -> PartId {
        if !self.profile.wants_checksums_named() {
            return PartId { content_id: tag.to_owned() };
        }
        let (tag, checksum) = (escape(tag), BASE64_STANDARD.encode(sha256.as_bytes()));
        let content_id =
            format!("<PartMetadata><e_tag>{tag}</e_tag><checksum_sha256>{checksum}</checksum_sha256></PartMetadata>");
        PartId { content_id }
    }

    /// Whether all of an upload has arrived; not when it is not staged.
    pub(crate) async fn is_whole(&self, upload: &Upload) -> Result<bool, Error> {
        let notes = self.notes(upload.id()).await?;
        if let Some(bytes) = notes.whole {
            return Ok(bytes == upload.bytes());
        }
        let Some((_, multipart)) = &notes.begun else { return Ok(false) };
        let arrived = self.arrived(upload, &notes, multipart).await?;
        Ok(arrived.is_some_and(|arrived| upload.all_arrived(&arrived.parts).is_ok()))
    }

    pub(crate) async fn are_whole(&self, uploads: &[Upload]) -> Result<Vec<bool>, Error> {
        let all = uploads.iter().map(|upload| self.is_whole(upload).boxed());
        stream::iter(all.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await
    }

    /// Forgets an upload and what arrived of it; its lock is held.
    pub(crate) async fn abort(&self, id: UploadId) -> Result<(), Error> {
        let notes = self.notes(id).await?;
        if let Some((note, multipart)) = notes.with_key() {
            let key = self.read_note(id, &note).await?.unwrap_or_default();
            // A note that says nothing sensible is no reason to keep it.
            if let Ok(key) = key.parse::<ObjectKey>() {
                self.multipart_abort(&self.at(&key), multipart).await?;
            }
        }
        crash_point!("s3-aborted");
        self.forget(id, &notes).await
    }

    pub(super) async fn multipart_abort(&self, at: &Path, multipart: &str) -> Result<(), Error> {
        let refused = match self.store.abort_multipart(at, &multipart.to_owned()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => return Ok(()),
            Err(error) => Error::remote("give up an upload", error),
        };
        // Some services refuse what they do not know any more, in place of saying so. Then there are no parts of it either.
        let left = self.parts_listed(at, multipart).await?.unwrap_or_default();
        if left.is_empty() { Ok(()) } else { Err(refused) }
    }

    /// Every upload of which there is a note, oldest first.
    pub(crate) async fn uploads_staged(&self) -> Result<Vec<UploadId>, Error> {
        let listed = self.store.list_with_delimiter(Some(&self.path("staging"))).await;
        let folders = listed.map_err(|error| Error::remote("list uploads", error))?.common_prefixes;
        let mut ids: Vec<UploadId> = folders.iter().filter_map(|folder| folder.filename()?.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    pub(super) async fn notes(&self, id: UploadId) -> Result<Notes, Error> {
        let mut listed = self.store.list(Some(&self.notes_of(id)));
        let mut notes = Notes::default();
        while let Some(found) = listed.try_next().await.map_err(|error| Error::remote("look for an upload", error))? {
            notes.add(found.location.filename().unwrap_or_default());
        }
        Ok(notes)
    }

    pub(super) async fn note(&self, id: UploadId, note: &Note, content: String) -> Result<(), Error> {
        let at = self.notes_of(id).join(note.to_string());
        let put = self.store.put(&at, PutPayload::from(content)).await;
        put.map(|_| ()).map_err(|error| Error::remote("note how far an upload is", error))
    }

    pub(super) async fn read_note(&self, id: UploadId, note: &Note) -> Result<Option<String>, Error> {
        let at = self.notes_of(id).join(note.to_string());
        let bytes = self.fetch(&at, None, LONGEST_NOTE).await?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Takes all notes of an upload away.
    pub(super) async fn forget(&self, id: UploadId, notes: &Notes) -> Result<(), Error> {
        for names in notes.in_order_of_removal() {
            let all = names.into_iter().map(|name| self.remove(self.notes_of(id).join(name)).boxed());
            every(all.collect()).await?;
        }
        Ok(())
    }
}

/// Does all of it, some at once, each to its end whatever becomes of the others; then tells the first failure.
pub(super) async fn every(work: Vec<BoxFuture<'_, Result<(), Error>>>) -> Result<(), Error> {
    let done: Vec<Result<(), Error>> = stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
    done.into_iter().collect()
}

/// The service's id of an upload that takes parts.
pub(super) fn taking_parts<'a>(upload: &Upload, notes: &'a Notes) -> Result<&'a str, Error> {
    let (bytes, multipart) = notes.begun.as_ref().ok_or(Error::UploadNotFound(upload.id()))?;
    same_size(upload, *bytes)?;
    Ok(multipart)
}

pub(super) fn same_size(upload: &Upload, begun: u64) -> Result<(), Error> {
    let asked = upload.bytes();
    if begun == asked { Ok(()) } else { Err(Error::UploadDiffers { upload: upload.id(), begun, asked }) }
}
