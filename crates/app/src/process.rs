//! Processing: what turns a stored original into something to look at.
//!
//! The worker reads the original back and proves its hash before anything else: only then is the asset *verified*, counts as a
//! safe copy and answers later uploads as a duplicate. A child process decodes it. A file no picture can be made from is kept
//! and listed all the same. Safe to run twice: renditions are staged under their keys first, and one transaction, which also
//! ends the job, makes them count.

use picup_database::{AssetFacts, JobLease, Object, ObjectState, Write};
use picup_domain::{
    AccountId, AssetId, AssetKind, AssetState, ByteSize, CaptureSource, CaptureTime, ObjectKey, ObjectRole, Sha1,
    Sha256,
};
use picup_media::{Facts, Format, Kind, Outcome, Processed, Rendition, RenditionName};
use picup_storage::crash_point;

use crate::asset::{self, Details, Row, original_key};
use crate::events::{self, Change};
use crate::read_back::{Found, read_back};
use crate::{App, Error, jobs};

/// A decoder that breaks on a file may have been broken by the machine: only after so many attempts it is the file's fault.
const BROKEN_AFTER: u32 = 3;

/// How an original is looked at once it is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// By the decoder.
    Decoded,
    /// Not at all: too many workers have ended in the middle of it.
    Unseen,
}

/// Processes an asset and ends the job in the same transaction.
pub(crate) async fn process(
    app: &App,
    owner: AccountId,
    id: AssetId,
    look: Look,
    lease: JobLease,
) -> Result<(), Error> {
    let found = app.database().read_fresh().await?.asset_by_id(owner, id).await?;
    let Some(row) = found.filter(|row| row.state == AssetState::Processing) else {
        // Done by another worker, or deleted meanwhile: nothing is left to do.
        return finish_job(app, id, lease).await;
    };
    let sha1 = match prove(app, &row).await? {
        Proof::Proved(sha1) => sha1,
        Proof::Refuted(reason) => return refuted(app, &row, reason, lease).await,
    };
    crash_point!("process-proved");
    let made = match look {
        Look::Decoded => Made::of(&row, decode(app, &row, lease).await?)?,
        Look::Unseen => Made::of(&row, unseen(id))?,
    };
    let Some(objects) = stage(app, &row, &made, lease).await? else { return Ok(()) };
    commit(app, &row, made, sha1, &objects, lease).await
}

async fn decode(app: &App, row: &Row, lease: JobLease) -> Result<Processed, Error> {
    let file = app.storage().open_file(&original_key(row.owner, row.id, &row.file_name)).await?;
    match app.inner.media.process(file).await {
        Err(picup_media::Error::Broken { known, .. }) if lease.attempt >= BROKEN_AFTER => Ok(*known),
        other => Ok(other?),
    }
}

/// For a file that nobody dares to look at any more: it is safe, and that is all that is known of it.
fn unseen(id: AssetId) -> Processed {
    tracing::error!(asset = %id, "PicUp ended each time it looked at a file; it is kept and not looked at any more");
    let reason = "was not looked at, because PicUp ended each time it tried".to_owned();
    Processed { format: Format::Unknown, facts: Facts::default(), outcome: Outcome::Undecodable { reason } }
}

async fn refuted(app: &App, row: &Row, reason: &str, lease: JobLease) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if write.job_complete(lease).await? {
        mark_damaged(app, &mut write, row.owner, row.id, reason).await?;
        crash_point!("process-damaged-written");
        write.commit().await?;
        events::announce(app);
    }
    Ok(())
}

/// The largest original that is read back while its owner waits: about a second from a disk.
pub(crate) const PROVED_ON_THE_SPOT: u64 = 256 << 20;

