//! From the rooms' types to the wire's, in one place.

mod backup;
pub(crate) mod share;
pub(crate) mod system;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::Offset;
use picup_app::account::Account as AccountRow;
use picup_app::admin::Listed;
use picup_app::album::{Album as SeenAlbum, Assets};
use picup_app::api_key::ApiKey as ApiKeyRow;
use picup_app::asset::{Asset as AssetView, Outcome, Standing};
use picup_app::backup::Assurance;
use picup_app::events::Change as Changed;
use picup_app::invitation::{Invitation as InvitationRow, Look, Made};
use picup_app::session::Session as SessionRow;
use picup_app::timeline::{Page, TimelineAsset};
use picup_app::upload::{PartTarget as Target, Upload as UploadView};
use picup_domain::{AssetId, Invalid, ObjectKey, ObjectRole, Scope, SessionId, Timestamp};

use crate::problem::ApiError;
use crate::wire::{
    Account, AccountBackup, AdminAccount, Album, AlbumCover, ApiKey, ApiKeyScope, Asset, AssetColumns, AssetKind,
    AssetMedia, AssetStanding, AssetState, Camera, Captured, Change, Header, Invitation, InvitationKind,
    InvitationLook, InvitationMade, ItemOutcome, ItemResult, ItemResults, Motion, MotionState, PartHash, PartTarget,
    Place, SessionEntry, Upload,
};

const USUAL_LIMIT: u32 = 500;
const LARGEST_LIMIT: u32 = 1000;

/// A moment as RFC 3339 text in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default().to_string()
}

