//! Changes to many assets of an owner's at once, of which each ends in its own way.

use std::collections::BTreeSet;

use picup_domain::{AccountId, AlbumId, AssetId, ObjectKey};

use crate::{Asset, Error, Write};

/// What came of moving assets into the trash, out of it, or away, or of marking them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moved {
    /// Those that moved, as they were before.
    pub done: Vec<Asset>,
    /// Those of the owner's that are not where they would have to move from.
    pub unchanged: Vec<AssetId>,
    /// The albums whose count or cover may have changed.
    pub albums: Vec<AlbumId>,
    /// Of assets that are gone: the keys of objects that were whole and are marked to be removed.
    pub keys: Vec<ObjectKey>,
}

impl Moved {
    /// Those that moved.
    pub(crate) fn ids(&self) -> Vec<AssetId> {
        self.done.iter().map(|asset| asset.id).collect()
    }
}

impl Write {
    /// Looks up what is to move, after keeping others from moving assets of the same owner until this transaction ends, on
    /// engines with many writers. `moves` says whether an asset does; with `None` it is as if there were no such asset.
    pub(crate) async fn moving(
        &mut self,
        owner: AccountId,
        assets: &[AssetId],
        moves: impl Fn(&Asset) -> Option<bool>,
    ) -> Result<Moved, Error> {
        self.usage_lock(owner).await?;
        let named: Vec<AssetId> = assets.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut moved = Moved::default();
        for asset in self.asset_list_by_id(owner, &named).await? {
            match moves(&asset) {
                Some(true) => moved.done.push(asset),
                Some(false) => moved.unchanged.push(asset.id),
                None => {}
            }
        }
        Ok(moved)
    }
}
