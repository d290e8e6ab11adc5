//! What is learned of an asset by looking at its original. A better capture time keeps the timeline's day counts right in the
//! same transaction.

use picup_domain::{AccountId, AssetId, AssetState, CaptureSource, LocalDay, ObjectKey, ObjectRole, Sha1, Timestamp};

use crate::statement::Statement;
use crate::{AssetFacts, Error, Write};

impl Write {
    /// Records what processing learned and marks the asset ready; moves it to its right day, and tells which that is. A time
    /// that its owner has given stays. `None` when it is not processing (done already, or gone): nothing changed then.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_make_ready(
        &mut self,
        owner: AccountId,
        id: AssetId,
        facts: &AssetFacts,
    ) -> Result<Option<LocalDay>, Error> {
        self.asset_finish(owner, id, AssetState::Ready, facts).await
    }

    /// As [`Write::asset_make_ready`], for a verified original that no picture can be made from.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_make_unviewable(
        &mut self,
        owner: AccountId,
        id: AssetId,
        facts: &AssetFacts,
    ) -> Result<Option<LocalDay>, Error> {
        self.asset_finish(owner, id, AssetState::Unviewable, facts).await
    }

    /// Records the SHA-1 of an original that was proved, unless it is known.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_learn_sha1(&mut self, owner: AccountId, id: AssetId, sha1: &Sha1) -> Result<bool, Error> {
        let sql = "UPDATE assets SET sha1 = ? WHERE id = ? AND owner = ? AND sha1 IS NULL \
                   AND state IN ('ready', 'unviewable')";
        self.changed(Statement::new("asset_learn_sha1", sql).id(sha1).id(&id).id(&owner)).await
    }

    /// Marks an asset whose original could not be proved, with the reason among its details. `false` when it is not
    /// processing.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_make_damaged(&mut self, owner: AccountId, id: AssetId, details: &str) -> Result<bool, Error> {
        let sql = "UPDATE assets SET state = ?, details = ? WHERE id = ? AND owner = ? AND state = ?";
        let statement = Statement::new("asset_make_damaged", sql)
            .text(AssetState::Damaged.as_str())
            .text(details)
            .id(&id)
            .id(&owner)
            .text(AssetState::Processing.as_str());
        self.changed(statement).await
    }

    /// Takes an asset back that was marked damaged because nobody could look at it, to be looked at again. `false` when it is
    /// not damaged, or gone.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_reopen(&mut self, owner: AccountId, id: AssetId) -> Result<bool, Error> {
        let sql = "UPDATE assets SET state = ?, details = NULL WHERE id = ? AND owner = ? AND state = ?";
        let statement = Statement::new("asset_reopen", sql)
            .text(AssetState::Processing.as_str())
            .id(&id)
            .id(&owner)
            .text(AssetState::Damaged.as_str());
        self.changed(statement).await
    }

    /// Marks a proved asset damaged, because its original, or with `motion` its moving part, is lost. `false` when it is marked so
    /// already, not proved yet, or gone.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_lose(
        &mut self,
        owner: AccountId,
        id: AssetId,
        details: &str,
        motion: bool,
    ) -> Result<bool, Error> {
        let statement = if motion {
            let sql =
                "UPDATE assets SET motion_state = 'damaged' WHERE id = ? AND owner = ? AND motion_state = 'verified'";
            Statement::new("motion_lose", sql)
        } else {
            let sql = "UPDATE assets SET state = 'damaged', details = ? \
                       WHERE id = ? AND owner = ? AND state IN ('ready', 'unviewable')";
            Statement::new("asset_lose", sql).text(details)
        };
        self.changed(statement.id(&id).id(&owner)).await
    }

    /// Has a proved asset looked at again, because its pictures were lost: their rows go. `false` when it is gone, or not proved.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_look_again(&mut self, owner: AccountId, id: AssetId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE assets SET state = ?, rendition_version = 0, thumbnail_extension = NULL, preview_extension = NULL \
                   WHERE id = ? AND owner = ? AND state = ?";
        let statement = Statement::new("asset_look_again", sql).text(AssetState::Processing.as_str()).id(&id);
        if !self.changed(statement.id(&owner).text(AssetState::Ready.as_str())).await? {
            return Ok(false);
        }
        let pictures = self.object_list(id).await?.into_iter().map(|object| object.key);
        let is_picture = |key: &ObjectKey| matches!(key.role(), ObjectRole::Thumbnail | ObjectRole::Preview);
        let pictures: Vec<ObjectKey> = pictures.filter(is_picture).collect();
        for key in &pictures {
            self.object_doom(key).await?;
        }
        self.object_delete_all(&pictures, now).await?;
        Ok(true)
    }

    async fn asset_finish(
        &mut self,
        owner: AccountId,
        id: AssetId,
        state: AssetState,
        facts: &AssetFacts,
    ) -> Result<Option<LocalDay>, Error> {
        self.usage_lock(owner).await?;
        let Some(before) = self.asset_by_id(owner, id).await? else { return Ok(None) };
        let edited = before.facts.capture.source == CaptureSource::Edited;
        let capture = if edited { before.facts.capture } else { facts.capture };
        let sql = "UPDATE assets SET state = ?, kind = ?, captured_at = ?, captured_local = ?, offset_minutes = ?, \
                   capture_source = ?, local_day = ?, width = ?, height = ?, duration_ms = ?, placeholder = ?, \
                   camera_make = ?, camera_model = ?, lens = ?, details = ?, latitude = ?, longitude = ?, \
                   altitude = ?, rendition_version = ?, thumbnail_extension = ?, preview_extension = ? \
                   WHERE id = ? AND owner = ? AND state = ?";
        let day = capture.day();
        let statement = Statement::new("asset_finish", sql)
            .text(state.as_str())
            .text(facts.kind.as_str())
            .time(capture.at)
            .time(capture.local)
            .maybe_int(capture.offset_minutes)
            .text(capture.source.as_str())
            .day(day)
            .maybe_int(facts.width)
            .maybe_int(facts.height)
            .maybe_int(facts.duration_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)))
            .blob(facts.placeholder.as_deref())
            .maybe_text(facts.camera_make.as_deref())
            .maybe_text(facts.camera_model.as_deref())
            .maybe_text(facts.lens.as_deref())
            .maybe_text(facts.details.as_deref())
            .real(facts.latitude)
            .real(facts.longitude)
            .real(facts.altitude)
            .int(facts.rendition_version)
            .maybe_text(facts.thumbnail_extension.as_deref())
            .maybe_text(facts.preview_extension.as_deref())
            .id(&id)
            .id(&owner)
            .text(AssetState::Processing.as_str());
        if !self.changed(statement).await? {
            return Ok(None);
        }
        self.timeline_move(&before, day).await?;
        Ok(Some(day))
    }
}
