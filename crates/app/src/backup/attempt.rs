//! One attempt at a copy: where it comes from, what its failure says of the destination, and when the next one may be.

use std::time::Duration;

use picup_database::CopyClaim;
use picup_storage::{Error as Storage, Expected, Stored};

use super::heal;
use super::target::Target;
use crate::App;

/// Makes one copy, from the primary store, or if that has lost the object or its disk cannot read it, from another copy, which heals
/// it on the way.
pub(super) async fn copy(app: &App, target: &Target, claim: &CopyClaim) -> Result<Stored, Storage> {
    let name = target.name_of(&claim.key, claim.generation);
    let expected = Expected { bytes: claim.bytes.get(), sha256: Some(claim.sha256) };
    let from_primary = || app.storage().read_whole(&claim.key);
    match target.backup().keep(&name, from_primary(), expected, claim.attempt > 1).await {
        Err(lost @ (Storage::SourceDiffers | Storage::NotFound(_) | Storage::Io { .. })) => {
            if heal::primary(app, &claim.key, expected).await {
                target.backup().keep(&name, from_primary(), expected, true).await
            } else {
                Err(lost)
            }
        }
        kept => kept,
    }
}

/// Whether it is the destination, or the machine, that does not work, and the next copy would fail too. What cannot be read of the
/// disk of the primary store is that object's trouble.
pub(super) const fn is_away(error: &Storage) -> bool {
    matches!(
        error,
        Storage::Remote { .. } | Storage::Full | Storage::Folder { .. } | Storage::Taken(_) | Storage::NotAsWritten(_)
    )
}

/// 2, 4, 8 … seconds, at most `longest`, give or take a quarter so that many do not come back at once.
pub(super) fn backoff(attempt: u32, longest: u64) -> Duration {
    let whole = Duration::from_secs(2_u64.saturating_pow(attempt.min(16)).min(longest));
    whole.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
