//! Moving the photos to another store while people upload, look and delete: everything that is not in the new place is copied there
//! and proved, again and again until nothing is missing. Called by `picup`, which knows where the new place is, keeps what is known
//! of the move, and rewrites the configuration at its end.
//!
//! While it goes on, [`Storage`](picup_storage::Storage) has two places. The old one is only read, but for uploads that were begun
//! there: the move waits for them. Nothing is removed from it.

mod object;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use picup_domain::{AccountId, AssetId, ObjectKey, ObjectRole, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{App, Error};

/// How long it rests when something is missing still that it can do nothing about.
const AGAIN: Duration = Duration::from_secs(2);

/// What is known of a move that begins or goes on.
#[derive(Debug, Clone)]
pub struct Known {
    /// When it was asked for. What is older and stands in the new place already is proved before it is believed.
    pub asked_at: Timestamp,
    /// Whether it is being taken back: then what stands there was never away.
    pub back: bool,
    /// Whether it may end without what is in neither place, or cannot be read.
    pub leave_lost: bool,
}

/// How far a move is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Objects that this round has looked at.
    pub looked_at: u64,
    /// Objects that were copied and proved, in all rounds.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were not as they were, and came from a backup.
    pub healed: u64,
    /// Objects that are not what is recorded of them, and were moved as they are, in this round.
    pub damaged: u64,
    /// Objects that are in neither place, in this round.
    pub lost: u64,
    /// Objects that could not be read, in this round.
    pub unread: u64,
    /// Some of the last three kinds, by name.
    pub named: Vec<String>,
    /// Uploads that were begun in the old place and are not completed.
    pub uploads: u64,
    /// Everything up to this key has been proved in the new place.
    pub proved_up_to: String,
    /// What the log has been told of.
    #[serde(skip)]
    logged: HashSet<String>,
}

impl Progress {
    fn next_round(&mut self, uploads: usize) {
        (self.looked_at, self.damaged, self.lost, self.unread) = (0, 0, 0, 0);
        self.named.clear();
        self.uploads = uploads as u64;
    }

    const fn is_whole(&self, known: &Known) -> bool {
        self.uploads == 0 && (self.lost + self.unread == 0 || known.leave_lost)
    }
}

/// Carries a move on until everything stands in the new place. `tell` hears how far it is after each object, and says whether to go on;
/// `false` when it did not, or when nothing moves.
///
/// # Errors
/// When the database or a place does not answer: call it again later.
pub async fn carry(
    app: &App,
    known: &Known,
    progress: &mut Progress,
    mut tell: impl FnMut(&Progress) -> bool,
) -> Result<bool, Error> {
    let Some(sides) = app.storage().sides() else { return Ok(false) };
    loop {
        app.storage().settle_move().await?;
        // Looked at first: what is completed from here on was completed in the new place.
        progress.next_round(sides.from.uploads_staged().await?.len());
        if !walk::everything(app, &sides, known, progress, &mut tell).await? {
            return Ok(false);
        }
        if progress.is_whole(known) {
            return Ok(true);
        }
        // Who hears it now and then alone hears how the round has ended.
        for _ in 0..2 {
            tokio::time::sleep(AGAIN / 2).await;
            if !tell(progress) {
                return Ok(false);
            }
        }
    }
}

/// Whether every object that counts stands in a store with its size: asked before another place is cleared. Names some that do not.
///
/// # Errors
/// When the database or the store does not answer.
pub async fn missing(app: &App) -> Result<Vec<String>, Error> {
    walk::missing(app, app.storage()).await
}

/// Whether a store is where the photos are, by another name: what is put into it stands there too.
///
/// # Errors
/// When a store does not answer.
pub async fn is_here(app: &App, store: &picup_storage::Storage) -> Result<bool, Error> {
    let now = app.now();
    let key = ObjectKey::new(AccountId::new(now), AssetId::new(now), ObjectRole::Original, 1, "probe");
    store.put(&key, Bytes::from_static(b"Is this the same place?")).await?;
    let found = app.storage().open_object(&key).await;
    store.delete(&key).await?;
    match found {
        Ok(_) => Ok(true),
        Err(picup_storage::Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the store has nothing of what the database counts: then another place is there than should be, such as the empty folder
/// that a disk is mounted at. `false` where it cannot be told now.
pub async fn is_gone(app: &App) -> bool {
    let Ok(Some(key)) = walk::first(app).await else { return false };
    // At every start but the sad one that one stands there, and no list is needed.
    let stands = app.storage().open_object(&key).await;
    matches!(stands, Err(picup_storage::Error::NotFound(_))) && app.storage().list().next().await.is_none()
}

/// Whether a store holds objects that this PicUp knows nothing of: then it is somebody else's.
///
/// # Errors
/// When the database or the store does not answer.
pub async fn holds_strange(app: &App, store: &picup_storage::Storage) -> Result<Option<String>, Error> {
    walk::strange(app, store).await
}
