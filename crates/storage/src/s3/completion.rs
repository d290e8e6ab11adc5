//! How an upload into a bucket becomes its object: the service puts the parts together, and whatever it answers, what then stands at
//! the key decides.

use bytes::Bytes;
use futures_util::FutureExt;
use object_store::multipart::{MultipartStore, PartId};

use super::S3;
use super::notes::{Note, Notes};
use super::objects::{is_missing, names_other_parts};
use super::uploads::{every, same_size};
use crate::{Error, Upload, crash_point};

impl S3 {
    /// Turns an upload into its object; its lock is held.
    pub(crate) async fn complete(&self, upload: &Upload) -> Result<(), Error> {
        let (id, key) = (upload.id(), upload.key());
        let notes = self.notes(id).await?;
        let Some((multipart, parts)) = self.to_put_together(upload, &notes).await? else {
            return self.completed_before(upload, &notes).await;
        };
        match self.size(key).await? {
            Some(size) if size == upload.bytes() && notes.completing => return self.forget(id, &notes).await,
            Some(_) => return Err(Error::exists(key)),
            None => {}
        }
        if !notes.completing {
            self.note(id, &Note::Completing, String::new()).await?;
        }
        crash_point!("s3-completing");
        if upload.bytes() == 0 {
            self.put(key, Bytes::new()).await?;
            self.multipart_abort(&self.at(key), &multipart).await?;
            return self.forget(id, &self.notes(id).await?).await;
        }
        let completed = self.carrier.complete_multipart(&self.at(key), &multipart, parts).await;
        crash_point!("s3-completed");
        // Whatever the answer: another process may have completed it in between, or this one, and the answer was lost.
        match (self.size(key).await?, completed) {
            (Some(size), _) if size == upload.bytes() => self.forget(id, &self.notes(id).await?).await,
            (Some(_), _) => Err(Error::exists(key)),
            (None, Err(error)) if is_missing(&error) => Err(self.gone(id, &multipart).await?),
            (None, Err(error)) if names_other_parts(&error) => Err(self.incomplete(upload).await?),
            (None, Err(error)) => Err(Error::remote("complete an upload", error)),
            (None, Ok(_)) => Err(Error::remote("complete an upload", "the store has it, and does not show it")),
        }
    }

    /// What an upload misses whose parts the service does not have as they were named to it. It goes on taking parts.
    async fn incomplete(&self, upload: &Upload) -> Result<Error, Error> {
        let id = upload.id();
        self.remove(self.notes_of(id).join(Note::Completing.to_string())).await?;
        let notes = self.notes(id).await?;
        let arrived = match &notes.begun {
            Some((_, multipart)) => self.arrived(upload, &notes, multipart).await?,
            None => None,
        };
        let missing = arrived.and_then(|arrived| upload.all_arrived(&arrived.parts).err());
        // What is listed as it was announced was perhaps something else a moment ago.
        Ok(missing.unwrap_or(Error::UploadIncomplete { upload: id, first_missing: 1 }))
    }

    pub(crate) async fn complete_many(&self, uploads: &[Upload]) -> Result<(), Error> {
        let all = uploads.iter().map(|upload| self.complete(upload).boxed());
        every(all.collect()).await
    }

    /// The service's id of an upload and what it calls all its parts; `None` when the service does not know it.
    async fn to_put_together(&self, upload: &Upload, notes: &Notes) -> Result<Option<(String, Vec<PartId>)>, Error> {
        if let (Some(bytes), Some(multipart)) = (notes.whole, &notes.receiving) {
            same_size(upload, bytes)?;
            let listed = self.parts_listed(&self.at(upload.key()), multipart).await?;
            let tags = self
                .read_note(upload.id(), &Note::Whole { bytes })
                .await?
                .filter(|tags| bytes == 0 || !tags.is_empty());
            let tags = tags.ok_or_else(|| Error::remote("complete an upload", "its note of its parts is gone"))?;
            let ids = tags.lines().map(|tag| PartId { content_id: tag.to_owned() }).collect();
            return Ok(listed.map(|_| (multipart.clone(), ids)));
        }
        let Some((bytes, multipart)) = &notes.begun else { return Ok(None) };
        same_size(upload, *bytes)?;
        let Some(arrived) = self.arrived(upload, notes, multipart).await? else { return Ok(None) };
        match upload.all_arrived(&arrived.parts) {
            Ok(()) => Ok(Some((multipart.clone(), arrived.ids))),
            // They had all arrived: some services list nothing of an upload that was completed, in place of knowing it no more.
            Err(_) if notes.completing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the completion of an upload ends that the service does not know any more: it was completed, or it is gone.
    async fn completed_before(&self, upload: &Upload, notes: &Notes) -> Result<(), Error> {
        let staged = notes.begun.is_some() || notes.whole.is_some();
        match self.size(upload.key()).await? {
            Some(size) if size == upload.bytes() && (notes.completing || !staged) => {
                self.forget(upload.id(), notes).await
            }
            Some(_) => Err(Error::exists(upload.key())),
            None if staged => {
                let multipart = notes.with_key().map(|(_, multipart)| multipart).unwrap_or_default();
                // It may be there all the same, without all that it was to be made of.
                if !multipart.is_empty() {
                    self.multipart_abort(&self.at(upload.key()), multipart).await?;
                }
                Err(self.gone(upload.id(), multipart).await?)
            }
            None => Err(Error::UploadNotFound(upload.id())),
        }
    }
}