/// What reading an original back has shown.
pub(crate) enum Proof {
    /// It is the file that was declared, and this is its SHA-1.
    Proved(Sha1),
    /// It is not, and this is why.
    Refuted(&'static str),
}

/// Reads back what the store really has.
pub(crate) async fn prove(app: &App, row: &Row) -> Result<Proof, Error> {
    let key = original_key(row.owner, row.id, &row.file_name);
    Ok(match read_back(app, &key, row.bytes, Some(row.sha256)).await? {
        Found::Expected(found) => Proof::Proved(found.sha1),
        Found::Other(_) => Proof::Refuted("what is stored does not have the hash that was declared"),
        Found::Missing => Proof::Refuted("the stored original is missing"),
    })
}

/// Marks an asset whose original could not be proved, with its event, in the caller's transaction. What is stored is kept.
pub(crate) async fn mark_damaged(
    app: &App,
    write: &mut Write,
    owner: AccountId,
    id: AssetId,
    reason: &str,
) -> Result<(), Error> {
    let Some(row) = write.asset_by_id(owner, id).await? else { return Ok(()) };
    tracing::error!(asset = %id, reason, "an original could not be proved; it is kept and marked damaged");
    let details = serialise(&Details { reason: Some(reason.to_owned()), ..Details::default() })?;
    doom_left(write, id).await?;
    if write.asset_make_damaged(owner, id, &details).await? {
        let change = Change::Asset { id, state: AssetState::Damaged, day: row.day };
        events::append(write, owner, change, app.now()).await?;
    }
    Ok(())
}

/// Marks an asset damaged that was whole, because its original, or its moving part, is lost in every store.
pub(crate) async fn mark_lost(app: &App, key: &ObjectKey, reason: &str) -> Result<(), Error> {
    let details = serialise(&Details { reason: Some(reason.to_owned()), ..Details::default() })?;
    let (owner, id) = (key.owner(), key.asset());
    let mut write = app.database().write().await?;
    let Some(row) = write.asset_by_id(owner, id).await? else { return Ok(()) };
    if write.asset_lose(owner, id, &details, key.role() == ObjectRole::Motion).await? {
        let state = if key.role() == ObjectRole::Motion { row.state } else { AssetState::Damaged };
        events::append(&mut write, owner, Change::Asset { id, state, day: row.day }, app.now()).await?;
    }
    write.commit().await?;
    events::announce(app);
    Ok(())
}

async fn finish_job(app: &App, id: AssetId, lease: JobLease) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if write.job_complete(lease).await? {
        doom_left(&mut write, id).await?;
    }
    Ok(write.commit().await?)
}

/// Marks the renditions to be removed that an attempt before left behind, when no later one comes to clear them away. The
/// reaper does it: their bytes may still be on the way.
async fn doom_left(write: &mut Write, id: AssetId) -> Result<(), Error> {
    let left = write.object_list(id).await?;
    for object in left.into_iter().filter(is_left) {
        write.object_doom(&object.key).await?;
    }
    Ok(())
}

/// What came of an original.
struct Made {
    state: AssetState,
    facts: AssetFacts,
    renditions: Vec<Rendition>,
}

impl Made {
    fn of(row: &Row, processed: Processed) -> Result<Self, Error> {
        let kind = match processed.format.kind() {
            Kind::Photo => AssetKind::Photo,
            Kind::Video => AssetKind::Video,
            Kind::Other => AssetKind::Other,
        };
        let (state, renditions, placeholder, reason) = match processed.outcome {
            Outcome::Shown { renditions, placeholder } => (AssetState::Ready, renditions, Some(placeholder), None),
            Outcome::Undecodable { reason } => (AssetState::Unviewable, Vec::new(), None, Some(reason)),
        };
        let extension = |large: bool| {
            renditions.iter().find(|made| is_large(made.name) == large).map(|made| made.extension.to_owned())
        };
        let (thumbnail_extension, preview_extension) = (extension(false), extension(true));
        let known = processed.facts;
        let [latitude, longitude, altitude] = place(row, &known);
        let facts = AssetFacts {
            kind,
            capture: capture(row, &known),
            details: Some(details(&known, reason)?),
            width: known.width,
            height: known.height,
            duration_ms: known.duration_ms,
            placeholder,
            camera_make: known.camera_make,
            camera_model: known.camera_model,
            lens: known.lens,
            latitude,
            longitude,
            altitude,
            rendition_version: u32::from(!renditions.is_empty()),
            thumbnail_extension,
            preview_extension,
        };
        Ok(Self { state, facts, renditions })
    }
}

/// The file's own capture time if it has one that can be, else what the upload came with.
fn capture(row: &Row, facts: &Facts) -> CaptureTime {
    let source = |source| match source {
        picup_media::CaptureSource::Exif => CaptureSource::Exif,
        picup_media::CaptureSource::Gps => CaptureSource::Gps,
        picup_media::CaptureSource::Quicktime => CaptureSource::Container,
    };
    facts
        .captured
        .and_then(|found| CaptureTime::from_wall(found.local, found.offset_minutes, source(found.source)).ok())
        .unwrap_or(row.facts.capture)
}

/// What the file tells of its place, and if it tells none, what the upload came with.
fn place(row: &Row, facts: &Facts) -> [Option<f64>; 3] {
    if facts.latitude.is_some() && facts.longitude.is_some() {
        [facts.latitude, facts.longitude, facts.altitude]
    } else {
        [row.facts.latitude, row.facts.longitude, row.facts.altitude]
    }
}

fn details(facts: &Facts, reason: Option<String>) -> Result<String, Error> {
    serialise(&Details {
        f_number: facts.f_number,
        exposure_seconds: facts.exposure_time,
        iso: facts.iso,
        focal_length_mm: facts.focal_length,
        reason,
    })
}

