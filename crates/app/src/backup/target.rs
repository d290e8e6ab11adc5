//! A destination as this process works with it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use picup_database::Pace;
use picup_domain::{DestinationId, ObjectKey};
use picup_storage::{Backup, BackupName};
use tokio::sync::Notify;

/// Copies of up to so many bytes tell how long a small one takes.
const SMALL: u64 = 64 << 10;
/// How much a new measurement counts against those before it.
const WEIGHT: f64 = 0.1;

/// A destination: its name in the configuration, and the store.
#[derive(Debug)]
pub struct Target {
    name: String,
    backup: Backup,
    id: OnceLock<DestinationId>,
    wake: Notify,
    measured: Mutex<Measured>,
    /// One for this, and one for each copy that is being made.
    at_work: Arc<()>,
}

#[derive(Debug, Default)]
struct Measured {
    bytes_per_second: Option<f64>,
    latency: Option<f64>,
}

impl Target {
    /// A destination that the configuration names.
    #[must_use]
    pub fn new(name: String, backup: Backup) -> Self {
        Self {
            name,
            backup,
            id: OnceLock::new(),
            wake: Notify::new(),
            measured: Mutex::default(),
            at_work: Arc::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn backup(&self) -> &Backup {
        &self.backup
    }

    pub(super) fn id(&self) -> Option<DestinationId> {
        self.id.get().copied()
    }

    pub(super) fn set_id(&self, id: DestinationId) {
        let _ = self.id.set(id);
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be something to do.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// To be held while a copy is made.
    pub(super) fn at_work(&self) -> Arc<()> {
        Arc::clone(&self.at_work)
    }

    pub(super) fn is_at_work(&self) -> bool {
        Arc::strong_count(&self.at_work) > 1
    }

    /// What a copy of an object is called there.
    pub(super) fn name_of(&self, key: &ObjectKey, generation: u32) -> BackupName {
        BackupName::Object { key: key.clone(), generation, sealed: self.backup.seals_media() }
    }

    /// One copy took so long.
    pub(super) fn took(&self, bytes: u64, time: Duration) {
        if bytes <= SMALL {
            let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
            mix(&mut measured.latency, time.as_secs_f64());
        }
    }

    /// So many bytes were copied in that time, while there was no lack of work.
    pub(super) fn moved(&self, bytes: u64, time: Duration) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        mix(&mut measured.bytes_per_second, bytes as f64 / time.as_secs_f64());
    }

    pub(super) fn pace(&self) -> Option<Pace> {
        let measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let (speed, latency) = (measured.bytes_per_second?, measured.latency.unwrap_or_default());
        Some(Pace { bytes_per_second: speed as u64, latency_micros: (latency * 1e6) as u64 })
    }
}

fn mix(kept: &mut Option<f64>, new: f64) {
    *kept = Some(kept.map_or(new, |kept| kept * (1.0 - WEIGHT) + new * WEIGHT));
}
