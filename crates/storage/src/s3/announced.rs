//! Which hash a part is to have.
//!
//! As long as nothing has arrived of it, the last that was announced counts: a sender whose file was read wrongly, or has changed, may
//! try again. What has arrived stays. An address for an earlier hash lives on until it lapses; what comes to it late takes the part's
//! place, and then either the service tells, which lists hashes, or the worker, which proves the whole file's.

use std::collections::BTreeMap;

use picup_domain::UploadId;

use super::S3;
use super::listed::Listed;
use super::notes::{Note, Notes};
use crate::{Error, PartStored};

impl S3 {
    /// Notes which hash a part is to have, given what the service lists; says whether it has arrived with that one.
    pub(super) async fn announce(
        &self,
        id: UploadId,
        notes: &Notes,
        listed: &BTreeMap<u32, Listed>,
        part: PartStored,
    ) -> Result<bool, Error> {
        let known = notes.parts.get(&part.number);
        let arrived = known.filter(|known| listed.get(&part.number).is_some_and(|found| found.is(known)));
        match (known, arrived) {
            (Some(known), _) if known.sha256 == part.sha256 => return Ok(arrived.is_some()),
            (_, Some(arrived)) => return Err(Error::PartExists { number: part.number, stored: arrived.sha256 }),
            _ => {}
        }
        // First: a part that has two notes might be taken for the other one.
        for name in notes.of_part(part.number) {
            self.remove(self.notes_of(id).join(name)).await?;
        }
        self.note(id, &Note::Part(part), String::new()).await.map(|()| false)
    }
}