fn serialise(details: &Details) -> Result<String, Error> {
    serde_json::to_string(details).map_err(|error| Error::Internal(format!("writing details: {error}")))
}

const fn is_large(name: RenditionName) -> bool {
    matches!(name, RenditionName::Preview | RenditionName::Poster)
}

/// Writes the renditions to the store, after writing down that they are about to be there. What an attempt before this one
/// left behind is cleared away first. `None` when the job is another worker's by now: then the files are that worker's too.
async fn stage(app: &App, row: &Row, made: &Made, lease: JobLease) -> Result<Option<Vec<Object>>, Error> {
    if !jobs::extend(app, lease).await? {
        return Ok(None);
    }
    clear_staged(app, row).await?;
    let mut objects = Vec::with_capacity(made.renditions.len());
    for rendition in &made.renditions {
        let role = if is_large(rendition.name) { ObjectRole::Preview } else { ObjectRole::Thumbnail };
        objects.push(Object {
            key: ObjectKey::new(row.owner, row.id, role, made.facts.rendition_version, rendition.extension),
            bytes: ByteSize::new(rendition.bytes.len() as u64)?,
            sha256: Some(Sha256::of(&rendition.bytes)),
            state: ObjectState::Staged,
            created_at: app.now(),
        });
    }
    let mut write = app.database().write().await?;
    for object in &objects {
        write.object_insert(object).await?;
    }
    write.commit().await?;
    crash_point!("process-rows-staged");
    for (object, rendition) in objects.iter().zip(&made.renditions) {
        app.storage().put(&object.key, rendition.bytes.clone().into()).await?;
        crash_point!("process-rendition-put");
    }
    Ok(Some(objects))
}

/// A rendition that was on its way. An original that is staged under the asset is an upload's business.
fn is_left(object: &Object) -> bool {
    object.state == ObjectState::Staged && matches!(object.key.role(), ObjectRole::Thumbnail | ObjectRole::Preview)
}

async fn clear_staged(app: &App, row: &Row) -> Result<(), Error> {
    let left: Vec<Object> = app.database().read_fresh().await?.object_list(row.id).await?;
    let left: Vec<Object> = left.into_iter().filter(is_left).collect();
    if left.is_empty() {
        return Ok(());
    }
    for object in &left {
        app.remove_object(&object.key).await?;
    }
    crash_point!("process-left-removed");
    let mut write = app.database().write().await?;
    for object in &left {
        write.object_delete(&object.key, app.now()).await?;
    }
    Ok(write.commit().await?)
}

/// Everything that makes the renditions count, and the end of the job.
async fn commit(
    app: &App,
    row: &Row,
    made: Made,
    sha1: Sha1,
    objects: &[Object],
    lease: JobLease,
) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if !write.job_complete(lease).await? {
        // Another worker has taken over; it clears away what was staged here.
        return Ok(());
    }
    if write.asset_by_id(row.owner, row.id).await?.is_none() {
        return drop_deleted(app, write, objects).await;
    }
    let hashed = |object: &Object| Some((object.key.clone(), object.bytes, object.sha256?));
    let stored: Option<Vec<_>> = objects.iter().map(hashed).collect();
    let stored = stored.ok_or_else(|| Error::Internal("a rendition without a hash".to_owned()))?;
    if let Some(key) = write.object_commit_all(&stored, app.now()).await? {
        return Err(Error::Internal(format!("the staged object {key} is not in the database")));
    }
    let day = match made.state {
        AssetState::Ready => write.asset_make_ready(row.owner, row.id, &made.facts).await?,
        _ => write.asset_make_unviewable(row.owner, row.id, &made.facts).await?,
    };
    if let Some(day) = day {
        write.asset_learn_sha1(row.owner, row.id, &sha1).await?;
        let change = Change::Asset { id: row.id, state: made.state, day };
        events::append(&mut write, row.owner, change, app.now()).await?;
        for (id, account) in write.asset_watchers(row.id).await? {
            events::append(&mut write, account, Change::Album { id }, app.now()).await?;
        }
    }
    crash_point!("process-written");
    write.commit().await?;
    crash_point!("process-committed");
    events::announce(app);
    Ok(())
}

/// Ends the job of an asset that was deleted while it was looked at: its pictures go too.
async fn drop_deleted(app: &App, mut write: Write, objects: &[Object]) -> Result<(), Error> {
    let keys: Vec<ObjectKey> = objects.iter().map(|object| object.key.clone()).collect();
    for key in &keys {
        write.object_doom(key).await?;
    }
    write.commit().await?;
    asset::remove(app, &keys).await
}
