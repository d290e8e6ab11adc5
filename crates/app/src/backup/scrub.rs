//! Scrubbing: everything is read again within a time, what was never read and what was read longest ago first, in the primary
//! store and at every destination. What is not as it was is healed from where it is good, and what cannot be is said.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use picup_database::{KeptCopy, Object};
use picup_domain::{DestinationId, ObjectKey, ObjectRole, Timestamp};
use picup_storage::{BackupName, Error as Storage, Expected, Stored, crash_point};
use tokio_util::sync::CancellationToken;

use super::target::Target;
use super::{AGAIN, PRIMARY, PRIMARY_NAME, heal, rest};
use crate::read_back::{Found as ReadBack, read_back};
use crate::{App, Error, process};

const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How many are read in one go.
const BATCH: u32 = 64;
/// How many are read at once.
const AT_ONCE: usize = 4;
/// In each round at least so many are read, if any are due.
const LEAST: u64 = 16;
/// More than so many that cannot be read are a store that is away.
const AWAY: usize = 256;

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
        self.good + self.healed + self.lost
    }
}

/// What could not be read in a store. It stays first in the order of what is due, and all else is read before it is tried again.
type Unread = HashSet<ObjectKey>;
pub(super) type UnreadOf = HashMap<DestinationId, Unread>;

/// Works until it is told to stop.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let Some(within) = app.settings().backup.scrub_within else { return };
    let mut unread = UnreadOf::new();
    while rest(&stop, LOOK_EVERY).await {
        tokio::select! {
            () = stop.cancelled() => return,
            result = round(&app, within, &mut unread) => if let Err(error) = result {
                tracing::warn!(error = error.story(), "reading everything again goes on later");
                rest(&stop, AGAIN).await;
            }
        }
    }
}

/// A store, by what is read of it: the primary one, or a destination.
type Store<'a> = Option<(&'a Target, DestinationId)>;

/// One round: what is due, and no more of it at once than keeps the pace.
pub(super) async fn round(app: &App, within: Duration, unread: &mut UnreadOf) -> Result<(), Error> {
    let before = app.now().minus(within);
    let rounds = (within.as_secs() / LOOK_EVERY.as_secs()).max(1);
    // Twice as fast as would do, so that a day without a worker is made up for.
    let most = |all: u64| (2 * all / rounds).max(LEAST);
    for (target, id) in app.inner.targets.enlisted() {
        let counts = app.database().read_fresh().await?.copy_counts(id).await?;
        let copies = counts.iter().map(|count| count.copies).sum();
        some(app, Some((target, id)), before, most(copies), unread.entry(id).or_default()).await?;
    }
    let counts = app.database().read_fresh().await?.asset_counts().await?;
    let assets = counts.processing + counts.ready + counts.unviewable + counts.damaged;
    some(app, None, before, most(assets.saturating_mul(3)), unread.entry(PRIMARY).or_default()).await
}

/// Reads at least so many, as far as they are due and can be read.
async fn some(app: &App, store: Store<'_>, before: Timestamp, most: u64, unread: &mut Unread) -> Result<(), Error> {
    let mut read = 0;
    while read < most {
        let found = batch(app, store, before, unread).await?;
        if found.read() == 0 {
            // All else was read, or nothing can be.
            if found.unread == 0 || unread.len() > AWAY {
                unread.clear();
            }
            break;
        }
        read += found.read();
    }
    Ok(())
}

/// Reads everything once, whenever it was last read: the primary store, then each destination.
///
/// # Errors
/// When the database cannot answer. What cannot be read is counted.
pub async fn everything(app: &App, mut watch: impl FnMut(&str, Scrubbed)) -> Result<Scrubbed, Error> {
    let mut all = Scrubbed::default();
    let begun = app.now();
    let destinations = app.inner.targets.enlisted().map(|(target, id)| Some((&**target, id)));
    for store in std::iter::once(None).chain(destinations) {
        let (mut part, mut unread) = (Scrubbed::default(), Unread::new());
        while unread.len() <= AWAY {
            let found = batch(app, store, begun, &mut unread).await?;
            if found.read() + found.unread == 0 {
                break;
            }
            part.add(found);
            watch(store.map_or(PRIMARY_NAME, |(target, _)| target.name()), part);
        }
        all.add(part);
    }
    Ok(all)
}

/// Reads what was last read before a moment, a number of things at once, but for what could not be read before.
async fn batch(app: &App, store: Store<'_>, before: Timestamp, unread: &mut Unread) -> Result<Scrubbed, Error> {
    let name = store.map_or(PRIMARY_NAME, |(target, _)| target.name());
    let found = match store {
        None => primary(app, before, unread).await?,
        Some((target, id)) => copies_of(app, target, id, before, unread).await?,
    };
    app.inner.metrics.backup.scrubbed(name, found);
    Ok(found)
}

