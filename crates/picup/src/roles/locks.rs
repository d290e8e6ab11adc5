//! Who may work on a data folder: one process that does all, or several that each play their part.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use picup_database::{Alone, Part};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::rooms;

/// Held by whoever works on a data folder, alone or together with others.
pub(super) const LOCK: &str = "serve.lock";
/// Held by the one that works in the background there, where several play their parts.
const WORKER_LOCK: &str = "worker.lock";
/// Held by the one that answers, where no more may.
const REQUESTS_LOCK: &str = "requests.lock";
/// How long one that was just killed may take to let go of the folder, and how often that is looked at.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// What a process holds of its data folder while it plays its part. Those that each play some hold it together, and what one of them
/// does alone has a lock of its own.
pub(super) async fn locks(data_dir: &Path, part: &Part) -> anyhow::Result<Vec<File>> {
    let Part::Some(alone) = part else { return Ok(vec![lock(data_dir).await?]) };
    let busy = "a PicUp that plays all roles is serving";
    let mut locks = vec![wait_for(data_dir, LOCK, FlockOperation::NonBlockingLockShared, busy).await?];
    for alone in alone {
        let (name, busy) = match alone {
            Alone::Work => (WORKER_LOCK, "another PicUp is the worker of"),
            Alone::Requests => {
                (REQUESTS_LOCK, "where photos are in a folder, one PicUp answers, and another is answering for")
            }
        };
        locks.push(wait_for(data_dir, name, FlockOperation::NonBlockingLockExclusive, busy).await?);
    }
    Ok(locks)
}

/// Two servers on one folder would each believe that uploads are theirs alone, and one that serves what is being moved or restored
/// would lose what it writes. Makes the folder if there is none. The lock goes with the process, however it ends,
/// or a moment later: a child that it was just starting holds it too, until it has become another program.
pub(crate) async fn lock(data_dir: &Path) -> anyhow::Result<File> {
    wait_for(data_dir, LOCK, FlockOperation::NonBlockingLockExclusive, "another PicUp is serving").await
}

async fn wait_for(data_dir: &Path, name: &str, operation: FlockOperation, busy: &str) -> anyhow::Result<File> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match try_lock_of(data_dir, name, operation)? {
            Some(file) => return Ok(file),
            None if Instant::now() < deadline => tokio::time::sleep(LOCK_LOOK).await,
            None => bail!("{busy} {}; stop it first, or use another --data-dir", data_dir.display()),
        }
    }
}

/// The lock of one that works on a folder alone, without waiting; `None` when another PicUp is serving the folder.
pub(crate) fn try_lock(data_dir: &Path) -> anyhow::Result<Option<File>> {
    try_lock_of(data_dir, LOCK, FlockOperation::NonBlockingLockExclusive)
}

fn try_lock_of(data_dir: &Path, name: &str, operation: FlockOperation) -> anyhow::Result<Option<File>> {
    rooms::make_private(data_dir)?;
    let path = data_dir.join(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("opening {}", path.display()))?;
    match rustix::fs::flock(&file, operation) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}
