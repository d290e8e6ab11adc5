//! What an account has already, by what it is: the assets of a content.

use picup_domain::{AccountId, Sha1, Sha256};

use crate::asset::{asset, select_asset};
use crate::statement::{Statement, runs};
use crate::{Asset, Error, Read};

impl Read {
    /// Which of those hashes an owner's assets were declared with, in any state, in the trash or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_known_sha256(&mut self, owner: AccountId, hashes: &[Sha256]) -> Result<Vec<Sha256>, Error> {
        let mut known = Vec::new();
        for run in runs(hashes) {
            let sql = "SELECT sha256 FROM assets WHERE owner = ? AND sha256";
            for row in self.all(Statement::among("asset_known_sha256", sql, run.len()).id(&owner).ids(run)).await? {
                known.push(row.id("sha256")?);
            }
        }
        Ok(known)
    }

    /// The owner's newest asset outside the trash whose stored original was proved to have that hash.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_verified_by_sha256(
        &mut self,
        owner: AccountId,
        sha256: &Sha256,
    ) -> Result<Option<Asset>, Error> {
        let sql = select_asset!(
            "WHERE owner = ? AND sha256 = ? AND trashed_at IS NULL AND state IN ('ready', 'unviewable') \
             ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_verified_by_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's oldest asset outside the trash that was declared with that hash and whose original was not read back yet.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_unproved_by_sha256(
        &mut self,
        owner: AccountId,
        sha256: &Sha256,
    ) -> Result<Option<Asset>, Error> {
        let sql = select_asset!(
            "WHERE owner = ? AND sha256 = ? AND trashed_at IS NULL AND state = 'processing' ORDER BY id LIMIT 1"
        );
        let statement = Statement::new("asset_unproved_by_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's newest asset in the trash that was declared with that hash and is not known to be damaged.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_trashed_by_sha256(&mut self, owner: AccountId, sha256: &Sha256) -> Result<Option<Asset>, Error> {
        let sql = select_asset!(
            "WHERE owner = ? AND sha256 = ? AND trashed_at IS NOT NULL AND state <> 'damaged' ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_trashed_by_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's newest asset outside the trash whose stored original was proved and has that SHA-1.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_verified_by_sha1(&mut self, owner: AccountId, sha1: &Sha1) -> Result<Option<Asset>, Error> {
        let sql = select_asset!(
            "WHERE owner = ? AND sha1 = ? AND trashed_at IS NULL AND state IN ('ready', 'unviewable') \
             ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_verified_by_sha1", sql).id(&owner).id(sha1);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }

    /// The owner's newest live photo, in the trash or not, whose moving part was declared with that hash and is not known to be
    /// damaged.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asset_by_motion_sha256(&mut self, owner: AccountId, sha256: &Sha256) -> Result<Option<Asset>, Error> {
        let sql = select_asset!(
            "WHERE owner = ? AND motion_sha256 = ? AND motion_state <> 'damaged' ORDER BY id DESC LIMIT 1"
        );
        let statement = Statement::new("asset_by_motion_sha256", sql).id(&owner).id(sha256);
        self.one(statement).await?.as_ref().map(asset).transpose()
    }
}
