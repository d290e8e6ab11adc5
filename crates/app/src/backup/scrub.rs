//! Scrubbing: everything is read again within a time, what was never read and what was read longest ago first, in the primary
//! store and at every destination. What is not as it was is healed from where it is good, and what cannot be is said.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use picup_database::{KeptCopy, Object};
use picup_domain::{DestinationId, ObjectKey, ObjectRole, Timestamp};
use picup_storage::{BackupName, Error as Storage, Expected, Stored, crash_point};
use tokio_util::sync::CancellationToken;

use super::target::Target;
use super::{AGAIN, heal, rest};
use crate::{App, Error, process};

const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How many are read in one go.
const BATCH: u32 = 64;
/// How many are read at once.
const AT_ONCE: usize = 4;
/// In each round at least so many are read, if any are due.
const LEAST: u64 = 16;

/// What scrubbing has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Read, and as they were.
    pub good: u64,
    /// Not as they were, and healed; a copy is made anew by whoever makes copies.
    pub healed: u64,
    /// Not as they were, and no good copy anywhere.
    pub lost: u64,
    /// Could not be read at the moment.
    pub unread: u64,
}

impl Scrubbed {
    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.healed += other.healed;
        self.lost += other.lost;
        self.unread += other.unread;
    }

    const fn read(&self) -> u64 {
        self.good + self.healed + self.lost + self.unread
    }
}

/// Works until it is told to stop.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let Some(within) = app.settings().backup.scrub_within else { return };
    while rest(&stop, LOOK_EVERY).await {
        tokio::select! {
            () = stop.cancelled() => return,
            result = round(&app, within) => if let Err(error) = result {
                tracing::warn!(error = error.story(), "reading everything again goes on later");
                rest(&stop, AGAIN).await;
            }
        }
    }
}

/// One round: what is due, and no more of it at once than keeps the pace.
async fn round(app: &App, within: Duration) -> Result<(), Error> {
    let before = app.now().minus(within);
    let rounds = (within.as_secs() / LOOK_EVERY.as_secs()).max(1);
    for (target, id) in app.inner.targets.enlisted() {
        let counts = app.database().read_fresh().await?.copy_counts(id).await?;
        let copies: u64 = counts.iter().map(|count| count.copies).sum();
        // Twice as fast as would do, so that a day without a worker is made up for.
        copies_of(app, target, id, before, (2 * copies / rounds).max(LEAST)).await?;
    }
    let counts = app.database().read_fresh().await?.asset_counts().await?;
    let assets = counts.processing + counts.ready + counts.unviewable + counts.damaged;
    let objects = assets.saturating_mul(3);
    primary(app, before, (2 * objects / rounds).max(LEAST)).await?;
    Ok(())
}

/// Reads everything once, whenever it was last read: the primary store, then each destination.
///
/// # Errors
/// When the database cannot answer. What cannot be read is counted.
pub async fn everything(app: &App, mut watch: impl FnMut(&str, Scrubbed)) -> Result<Scrubbed, Error> {
    let mut all = Scrubbed::default();
    let begun = app.now();
    let mut part = Scrubbed::default();
    loop {
        let found = primary(app, begun, u64::from(BATCH)).await?;
        part.add(found);
        watch("primary", part);
        if found.read() == 0 || found.unread == found.read() {
            break;
        }
    }
    all.add(part);
    for (target, id) in app.inner.targets.enlisted() {
        let mut part = Scrubbed::default();
        loop {
            let found = copies_of(app, target, id, begun, u64::from(BATCH)).await?;
            part.add(found);
            watch(target.name(), part);
            if found.read() == 0 || found.unread == found.read() {
                break;
            }
        }
        all.add(part);
    }
    Ok(all)
}

/// How one object or copy was found.
enum Found {
    Good,
    Broken(String),
    Unread,
}

/// Reads up to `most` objects of the primary store that were last read before a moment.
async fn primary(app: &App, before: Timestamp, most: u64) -> Result<Scrubbed, Error> {
    let mut scrubbed = Scrubbed::default();
    while scrubbed.read() < most {
        let due = app.database().read_fresh().await?.object_list_unproved(before, BATCH).await?;
        if due.is_empty() {
            break;
        }
        let found = stream::iter(due).map(|object| async move {
            let found = look_at(app, &object).await;
            (object, found)
        });
        let found: Vec<(Object, Found)> = found.buffer_unordered(AT_ONCE).collect().await;
        let before_this = scrubbed.read();
        let mut read = Vec::new();
        for (object, found) in found {
            match found {
                Found::Good => {
                    scrubbed.good += 1;
                    read.push(object.key);
                }
                Found::Unread => scrubbed.unread += 1,
                Found::Broken(why) => mend(app, object, &why, &mut scrubbed, &mut read).await?,
            }
        }
        let mut write = app.database().write().await?;
        write.object_proved(&read, app.now()).await?;
        write.commit().await?;
        crash_point!("scrub-recorded");
        if scrubbed.unread > 0 || scrubbed.read() == before_this {
            break;
        }
    }
    app.inner.metrics.backup.scrubbed("primary", scrubbed);
    Ok(scrubbed)
}

