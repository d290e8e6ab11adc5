//! One asset and all that is known of it; and the end of assets.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use picup_database::{Moved, Read, Write};
use picup_domain::{AccountId, AssetId, AssetState, ByteSize, FileName, ObjectKey, ObjectRole, Timestamp};
use picup_storage::crash_point;
use serde::{Deserialize, Serialize};

pub use picup_database::{Asset as Row, Standing};

use crate::events::{self, Change};
use crate::media_right::{Extent, right};
use crate::{App, Error};

/// How many assets are deleted in one transaction: so few that nobody waits for it.
pub(crate) const AT_ONCE: u32 = 50;
/// How many files are removed at once.
const REMOVED_AT_ONCE: usize = 8;

/// Facts that are shown and never searched, kept as JSON beside the columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The aperture's f-number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// The exposure in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_seconds: Option<f64>,
    /// The sensitivity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// The focal length in millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
    /// Why there is nothing to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An asset and where its bytes are.
#[derive(Debug, Clone)]
pub struct Asset {
    /// What the database knows.
    pub row: Row,
    /// The rest.
    pub details: Details,
    /// The small picture.
    pub thumbnail: Option<ObjectKey>,
    /// The large picture; a video's still.
    pub preview: Option<ObjectKey>,
    /// The file as it was uploaded.
    pub original: ObjectKey,
    /// A live photo's moving part as it was uploaded.
    pub motion: Option<ObjectKey>,
    /// Where the original is safe.
    pub safety: Safety,
    /// Opens its media, as a query, when it is somebody else's who shares it with the caller.
    pub right: Option<String>,
}

/// In how many places an original stands, proved by its hash. The primary store is one, and every destination of copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safety {
    /// In how many.
    pub safe_in: u64,
    /// Of how many.
    pub places: u64,
}

/// What happened to one asset of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// It was so already.
    Unchanged,
    /// There is no such asset of the owner's.
    NotFound,
    /// It is not in the trash, and only what is can be deleted.
    NotTrashed,
}

/// All that is known of one asset: the caller's own, or one in an album that the caller sees.
///
/// # Errors
/// [`Error::NotFound`], also when it is somebody else's and not shared with the caller.
pub async fn fetch(app: &App, caller: AccountId, id: AssetId) -> Result<Asset, Error> {
    let mut read = app.database().read().await?;
    if let Some(row) = read.asset_by_id(caller, id).await? {
        return view(&mut read, row).await;
    }
    let owner = read.album_shows_to(caller, id).await?.ok_or(Error::NotFound("asset"))?;
    let mut row = read.asset_by_id(owner, id).await?.ok_or(Error::NotFound("asset"))?;
    row.favourite = false;
    let asset = view(&mut read, row).await?;
    Ok(Asset { right: Some(right(app, owner, id, Extent::All)?), ..asset })
}

/// All that follows from what the database knows of an asset.
pub(crate) async fn view(read: &mut Read, row: Row) -> Result<Asset, Error> {
    let (owner, id) = (row.owner, row.id);
    let original = original_key(owner, id, &row.file_name);
    let safety = safety(read, &original, row.state).await?;
    let details = row.facts.details.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let rendition = |role, extension: &Option<String>| {
        extension.as_deref().map(|extension| ObjectKey::new(owner, id, role, row.facts.rendition_version, extension))
    };
    Ok(Asset {
        thumbnail: rendition(ObjectRole::Thumbnail, &row.facts.thumbnail_extension),
        preview: rendition(ObjectRole::Preview, &row.facts.preview_extension),
        original,
        motion: row.motion.as_ref().map(|motion| motion_key(owner, id, &motion.file_name)),
        safety,
        details,
        row,
        right: None,
    })
}

async fn safety(read: &mut Read, original: &ObjectKey, state: AssetState) -> Result<Safety, Error> {
    let copies = read.copy_places(std::slice::from_ref(original)).await?.get(original).copied().unwrap_or(0);
    let proved = matches!(state, AssetState::Ready | AssetState::Unviewable);
    Ok(Safety { safe_in: copies + u64::from(proved), places: read.destination_count().await? + 1 })
}

/// How far assets have come, each in its turn; `None` for what is no asset of the owner's.
///
/// # Errors
/// When the database cannot answer.
pub async fn standings(
    app: &App,
    owner: AccountId,
    assets: &[AssetId],
) -> Result<Vec<(AssetId, Option<Standing>)>, Error> {
    let found = app.database().read_fresh().await?.asset_standings(owner, assets).await?;
    Ok(assets.iter().map(|id| (*id, found.get(id).copied())).collect())
}

