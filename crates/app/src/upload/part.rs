//! The second step: where parts go, and the parts themselves.

use bytes::Bytes;
use futures_util::Stream;
use picup_database::{Upload as Row, UploadState};
use picup_domain::{AccountId, Part, PartPlan, Sha256, Timestamp, UploadId};

use super::reserve::{stage, still_open};
use super::{PartAddress, Upload, invalid, row, staged};
use crate::{App, Error};

/// Parts one request may ask addresses for.
const TARGETS_AT_ONCE: usize = 100;
const NO_MORE_PARTS: Error = Error::Conflict("this upload takes no more parts");

/// Where one part goes.
#[derive(Debug, Clone)]
pub struct PartTarget {
    /// The part.
    pub number: u32,
    /// The address to PUT it to, of PicUp's own or of the store's.
    pub url: String,
    /// Headers to send with it.
    pub headers: Vec<(String, String)>,
    /// When the address ends.
    pub expires_at: Timestamp,
}

/// Where parts go: an address each, which carries its own right. Parts are named with their hashes.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when the upload takes no more parts; [`Error::Invalid`] for numbers the plan has not.
pub async fn part_targets(
    app: &App,
    owner: AccountId,
    id: UploadId,
    wanted: &[(u32, Sha256)],
) -> Result<Vec<PartTarget>, Error> {
    if wanted.is_empty() || wanted.len() > TARGETS_AT_ONCE {
        return Err(invalid("parts", format!("ask for 1 to {TARGETS_AT_ONCE} parts at once")));
    }
    let row = row(app, owner, id).await?;
    if row.state != UploadState::Open {
        return Err(NO_MORE_PARTS);
    }
    let plan = PartPlan::new(row.bytes)?;
    let part = |(number, sha256): &(u32, Sha256)| {
        let part = plan.part(*number);
        let part = part.ok_or_else(|| invalid("number", format!("this upload has parts 1 to {}", plan.count())))?;
        Ok((part, *sha256))
    };
    let parts: Vec<(Part, Sha256)> = wanted.iter().map(part).collect::<Result<_, Error>>()?;
    let life = app.settings().part_life;
    match app.storage().part_addresses(&staged(&row)?, wanted, life).await {
        Ok(Some(straight)) => Ok(straight.into_iter().map(|address| straight_target(app, address)).collect()),
        Ok(None) => Ok(parts.into_iter().map(|(part, sha256)| own_target(app, id, part, sha256)).collect()),
        Err(picup_storage::Error::UploadNotFound(_) | picup_storage::Error::UploadDiffers { .. }) => {
            Err(stage_again(app, id).await?)
        }
        Err(picup_storage::Error::PartExists { .. }) => {
            Err(Error::Conflict("this part has arrived already, with other bytes"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the only part of a small file with that hash goes, so that nobody has to ask; `None` for what has more parts, or
/// has arrived, and where the store does not say at once.
pub async fn only_target(app: &App, upload: &Upload, sha256: Sha256) -> Option<PartTarget> {
    let part = upload.plan.part(1).filter(|_| upload.plan.count() == 1 && upload.arrived.is_empty())?;
    if upload.asset.is_some() {
        return None;
    }
    if !app.storage().takes_parts_straight() {
        return Some(own_target(app, upload.id, part, sha256));
    }
    let staged = app.inner.begun.find(upload.id)?;
    let straight = app.storage().part_addresses(&staged, &[(1, sha256)], app.settings().part_life).await.ok()??;
    straight.into_iter().next().map(|address| straight_target(app, address))
}

/// A part that goes to the store itself.
fn straight_target(app: &App, address: picup_storage::PartAddress) -> PartTarget {
    let picup_storage::PartAddress { number, url, headers } = address;
    PartTarget { number, url, headers, expires_at: app.now().plus(app.settings().part_life) }
}

/// A part that comes to PicUp.
fn own_target(app: &App, upload: UploadId, part: Part, sha256: Sha256) -> PartTarget {
    let expires_at = app.now().plus(app.settings().part_life);
    let address = PartAddress { upload, number: part.number, bytes: part.bytes, sha256, expires: expires_at.seconds() };
    let url = address.to_url(&app.inner.secrets.server_key);
    PartTarget { number: part.number, url, headers: Vec::new(), expires_at }
}

/// Takes the bytes of one part, to the address given for it. A part that is stored stays as it is.
///
/// # Errors
/// [`Error::PartAddress`] for an address that is not ours or no longer valid; [`Error::PartRefused`] for other bytes than
/// announced; [`Error::Conflict`]; [`Error::StoreFull`].
pub async fn part<S>(app: &App, address: PartAddress, signature: &str, body: S) -> Result<(), Error>
where
    S: Stream<Item = std::io::Result<Bytes>> + Send,
{
    address.verify(signature, &app.inner.secrets.server_key, app.now())?;
    let staged = match app.inner.begun.find(address.upload) {
        Some(upload) => upload,
        None => staged(&open_row(app, address.upload).await?)?,
    };
    match app.storage().part_write(&staged, address.number, address.sha256, body).await {
        Ok(_) => Ok(()),
        Err(picup_storage::Error::UploadNotFound(_) | picup_storage::Error::UploadDiffers { .. }) => {
            Err(stage_again(app, address.upload).await?)
        }
        Err(error) => Err(part_error(address.number, error)),
    }
}

/// An upload that takes parts, or why it takes none.
async fn open_row(app: &App, id: UploadId) -> Result<Row, Error> {
    let row = app.database().read_fresh().await?.upload_by_address(id).await?.ok_or(Error::NotFound("upload"))?;
    if row.state == UploadState::Open { Ok(row) } else { Err(NO_MORE_PARTS) }
}

/// Stages an open upload anew whose bytes have gone, in a power cut say, and gives what its sender is told.
async fn stage_again(app: &App, id: UploadId) -> Result<Error, Error> {
    let row = open_row(app, id).await?;
    match stage(app, &row).await {
        Err(picup_storage::Error::Exists(_)) => return Ok(NO_MORE_PARTS),
        staged => staged?,
    };
    if !still_open(app, &row).await? {
        return Ok(NO_MORE_PARTS);
    }
    tracing::warn!(upload = %id, "what had arrived of an upload is gone; it is asked for again");
    Ok(Error::Busy("what had arrived of this upload is gone; send its parts again"))
}

fn part_error(number: u32, error: picup_storage::Error) -> Error {
    use picup_storage::Error as Storage;
    match error {
        Storage::PartLength { .. } | Storage::PartHash { .. } | Storage::PartUnknown { .. } => {
            Error::PartRefused { number, reason: error.to_string() }
        }
        Storage::Sender(_) => Error::PartRefused { number, reason: "the sending broke off".to_owned() },
        Storage::PartExists { .. } => Error::Conflict("this part is stored already, with other bytes"),
        other => other.into(),
    }
}