async fn look_at(app: &App, object: &Object) -> Found {
    match app.storage().hash(&object.key).await {
        Ok(found) if Some(found.sha256) == object.sha256 && found.bytes == object.bytes.get() => Found::Good,
        Ok(_) => Found::Broken("its bytes are not what they were".to_owned()),
        Err(Storage::NotFound(_)) => Found::Broken("it is missing".to_owned()),
        Err(error) => {
            tracing::warn!(key = %object.key, %error, "an object cannot be read");
            Found::Unread
        }
    }
}

/// Heals an object of the primary store, or says that it cannot be.
async fn mend(
    app: &App,
    object: Object,
    why: &str,
    scrubbed: &mut Scrubbed,
    read: &mut Vec<ObjectKey>,
) -> Result<(), Error> {
    // It may have been deleted while it was looked at.
    let still = app.database().read_fresh().await?.object_by_key(&object.key).await?;
    if still.is_none_or(|still| still.state != object.state) {
        return Ok(());
    }
    let expected = Expected { bytes: object.bytes.get(), sha256: object.sha256 };
    if heal::primary(app, &object.key, expected).await {
        scrubbed.healed += 1;
        return Ok(());
    }
    scrubbed.lost += 1;
    tracing::error!(key = %object.key, why, "an object is lost or changed, and no copy of it is good");
    if matches!(object.key.role(), ObjectRole::Original | ObjectRole::Motion) {
        process::mark_lost(app, &object.key, "what is stored is not what it was, and no copy of it is good").await?;
    }
    // It is told of once, and looked at again with all the others.
    read.push(object.key);
    Ok(())
}

/// Reads up to `most` copies at a destination that were last proved before a moment.
async fn copies_of(
    app: &App,
    target: &Target,
    id: DestinationId,
    before: Timestamp,
    most: u64,
) -> Result<Scrubbed, Error> {
    let mut scrubbed = Scrubbed::default();
    while scrubbed.read() < most {
        let due = app.database().read_fresh().await?.copy_list_unproved(id, before, BATCH).await?;
        if due.is_empty() {
            break;
        }
        if let Err(error) = target.backup().claim(id, false).await {
            tracing::warn!(destination = target.name(), %error, "copies cannot be read");
            scrubbed.unread += due.len() as u64;
            break;
        }
        let found = stream::iter(due).map(|copy| async move {
            let found = prove(target, &copy).await;
            (copy, found)
        });
        let found: Vec<(KeptCopy, Found)> = found.buffer_unordered(AT_ONCE).collect().await;
        let mut good = Vec::new();
        let mut write = app.database().write().await?;
        for (copy, found) in found {
            match found {
                Found::Good => good.push(copy),
                Found::Unread => scrubbed.unread += 1,
                Found::Broken(why) => {
                    tracing::warn!(destination = target.name(), key = %copy.key, why, "a copy is not as it was; it is made anew");
                    write.copy_broken(id, &copy, &why, app.now()).await?;
                    scrubbed.healed += 1;
                }
            }
        }
        scrubbed.good += good.len() as u64;
        write.copy_proved(id, &good, app.now()).await?;
        write.commit().await?;
        crash_point!("scrub-copies-recorded");
        target.wake();
        if scrubbed.unread > 0 {
            break;
        }
    }
    app.inner.metrics.backup.scrubbed(target.name(), scrubbed);
    Ok(scrubbed)
}

async fn prove(target: &Target, copy: &KeptCopy) -> Found {
    let name: BackupName = target.name_of(&copy.key, copy.generation);
    let stored = Stored { bytes: copy.stored_bytes.get(), sha256: copy.stored_sha256 };
    match target.backup().prove(&name, &stored).await {
        Ok(()) => Found::Good,
        Err(error @ (Storage::Altered(_) | Storage::NotKept(_))) => Found::Broken(error.to_string()),
        Err(error) => {
            tracing::warn!(destination = target.name(), key = %copy.key, %error, "a copy cannot be read");
            Found::Unread
        }
    }
}