/// Deletes assets of an owner's for ever, at most [`AT_ONCE`] of them: in one transaction what counts them, and right after it
/// their bytes. A crash between leaves what the reaper removes. With a moment given, only those that are in the trash since
/// then or longer. Renditions that are just being made go by the worker that makes them, or by the reaper.
pub(crate) async fn delete_forever(
    app: &App,
    owner: AccountId,
    assets: &[AssetId],
    trashed_until: Option<Timestamp>,
) -> Result<Moved, Error> {
    let mut write = app.database().write().await?;
    let moved = write.asset_erase(owner, assets, trashed_until).await?;
    tell(app, &mut write, owner, &moved).await?;
    crash_point!("delete-forever-written");
    write.commit().await?;
    crash_point!("delete-forever-committed");
    events::announce(app);
    remove(app, &moved.keys).await?;
    Ok(moved)
}

/// Commits what moved, with its events, and tells what happened to each of the assets that were named.
pub(crate) async fn commit_moved(
    app: &App,
    mut write: Write,
    owner: AccountId,
    named: &[AssetId],
    moved: &Moved,
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    tell(app, &mut write, owner, moved).await?;
    write.commit().await?;
    events::announce(app);
    Ok(outcomes(named, moved, Outcome::Unchanged))
}

/// Appends the events of what moved to the caller's transaction, as its last step.
async fn tell(app: &App, write: &mut Write, owner: AccountId, moved: &Moved) -> Result<(), Error> {
    let assets = moved.done.iter().map(|asset| Change::Asset { id: asset.id, state: asset.state, day: asset.day });
    let changes: Vec<Change> = assets.collect();
    events::append_all(write, owner, &changes, app.now()).await?;
    for id in &moved.albums {
        for account in write.album_people(*id).await? {
            events::append(write, account, Change::Album { id: *id }, app.now()).await?;
        }
    }
    Ok(())
}

/// What happened to each of the assets that were named; `otherwise` to those that did not move.
pub(crate) fn outcomes(named: &[AssetId], moved: &Moved, otherwise: Outcome) -> Vec<(AssetId, Outcome)> {
    let done: HashSet<AssetId> = moved.done.iter().map(|asset| asset.id).collect();
    let others: HashSet<AssetId> = moved.unchanged.iter().copied().collect();
    let outcome = |id: &AssetId| match (done.contains(id), others.contains(id)) {
        (true, _) => (*id, Outcome::Done),
        (false, true) => (*id, otherwise),
        (false, false) => (*id, Outcome::NotFound),
    };
    named.iter().map(outcome).collect()
}

/// Removes the bytes of objects that are marked for it, and forgets them. What cannot be removed now is left to the reaper.
pub(crate) async fn remove(app: &App, keys: &[ObjectKey]) -> Result<(), Error> {
    let removed = stream::iter(keys.to_vec()).map(|key| {
        let app = app.clone();
        async move {
            let removed = app.remove_object(&key).await;
            crash_point!("delete-forever-removed");
            match removed {
                Ok(()) => Some(key),
                Err(error) => {
                    tracing::warn!(%key, %error, "an object could not be removed; trying again");
                    None
                }
            }
        }
    });
    let gone: Vec<ObjectKey> = removed.buffer_unordered(REMOVED_AT_ONCE).filter_map(std::future::ready).collect().await;
    if gone.is_empty() {
        return Ok(());
    }
    let mut write = app.database().write().await?;
    write.object_delete_all(&gone, app.now()).await?;
    Ok(write.commit().await?)
}

/// Whether a verified object is there, as long as it was: one that got lost is not to keep its owner from sending it again.
pub(crate) async fn stands(app: &App, key: &ObjectKey, bytes: ByteSize) -> Result<bool, Error> {
    match app.storage().open_object(key).await {
        Ok(opened) => Ok(opened.bytes() == bytes.get()),
        Err(picup_storage::Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Where an asset's original is, from before there is an asset.
pub(crate) fn original_key(owner: AccountId, asset: AssetId, name: &FileName) -> ObjectKey {
    ObjectKey::new(owner, asset, ObjectRole::Original, 1, &name.extension())
}

/// Where the moving part of an asset is, from before it is one.
pub(crate) fn motion_key(owner: AccountId, asset: AssetId, name: &FileName) -> ObjectKey {
    ObjectKey::new(owner, asset, ObjectRole::Motion, 1, &name.extension())
}