/// A wall time as text without an offset, to the second.
fn wall(local: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(local.micros()).unwrap_or_default();
    Offset::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// How many items a page may have.
pub(crate) fn limit(wanted: Option<u32>) -> Result<u32, ApiError> {
    match wanted {
        None => Ok(USUAL_LIMIT),
        Some(limit @ 1..=LARGEST_LIMIT) => Ok(limit),
        Some(_) => Err(Invalid { field: "limit", advice: "ask for 1 to 1000 at once".to_owned() }.into()),
    }
}

/// A moment that a client tells of a file and, when it says so, the offset of the place, in minutes.
pub(crate) fn told_moment(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<(Timestamp, Option<i16>)>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let invalid = || Invalid {
        field,
        advice: "write a moment as 2024-05-31T18:04:05+02:00, or with Z when the place is unknown".to_owned(),
    };
    let at: jiff::Timestamp = text.parse().map_err(|_| invalid())?;
    let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(|_| invalid())?;
    // `Z` says which moment it was and nothing of the place.
    let known = (!text.ends_with(['Z', 'z'])).then(|| pieces.to_numeric_offset()).flatten();
    let minutes = known.and_then(|offset| i16::try_from(offset.seconds() / 60).ok());
    Ok(Some((Timestamp::from_micros(at.as_microsecond()), minutes)))
}

/// When something is to end.
pub(crate) fn end(text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let advice = "write a moment as 2030-05-31T18:04:05Z".to_owned();
    let at: jiff::Timestamp = text.parse().map_err(|_| Invalid { field: "expires_at", advice })?;
    Ok(Some(Timestamp::from_micros(at.as_microsecond())))
}

pub(crate) fn api_key(row: ApiKeyRow) -> ApiKey {
    let scope = |scope| match scope {
        Scope::Upload => ApiKeyScope::Upload,
        Scope::Read => ApiKeyScope::Read,
        Scope::Edit => ApiKeyScope::Edit,
    };
    ApiKey {
        id: row.id.into(),
        name: row.name.as_str().to_owned(),
        scopes: row.scopes.iter().map(scope).collect(),
        created_at: moment(row.created_at),
        last_used_at: row.last_used_at.map(moment),
        expires_at: row.expires_at.map(moment),
    }
}

pub(crate) fn session(row: SessionRow, current: SessionId) -> SessionEntry {
    SessionEntry {
        current: row.id == current,
        id: row.id.into(),
        label: row.label,
        created_at: moment(row.created_at),
        last_used_at: moment(row.last_used_at),
        expires_at: moment(row.expires_at),
    }
}

pub(crate) fn account(row: AccountRow, assurance: Option<Assurance>) -> Account {
    Account {
        id: row.id.into(),
        email: row.email.as_str().to_owned(),
        name: row.name.as_str().to_owned(),
        role: row.role.as_str().to_owned(),
        quota_bytes: row.quota.limit.map(picup_domain::ByteSize::get),
        used_bytes: row.quota.used.get(),
        reserved_bytes: row.quota.reserved.get(),
        delete_after: row.delete_after.map(moment),
        backup: assurance.map(|known| AccountBackup { rehearsed_at: known.rehearsed_at.map(moment) }),
    }
}

pub(crate) fn admin_account(listed: Listed) -> AdminAccount {
    let row = listed.account;
    AdminAccount {
        id: row.id.into(),
        email: row.email.as_str().to_owned(),
        name: row.name.as_str().to_owned(),
        role: row.role.as_str().to_owned(),
        quota_bytes: row.quota.limit.map(picup_domain::ByteSize::get),
        used_bytes: row.quota.used.get(),
        reserved_bytes: row.quota.reserved.get(),
        disabled: row.disabled_at.is_some(),
        created_at: moment(row.created_at),
        last_seen_at: listed.last_seen.map(moment),
        delete_after: row.delete_after.map(moment),
    }
}

pub(crate) fn invitation(row: InvitationRow) -> Invitation {
    Invitation {
        id: row.id.into(),
        kind: invitation_kind(row.account.is_some()),
        account: row.account.map(Into::into),
        email: row.email.map(|email| email.to_string()),
        role: row.role.as_str().to_owned(),
        quota_bytes: row.quota.map(picup_domain::ByteSize::get),
        created_by: row.created_by.map(Into::into),
        created_at: moment(row.created_at),
        expires_at: moment(row.expires_at),
    }
}

pub(crate) fn invitation_made(made: Made) -> InvitationMade {
    InvitationMade { invitation: invitation(made.invitation), link: made.link }
}

pub(crate) fn invitation_look(look: Look) -> InvitationLook {
    InvitationLook {
        kind: invitation_kind(look.password),
        email: look.email.map(|email| email.to_string()),
        expires_at: moment(look.expires_at),
    }
}

const fn invitation_kind(password: bool) -> InvitationKind {
    if password { InvitationKind::Password } else { InvitationKind::Account }
}

const fn kind(kind: picup_domain::AssetKind) -> AssetKind {
    match kind {
        picup_domain::AssetKind::Photo => AssetKind::Photo,
        picup_domain::AssetKind::Video => AssetKind::Video,
        picup_domain::AssetKind::Other => AssetKind::Other,
    }
}

const fn state(state: picup_domain::AssetState) -> AssetState {
    match state {
        picup_domain::AssetState::Processing => AssetState::Processing,
        picup_domain::AssetState::Ready => AssetState::Ready,
        picup_domain::AssetState::Unviewable => AssetState::Unviewable,
        picup_domain::AssetState::Damaged => AssetState::Damaged,
    }
}

const fn motion_state(state: picup_domain::MotionState) -> MotionState {
    match state {
        picup_domain::MotionState::Processing => MotionState::Processing,
        picup_domain::MotionState::Verified => MotionState::Verified,
        picup_domain::MotionState::Damaged => MotionState::Damaged,
    }
}

fn placeholder(thumbhash: Option<&Vec<u8>>) -> Option<String> {
    thumbhash.map(|bytes| STANDARD.encode(bytes))
}

/// Where an object is fetched, with what opens it when no cookie does.
fn address(key: &ObjectKey, right: Option<&str>) -> String {
    match right {
        None => format!("/{key}"),
        Some(right) => format!("/{key}?{right}"),
    }
}

/// Rows of whomever turned into columns. That all are the caller's own goes without saying.
pub(crate) fn columns_of_many(assets: Assets) -> AssetColumns {
    if assets.rights.iter().all(Option::is_none) {
        return columns(assets.page);
    }
    let owner = assets.page.assets.iter().map(|asset| asset.owner.into()).collect();
    AssetColumns { owner, right: assets.rights, ..columns(assets.page) }
}

/// Rows turned into columns.
pub(crate) fn columns(page: Page) -> AssetColumns {
    let mut columns = AssetColumns { next: page.next, ..AssetColumns::default() };
    for asset in page.assets {
        columns.ratio.push(ratio(&asset));
        columns.id.push(asset.id.into());
        columns.day.push(asset.day.to_string());
        columns.kind.push(kind(asset.kind));
        columns.state.push(state(asset.state));
        columns.placeholder.push(placeholder(asset.placeholder.as_ref()));
        columns.duration_ms.push(asset.duration_ms);
        columns.version.push(asset.rendition_version);
        columns.favourite.push(asset.favourite);
        columns.motion.push(asset.motion);
    }
    columns
}

/// Width over height, to three digits: enough to lay out and short to send.
fn ratio(asset: &TimelineAsset) -> f64 {
    match (asset.width, asset.height) {
        (Some(width @ 1..), Some(height @ 1..)) => (f64::from(width) / f64::from(height) * 1000.0).round() / 1000.0,
        _ => 1.0,
    }
}

pub(crate) fn asset(view: AssetView) -> Asset {
    let AssetView { row, details, thumbnail, preview, original, motion, safety, right } = view;
    let path = |key: &ObjectKey| address(key, right.as_deref());
    let facts = row.facts;
    let camera = Camera {
        make: facts.camera_make,
        model: facts.camera_model,
        lens: facts.lens,
        f_number: details.f_number,
        exposure_seconds: details.exposure_seconds,
        iso: details.iso,
        focal_length_mm: details.focal_length_mm,
    };
    let place = facts.latitude.zip(facts.longitude);
    Asset {
        id: row.id.into(),
        owner: row.owner.into(),
        kind: kind(facts.kind),
        state: state(row.state),
        file_name: row.file_name.as_str().to_owned(),
        bytes: row.bytes.get(),
        sha256: row.sha256.to_string(),
        captured: Captured {
            at: moment(facts.capture.at),
            local: wall(facts.capture.local),
            offset_minutes: facts.capture.offset_minutes,
            source: facts.capture.source.as_str().to_owned(),
        },
        width: facts.width,
        height: facts.height,
        duration_ms: facts.duration_ms,
        placeholder: placeholder(facts.placeholder.as_ref()),
        camera: (camera != Camera::default()).then_some(camera),
        place: place.map(|(latitude, longitude)| Place { latitude, longitude, altitude: facts.altitude }),
        media: AssetMedia {
            thumbnail: thumbnail.as_ref().map(&path),
            preview: preview.as_ref().map(&path),
            original: path(&original),
        },
        favourite: row.favourite,
        description: row.description.map(|text| text.as_str().to_owned()),
        motion: row.motion.zip(motion).map(|(part, key)| Motion {
            file_name: part.file_name.as_str().to_owned(),
            bytes: part.bytes.get(),
            sha256: part.sha256.to_string(),
            state: motion_state(part.state),
            original: path(&key),
        }),
        trashed_at: row.trashed_at.map(moment),
        reason: details.reason,
        safe_in: safety.safe_in,
        places: safety.places,
        added_at: moment(row.created_at),
    }
}

pub(crate) fn standing((id, standing): (AssetId, Option<Standing>)) -> AssetStanding {
    match standing {
        None => AssetStanding::NotFound { asset: id.into() },
        Some(standing) => AssetStanding::Found {
            asset: id.into(),
            state: state(standing.state),
            motion: standing.motion.map(motion_state),
            trashed: standing.trashed,
        },
    }
}

pub(crate) fn album(seen: SeenAlbum) -> Album {
    let SeenAlbum { row, cover_right } = seen;
    let cover = row.cover.map(|cover| AlbumCover {
        asset: cover.id.into(),
        thumbnail: cover.thumbnail_extension.as_deref().map(|extension| {
            let role = ObjectRole::Thumbnail;
            let key = ObjectKey::new(cover.owner, cover.id, role, cover.rendition_version, extension);
            address(&key, cover_right.as_deref())
        }),
        placeholder: placeholder(cover.placeholder.as_ref()),
    });
    Album {
        id: row.id.into(),
        title: row.title.as_str().to_owned(),
        owner: row.owner.into(),
        owner_name: row.owner_name.as_str().to_owned(),
        role: share::role(row.role),
        members: row.members,
        count: row.asset_count,
        cover,
        created_at: moment(row.created_at),
    }
}

pub(crate) fn items(outcomes: Vec<(AssetId, Outcome)>) -> ItemResults {
    let result = |(asset, outcome): (AssetId, Outcome)| ItemResult {
        asset: asset.into(),
        outcome: match outcome {
            Outcome::Done => ItemOutcome::Done,
            Outcome::Unchanged => ItemOutcome::Unchanged,
            Outcome::NotFound => ItemOutcome::NotFound,
            Outcome::NotTrashed => ItemOutcome::NotTrashed,
        },
    };
    ItemResults { results: outcomes.into_iter().map(result).collect() }
}

pub(crate) fn upload(view: UploadView) -> Upload {
    Upload {
        id: view.id.into(),
        part_size: view.plan.part_size(),
        part_count: view.plan.count(),
        arrived: view
            .arrived
            .into_iter()
            .map(|(number, sha256)| PartHash { number, sha256: sha256.to_string() })
            .collect(),
        expires_at: moment(view.expires_at),
        asset: view.asset.map(Into::into),
    }
}

pub(crate) fn part_target(target: Target) -> PartTarget {
    PartTarget {
        number: target.number,
        method: "PUT".to_owned(),
        url: target.url,
        headers: target.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        expires_at: moment(target.expires_at),
    }
}

pub(crate) fn change(change: Changed) -> Change {
    match change {
        Changed::Asset { id, state: come, day } => {
            Change::Asset { id: id.into(), state: state(come), day: day.to_string() }
        }
        Changed::Album { id } => Change::Album { id: id.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modification_time_keeps_its_offset_when_it_tells_one() {
        let (at, offset) = told_moment("modified_at", Some("2024-05-31T18:04:05+02:00")).unwrap().unwrap();
        assert_eq!((moment(at).as_str(), offset), ("2024-05-31T16:04:05Z", Some(120)));
        assert_eq!(told_moment("modified_at", Some("2024-05-31T16:04:05Z")).unwrap().unwrap(), (at, None));
        assert_eq!(told_moment("modified_at", None).unwrap(), None);
        for bad in ["", "yesterday", "2024-05-31", "2024-05-31T18:04:05", "2024-13-01T00:00:00Z"] {
            assert!(told_moment("modified_at", Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(limit(None).unwrap(), 500);
        assert_eq!(limit(Some(1000)).unwrap(), 1000);
        assert!(limit(Some(0)).is_err());
        assert!(limit(Some(1001)).is_err());
    }
}
