//! What an asset's owner changes of it by hand. It counts more than what its bytes say, also when they are looked at later.

use picup_domain::{AccountId, AssetId, CaptureTime, Description};

use crate::statement::Statement;
use crate::{Asset, Error, Write};

/// What is to change; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AssetEdit {
    /// Whether it is among the favourites.
    pub favourite: Option<bool>,
    /// What is written about it; `Some(None)` removes it.
    pub description: Option<Option<Description>>,
    /// When it was taken.
    pub capture: Option<CaptureTime>,
}

impl Write {
    /// Changes an owner's asset, moves it to its right day, and gives it as it was before. One in the trash is left as it is.
    /// `None` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn asset_edit(
        &mut self,
        owner: AccountId,
        id: AssetId,
        edit: &AssetEdit,
    ) -> Result<Option<Asset>, Error> {
        self.usage_lock(owner).await?;
        let Some(before) = self.asset_by_id(owner, id).await? else { return Ok(None) };
        if before.trashed_at.is_some() {
            return Ok(Some(before));
        }
        let capture = edit.capture.unwrap_or(before.facts.capture);
        let description = edit.description.as_ref().unwrap_or(&before.description);
        let sql = "UPDATE assets SET favourite = ?, description = ?, captured_at = ?, captured_local = ?, \
                   offset_minutes = ?, capture_source = ?, local_day = ? WHERE id = ? AND owner = ?";
        let statement = Statement::new("asset_edit", sql)
            .int(edit.favourite.unwrap_or(before.favourite))
            .maybe_text(description.as_ref().map(Description::as_str))
            .time(capture.at)
            .time(capture.local)
            .maybe_int(capture.offset_minutes)
            .text(capture.source.as_str())
            .day(capture.day())
            .id(&id)
            .id(&owner);
        self.run(statement).await?;
        self.timeline_move(&before, capture.day()).await?;
        Ok(Some(before))
    }
}
