//! Many small files at once: a phone's worth of photos in few transactions instead of several for each.
//!
//! The rules are those of one file at a time, and whatever is not plain (a file that is here already or on its way, a quota
//! that is nearly full, parts that are missing) is handed to that path, one by one. So nothing is decided here but which
//! files are plain.

use std::collections::{HashMap, HashSet};

use picup_database::{NewUpload as UploadRow, Read, Upload as Row, UploadState};
use picup_domain::{AccountId, AssetId, ByteSize, ObjectKey, PartPlan, Sha256, UploadId};
use picup_storage::crash_point;

use super::reserve::{check, refuse_if_ending, staged_object, unstage, upload_row};
use super::{NewUpload, Reserved, Upload, began, commit, complete, reserve, staged};
use crate::asset::original_key;
use crate::{App, Error, events, queue};

/// What was asked for, and the answer to it.
type Answers<T> = Vec<Result<T, Error>>;

/// [`reserve`] for many files, each answered as if it had been asked for alone, in their order.
///
/// # Errors
/// When nothing could be answered; a refusal of one file is that file's answer.
pub async fn reserve_many(app: &App, owner: AccountId, wishes: Vec<NewUpload>) -> Result<Answers<Reserved>, Error> {
    let hashes: Vec<Sha256> = wishes.iter().map(|new| new.sha256).collect();
    let known = known(&mut app.database().read_fresh().await?, owner, &hashes).await?;
    let mut seen = HashSet::new();
    let plain = |new: &NewUpload| {
        check(app, new).is_ok()
            && new.motion_of.is_none()
            && PartPlan::new(new.bytes).is_ok_and(|plan| plan.count() == 1)
            && !known.contains(&new.sha256)
    };
    let plain: Vec<&NewUpload> = wishes.iter().filter(|new| seen.insert(new.sha256) && plain(new)).collect();
    let mut begun = begin_many(app, owner, &plain).await?;
    let mut answers = Vec::with_capacity(wishes.len());
    for new in wishes {
        answers.push(match begun.remove(&new.sha256) {
            Some(upload) => Ok(Reserved::Upload(upload)),
            None => reserve(app, owner, new).await,
        });
    }
    Ok(answers)
}

/// The hashes of which there is any asset or upload.
async fn known(read: &mut Read, owner: AccountId, hashes: &[Sha256]) -> Result<HashSet<Sha256>, Error> {
    let mut known: HashSet<Sha256> = read.asset_known_sha256(owner, hashes).await?.into_iter().collect();
    known.extend(read.motion_known_sha256(owner, hashes).await?);
    known.extend(read.upload_list_by_sha256(owner, hashes).await?.into_iter().map(|upload| upload.sha256));
    Ok(known)
}

/// Begins uploads of files that nothing was known of; none of them when they do not all fit or one has come meanwhile.
async fn begin_many(app: &App, owner: AccountId, wishes: &[&NewUpload]) -> Result<HashMap<Sha256, Upload>, Error> {
    if wishes.is_empty() {
        return Ok(HashMap::new());
    }
    let now = app.now();
    let wanted: Vec<(UploadId, ObjectKey, ByteSize)> = wishes
        .iter()
        .map(|new| (UploadId::new(now), original_key(owner, AssetId::new(now), &new.file_name), new.bytes))
        .collect();
    let recorded = stage_and_record(app, owner, wishes, &wanted).await;
    let Ok(Some(rows)) = recorded else {
        for (id, ..) in &wanted {
            unstage(app, *id).await;
        }
        // One by one each gets its own answer.
        tracing::debug!(error = ?recorded.err(), files = wanted.len(), "not all at once");
        return Ok(HashMap::new());
    };
    let upload = |row: UploadRow| {
        let plan = PartPlan::new(row.bytes)?;
        Ok((row.sha256, Upload { id: row.id, plan, arrived: Vec::new(), expires_at: row.expires_at, asset: None }))
    };
    rows.into_iter().map(upload).collect()
}