/// How one object or copy was found.
enum Found {
    Good,
    Broken(String),
    /// The disk cannot read it: elsewhere it may be good.
    Unreadable(String),
    Unread,
}

fn limit(unread: &Unread) -> u32 {
    BATCH.saturating_add(u32::try_from(unread.len()).unwrap_or(u32::MAX))
}

async fn primary(app: &App, before: Timestamp, unread: &mut Unread) -> Result<Scrubbed, Error> {
    let mut due = app.database().read_fresh().await?.object_list_unproved(before, limit(unread)).await?;
    due.retain(|object| !unread.contains(&object.key));
    let found = stream::iter(due).map(|object| async move {
        let found = look_at(app, &object).await;
        (object, found)
    });
    let found: Vec<(Object, Found)> = found.buffer_unordered(AT_ONCE).collect().await;
    let (mut scrubbed, mut read) = (Scrubbed::default(), Vec::new());
    for (object, found) in found {
        let (why, certain) = match found {
            Found::Good => {
                scrubbed.good += 1;
                read.push(object.key);
                continue;
            }
            Found::Unread => {
                scrubbed.unread += 1;
                unread.insert(object.key);
                continue;
            }
            Found::Broken(why) => (why, true),
            Found::Unreadable(why) => (why, false),
        };
        match mend(app, &object).await? {
            Mended::Gone => {}
            Mended::Healed => scrubbed.healed += 1,
            Mended::Not if certain => {
                scrubbed.lost += 1;
                lost(app, &object, &why).await?;
                // It is told of once, and looked at again with all the others.
                read.push(object.key);
            }
            Mended::Not => {
                tracing::warn!(key = %object.key, why, "an object cannot be read, and no copy of it is good");
                scrubbed.unread += 1;
                unread.insert(object.key);
            }
        }
    }
    let mut write = app.database().write().await?;
    write.object_proved(&read, app.now()).await?;
    write.commit().await?;
    crash_point!("scrub-recorded");
    Ok(scrubbed)
}

async fn look_at(app: &App, object: &Object) -> Found {
    match read_back(app, &object.key, object.bytes, object.sha256).await {
        Ok(ReadBack::Expected(_)) => Found::Good,
        Ok(ReadBack::Other(_)) => Found::Broken("its bytes are not what they were".to_owned()),
        Ok(ReadBack::Missing) => Found::Broken("it is missing".to_owned()),
        Err(error @ Storage::Io { .. }) => Found::Unreadable(error.to_string()),
        Err(error) => {
            tracing::warn!(key = %object.key, %error, "an object cannot be read");
            Found::Unread
        }
    }
}

/// What came of healing an object.
enum Mended {
    /// It was deleted while it was looked at.
    Gone,
    Healed,
    Not,
}

async fn mend(app: &App, object: &Object) -> Result<Mended, Error> {
    let still = app.database().read_fresh().await?.object_by_key(&object.key).await?;
    if still.is_none_or(|still| still.state != object.state) {
        return Ok(Mended::Gone);
    }
    let expected = Expected { bytes: object.bytes.get(), sha256: object.sha256 };
    Ok(if heal::primary(app, &object.key, expected).await { Mended::Healed } else { Mended::Not })
}

async fn lost(app: &App, object: &Object, why: &str) -> Result<(), Error> {
    tracing::error!(key = %object.key, why, "an object is lost or changed, and no copy of it is good");
    if matches!(object.key.role(), ObjectRole::Original | ObjectRole::Motion) {
        process::mark_lost(app, &object.key, "what is stored is not what it was, and no copy of it is good").await?;
    }
    Ok(())
}

async fn copies_of(
    app: &App,
    target: &Target,
    id: DestinationId,
    before: Timestamp,
    unread: &mut Unread,
) -> Result<Scrubbed, Error> {
    let mut scrubbed = Scrubbed::default();
    let mut due = app.database().read_fresh().await?.copy_list_unproved(id, before, limit(unread)).await?;
    due.retain(|copy| !unread.contains(&copy.key));
    if due.is_empty() {
        return Ok(scrubbed);
    }
    if let Err(error) = target.backup().claim(id, false).await {
        tracing::warn!(destination = target.name(), %error, "copies cannot be read");
        scrubbed.unread = due.len() as u64;
        unread.extend(due.into_iter().map(|copy| copy.key));
        return Ok(scrubbed);
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
            Found::Unread | Found::Unreadable(_) => {
                scrubbed.unread += 1;
                unread.insert(copy.key);
            }
            Found::Broken(why) => {
                tracing::warn!(destination = target.name(), key = %copy.key, why, "a copy is not as it was; it is made anew");
                write.copy_broken(id, &copy, &why, app.now()).await?;
                scrubbed.healed += 1;
            }
        }
    }
    scrubbed.good = good.len() as u64;
    write.copy_proved(id, &good, app.now()).await?;
    write.commit().await?;
    crash_point!("scrub-copies-recorded");
    target.wake();
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
