//! The right to media of somebody else's, as signed addresses: for what is shared, and for no longer than a few minutes, so that
//! a share that is revoked closes soon. For one's own library there are cookies.

use picup_delivery::AddressRange;
use picup_domain::{AccountId, AssetId, ObjectKey};

use crate::{App, Error};

/// For how long an address opens at least, in seconds, and for less than twice as long. All through a window of that length it is
/// the same, so that browsers and edges keep what it opens.
pub(crate) const WINDOW_SECONDS: u64 = 300;

/// Which of an asset's media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What may be looked at.
    View,
    /// The original, too.
    All,
}

/// The query with which an asset's media open.
pub(crate) fn right(app: &App, owner: AccountId, asset: AssetId, extent: Extent) -> Result<String, Error> {
    let folder = match extent {
        Extent::View => ObjectKey::view_prefix(owner, asset),
        Extent::All => ObjectKey::asset_prefix(owner, asset),
    };
    let key = app.inner.secrets.media_key.borrow().clone();
    let now = app.now().epoch_s();
    app.inner
        .window
        .folder(&key, &app.settings().public_base, &format!("/{folder}"), bound(app)?, now, WINDOW_SECONDS)
        .map_err(|error| Error::Internal(format!("signing what is shared: {error}")))
}

/// For whom alone what opens media is to be good: the client who asks, where that is configured.
///
/// # Errors
/// When it is, and nobody knows who asks.
pub(crate) fn bound(app: &App) -> Result<Option<AddressRange>, Error> {
    if !app.settings().bind_media {
        return Ok(None);
    }
    let unknown = || Error::Internal("what opens media is to be bound to an address that is not known".to_owned());
    app.client.map(AddressRange::of).map(Some).ok_or_else(unknown)
}
