//! Small files on their way together: one request asks for room for all of them, one completes all that arrived.
//!
//! This is the quick path and no more than that. A file that something is the matter with is left to
//! [`Sender::send`](super::send::Sender::send), which goes on where this stopped and knows the reasons.

use futures_util::{StreamExt, stream};
use picup_api::wire;
use uuid::Uuid;

use super::progress::FileProgress;
use super::read::Measured;
use super::send::{Abandon, Sender, Sent};
use super::source::Item;

/// Files sent together at most: as many as a server takes.
const TOGETHER: usize = 100;
/// A larger file is sent alone: its bytes take the time, not its requests.
const SMALL: u64 = 1 << 20;

/// Puts neighbouring small files together, each with its place in the whole. A live photo is sent alone: its film has to
/// wait for it.
pub(super) fn groups(items: Vec<Item>) -> Vec<Vec<(usize, Item)>> {
    let mut groups: Vec<Vec<(usize, Item)>> = Vec::new();
    let mut open = false;
    for (place, item) in items.into_iter().enumerate() {
        let small = item.main.bytes <= SMALL && item.moving.is_none();
        match groups.last_mut() {
            Some(group) if open && small && group.len() < TOGETHER => group.push((place, item)),
            _ => groups.push(vec![(place, item)]),
        }
        open = small;
    }
    groups
}

impl Sender {
    /// Sends small files. Gives what each became, or nothing for one that is to be sent alone.
    pub(super) async fn send_small(&self, files: &[(&Measured, FileProgress)]) -> Vec<Option<Sent>> {
        let request = wire::UploadsRequest { files: files.iter().map(|(file, _)| self.request(file)).collect() };
        let nothing = || vec![None; files.len()];
        let Ok(answers) = self.api.post::<_, wire::UploadAnswers>("/api/uploads/many", &request).await else {
            return nothing();
        };
        if answers.answers.len() != files.len() {
            return nothing();
        }
        let mut sent = nothing();
        let mut on_their_way = Vec::new();
        for (place, answer) in answers.answers.into_iter().enumerate() {
            match answer {
                wire::UploadManyAnswer::Duplicate { asset } => sent[place] = Some(Sent::Duplicate(asset)),
                wire::UploadManyAnswer::Upload { upload, target: Some(target) } if files[place].0.hashed => {
                    on_their_way.push((place, upload.id, target, Abandon::new(&self.api, upload.id)));
                }
                wire::UploadManyAnswer::Upload { .. } | wire::UploadManyAnswer::Refused { .. } => {}
            }
        }
        let arriving = stream::iter(on_their_way).map(|(place, upload, target, abandon)| async move {
            let (file, progress) = &files[place];
            let arrived = self.send_part(file, target, progress).await.is_ok() && file.unchanged().await.is_ok();
            (place, upload, arrived, abandon)
        });
        let arrived: Vec<(usize, Uuid, bool, Abandon)> = arriving.buffer_unordered(TOGETHER).collect().await;
        let ids: Vec<Uuid> = arrived.iter().filter(|(_, _, arrived, _)| *arrived).map(|(_, id, ..)| *id).collect();
        let completed = self.complete(&ids).await;
        for (place, id, _, abandon) in arrived {
            // One that was not completed is gone on with at once.
            abandon.keep();
            sent[place] = completed.iter().find(|(done, _)| *done == id).map(|(_, asset)| Sent::Uploaded(*asset));
        }
        sent
    }

    /// Completes uploads; gives those that became assets.
    async fn complete(&self, uploads: &[Uuid]) -> Vec<(Uuid, Uuid)> {
        if uploads.is_empty() {
            return Vec::new();
        }
        let request = wire::UploadIds { uploads: uploads.to_vec() };
        let answers: Result<wire::CompletionAnswers, _> = self.api.post("/api/uploads/complete", &request).await;
        let answers = answers.map(|answers| answers.answers).unwrap_or_default();
        let completed = uploads.iter().zip(answers).filter_map(|(upload, answer)| match answer {
            wire::CompletionAnswer::Completed { asset } => Some((*upload, asset)),
            wire::CompletionAnswer::Refused { .. } => None,
        });
        completed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::walk::Found;

    #[test]
    fn neighbours_that_are_small_go_together_and_keep_their_places() {
        let found = |bytes| Found { path: "a".into(), bytes };
        let file = |bytes| Item { main: found(bytes), moving: None, notes: Vec::new(), album: None };
        let mut files = vec![file(1), file(SMALL + 1), file(2), file(3), file(1 << 30), file(1 << 30)];
        files.extend((0..TOGETHER as u64 + 1).map(file));
        let groups = groups(files);
        let lengths: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, 2, 1, 1, TOGETHER, 1]);
        assert!(groups.concat().iter().enumerate().all(|(number, (place, _))| number == *place));
    }
}
