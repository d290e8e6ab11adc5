//! The moving part of a live photo: columns of its asset. Its upload's and its object's rows are those modules' business.

use picup_domain::{AccountId, AssetId, MotionState, Sha256};

use crate::statement::{Statement, runs};
use crate::{Error, Motion, Read, Write};

impl Read {
    /// Which of those hashes the moving parts of an owner's live photos were declared with, in any state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn motion_known_sha256(&mut self, owner: AccountId, hashes: &[Sha256]) -> Result<Vec<Sha256>, Error> {
        let mut known = Vec::new();
        for run in runs(hashes) {
            let sql = "SELECT motion_sha256 FROM assets WHERE owner = ? AND motion_sha256";
            let statement = Statement::among("motion_known_sha256", sql, run.len()).id(&owner).ids(run);
            for row in self.all(statement).await? {
                known.push(row.id("motion_sha256")?);
            }
        }
        Ok(known)
    }
}

impl Write {
    /// Gives an asset its moving part, whose hash is not proved yet. `false` when the asset has one already, or is gone.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn motion_insert(&mut self, owner: AccountId, asset: AssetId, motion: &Motion) -> Result<bool, Error> {
        let sql = "UPDATE assets SET motion_bytes = ?, motion_sha256 = ?, motion_file_name = ?, motion_state = ? \
                   WHERE id = ? AND owner = ? AND motion_state IS NULL";
        let statement = Statement::new("motion_insert", sql)
            .size(motion.bytes)
            .id(&motion.sha256)
            .text(motion.file_name.as_str())
            .text(motion.state.as_str())
            .id(&asset)
            .id(&owner);
        self.changed(statement).await
    }

    /// Records what reading a moving part back has shown. `false` when that is known, or the asset is gone.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn motion_finish(&mut self, owner: AccountId, asset: AssetId, state: MotionState) -> Result<bool, Error> {
        let sql = "UPDATE assets SET motion_state = ? WHERE id = ? AND owner = ? AND motion_state = ?";
        let statement = Statement::new("motion_finish", sql)
            .text(state.as_str())
            .id(&asset)
            .id(&owner)
            .text(MotionState::Processing.as_str());
        self.changed(statement).await
    }

    /// Takes a moving part back that was marked damaged because nobody could look at it, to be looked at again. `false` when it
    /// is not damaged, or gone.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn motion_reopen(&mut self, owner: AccountId, asset: AssetId) -> Result<bool, Error> {
        let sql = "UPDATE assets SET motion_state = ? WHERE id = ? AND owner = ? AND motion_state = ?";
        let statement = Statement::new("motion_reopen", sql)
            .text(MotionState::Processing.as_str())
            .id(&asset)
            .id(&owner)
            .text(MotionState::Damaged.as_str());
        self.changed(statement).await
    }
}
