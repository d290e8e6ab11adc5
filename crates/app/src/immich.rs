//! What Immich's uploaders ask that PicUp's own clients do not: which files are here by their SHA-1, and how many there are.

use picup_domain::{AccountId, AssetId, AssetKind, Sha1};

use crate::asset::{self, original_key};
use crate::{App, Error};

/// How many assets there are outside the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Photos.
    pub photos: u64,
    /// Videos.
    pub videos: u64,
    /// These, and what is neither.
    pub total: u64,
}

/// The owner's asset for each SHA-1, where there is one that is safe: its original was read back and proved, it stands in the
/// store, and it is not in the trash. Uploaders delete their own copy on such an answer, so everything else is "not here": a
/// file in the trash is restored when it is sent, and one that waits for its worker is recognised when it is sent.
///
/// # Errors
/// When the database or the store cannot answer.
pub async fn kept(app: &App, owner: AccountId, files: &[Sha1]) -> Result<Vec<Option<AssetId>>, Error> {
    let mut kept = Vec::with_capacity(files.len());
    let mut read = app.database().read_fresh().await?;
    for sha1 in files {
        kept.push(read.asset_verified_by_sha1(owner, sha1).await?);
    }
    drop(read);
    let mut ids = Vec::with_capacity(kept.len());
    for row in kept {
        ids.push(match row {
            Some(row) if asset::stands(app, &original_key(owner, row.id, &row.file_name), row.bytes).await? => {
                Some(row.id)
            }
            _ => None,
        });
    }
    Ok(ids)
}

/// How many assets an owner has.
///
/// # Errors
/// When the database cannot answer.
pub async fn statistics(app: &App, owner: AccountId) -> Result<Statistics, Error> {
    let mut read = app.database().read().await?;
    let photos = read.asset_count(owner, AssetKind::Photo).await?;
    let videos = read.asset_count(owner, AssetKind::Video).await?;
    let others = read.asset_count(owner, AssetKind::Other).await?;
    Ok(Statistics { photos, videos, total: photos + videos + others })
}