async fn stage_and_record(
    app: &App,
    owner: AccountId,
    wishes: &[&NewUpload],
    wanted: &[(UploadId, ObjectKey, ByteSize)],
) -> Result<Option<Vec<UploadRow>>, Error> {
    let staged = app.storage().upload_begin_many(wanted).await?;
    crash_point!("reserve-many-staged");
    let row = |(upload, new): (&picup_storage::Upload, &&NewUpload)| {
        upload_row(app, owner, (upload.id(), upload.key().asset()), new)
    };
    let rows: Vec<UploadRow> = staged.iter().zip(wishes).map(row).collect::<Result<_, _>>()?;
    let recorded = record_many(app, owner, &rows).await?;
    if recorded {
        began(app, &staged);
    }
    Ok(recorded.then_some(rows))
}

async fn record_many(app: &App, owner: AccountId, rows: &[UploadRow]) -> Result<bool, Error> {
    let hashes: Vec<Sha256> = rows.iter().map(|row| row.sha256).collect();
    let bytes = ByteSize::new(rows.iter().map(|row| row.bytes.get()).sum())?;
    let mut write = app.database().write().await?;
    let account = write.account_by_id(owner).await?.ok_or(Error::NotSignedIn)?;
    refuse_if_ending(&account)?;
    let uploads = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    if !known(&mut write, owner, &hashes).await?.is_empty() || !write.quota_reserve(owner, uploads, bytes).await? {
        return Ok(false);
    }
    write.upload_insert_all(rows).await?;
    write.object_insert_all(&rows.iter().map(staged_object).collect::<Vec<_>>()).await?;
    crash_point!("reserve-many-written");
    write.commit().await?;
    crash_point!("reserve-many-committed");
    Ok(true)
}

/// [`complete`] for many uploads, each answered as if it had been asked for alone, in their order.
///
/// # Errors
/// When nothing could be answered.
pub async fn complete_many(app: &App, owner: AccountId, ids: &[UploadId]) -> Result<Answers<AssetId>, Error> {
    let mut rows = app.database().read_fresh().await?.upload_list_by_id(owner, ids).await?;
    rows.retain(|row| row.state == UploadState::Open && row.motion_of.is_none());
    let staged: Vec<picup_storage::Upload> = rows.iter().map(staged).collect::<Result<_, _>>()?;
    let whole = app.storage().uploads_whole(&staged).await?;
    let (plain, staged): (Vec<Row>, Vec<_>) =
        rows.into_iter().zip(staged).zip(whole).filter_map(|(upload, whole)| whole.then_some(upload)).unzip();
    let done = finish_many(app, owner, &plain, &staged).await?;
    let mut answers = Vec::with_capacity(ids.len());
    for id in ids {
        answers.push(match done.get(id) {
            Some(asset) => Ok(*asset),
            None => complete(app, owner, *id).await,
        });
    }
    Ok(answers)
}

/// Completes uploads that have arrived whole. Those it does not answer for are as they were, or being completed: [`complete`]
/// goes on with either.
async fn finish_many(
    app: &App,
    owner: AccountId,
    rows: &[Row],
    staged: &[picup_storage::Upload],
) -> Result<HashMap<UploadId, AssetId>, Error> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<UploadId> = rows.iter().map(|row| row.id).collect();
    let (now, count) = (app.now(), rows.len() as u64);
    let mut write = app.database().write().await?;
    if write.upload_set_states(&ids, UploadState::Open, UploadState::Completing, now).await? != count {
        return Ok(HashMap::new());
    }
    write.commit().await?;
    crash_point!("complete-many-begun");
    if let Err(error) = app.storage().upload_complete_many(staged).await {
        // One by one each gets its own answer.
        tracing::debug!(%error, files = rows.len(), "not all completed at once");
        return Ok(HashMap::new());
    }
    crash_point!("complete-many-stored");
    let mut write = app.database().write().await?;
    if write.upload_set_states(&ids, UploadState::Completing, UploadState::Committed, now).await? != count {
        return Ok(HashMap::new());
    }
    commit(&mut write, owner, rows, now).await?;
    crash_point!("complete-many-written");
    write.commit().await?;
    crash_point!("complete-many-committed");
    app.inner.begun.forget(ids);
    for _ in rows {
        app.inner.metrics.upload("completed");
    }
    events::announce(app);
    queue::wake(app);
    Ok(rows.iter().map(|row| (row.id, row.asset)).collect())
}
