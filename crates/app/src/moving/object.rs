//! One object on its way: copied, read back and compared, or healed, or told of.

use picup_database::{Object, ObjectState};
use picup_domain::ObjectKey;
use picup_storage::{Error as Storage, Expected, Sides, crash_point};

use crate::backup::heal;
use crate::{App, Error};

/// How an object was found in the new place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It is not there.
    Missing,
    /// It is there, and nobody has proved it; or it has another size.
    Unproved,
}

/// What came of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// It is there, proved now or before.
    Present,
    /// It is there now, proved.
    Copied(u64),
    /// It is there now, from a backup.
    Healed,
    /// It is not what is recorded, and there as it is.
    Damaged,
    /// It is in neither place.
    Lost,
    /// The old place does not give it.
    Unread(String),
    /// It does not count any more, or nothing was stored yet.
    Gone,
}

/// Brings one object to the new place, if it counts.
pub(super) async fn bring(app: &App, sides: &Sides, object: &Object, found: Found) -> Result<Done, Error> {
    if object.state == ObjectState::Staged {
        return staged(app, sides, &object.key).await;
    }
    let expected = Expected { bytes: object.bytes.get(), sha256: object.sha256 };
    let key = &object.key;
    let done = match found {
        Found::Unproved => match proved(sides, key, expected).await {
            Ok(()) => return Ok(Done::Present),
            Err(Storage::Altered(_) | Storage::NotFound(_)) => copied(sides, key, expected, true).await,
            Err(error) => Err(error),
        },
        Found::Missing => copied(sides, key, expected, false).await,
    };
    let done = match done {
        Ok(()) => Done::Copied(expected.bytes),
        Err(Storage::NotFound(_) | Storage::SourceDiffers | Storage::Altered(_) | Storage::Io { .. }) => {
            otherwise(app, sides, key, expected).await?
        }
        Err(error) => return Err(error.into()),
    };
    settled(app, sides, key, done).await
}

/// An object that is being made: perhaps it was stored in the old place a moment before the move, and will count.
async fn staged(app: &App, sides: &Sides, key: &ObjectKey) -> Result<Done, Error> {
    let found = match sides.from.hash(key).await {
        Ok(found) => found,
        Err(Storage::NotFound(_)) => return Ok(Done::Gone),
        Err(error) => return Err(error.into()),
    };
    let expected = Expected { bytes: found.bytes, sha256: Some(found.sha256) };
    copied(sides, key, expected, false).await?;
    settled(app, sides, key, Done::Copied(found.bytes)).await
}

/// What was removed while it was copied is removed from the new place too.
async fn settled(app: &App, sides: &Sides, key: &ObjectKey, done: Done) -> Result<Done, Error> {
    let row = app.database().read_fresh().await?.object_by_key(key).await?;
    if row.is_none_or(|row| row.state == ObjectState::Deleting) {
        sides.to.delete(key).await?;
        return Ok(Done::Gone);
    }
    crash_point!("move-object-copied");
    Ok(done)
}

/// Copies an object and reads it back. What was read and what then stands there are both held against what is expected.
async fn copied(sides: &Sides, key: &ObjectKey, expected: Expected, replace: bool) -> Result<(), Storage> {
    let content = sides.from.open_object(key).await?.read(0..u64::MAX);
    match sides.to.put_back(key, content, expected, replace).await {
        // It came there in another way.
        Ok(()) | Err(Storage::Exists(_)) => proved(sides, key, expected).await,
        Err(error) => Err(error),
    }
}

/// Reads an object in the new place and compares it.
async fn proved(sides: &Sides, key: &ObjectKey, expected: Expected) -> Result<(), Storage> {
    let found = sides.to.hash(key).await?;
    let same = found.bytes == expected.bytes && expected.sha256.is_none_or(|sha256| sha256 == found.sha256);
    if same { Ok(()) } else { Err(Storage::Altered(key.to_string())) }
}

/// An object that the old place does not have as it is recorded: it may have been new in the new one, or come from a backup; else it
/// goes there as it is.
async fn otherwise(app: &App, sides: &Sides, key: &ObjectKey, expected: Expected) -> Result<Done, Error> {
    if proved(sides, key, expected).await.is_ok() {
        return Ok(Done::Present);
    }
    if heal::primary(app, key, expected).await {
        proved(sides, key, expected).await?;
        return Ok(Done::Healed);
    }
    let found = match sides.from.hash(key).await {
        Ok(found) => found,
        Err(Storage::NotFound(_)) => {
            return Ok(match sides.to.open_object(key).await {
                Ok(_) => Done::Damaged,
                Err(Storage::NotFound(_)) => Done::Lost,
                Err(error) => return Err(error.into()),
            });
        }
        Err(error @ Storage::Io { .. }) => return Ok(Done::Unread(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let as_it_is = Expected { bytes: found.bytes, sha256: Some(found.sha256) };
    if expected.bytes == found.bytes && expected.sha256.is_none_or(|sha256| sha256 == found.sha256) {
        // What was read of it before was broken on the way.
        copied(sides, key, expected, true).await?;
        return Ok(Done::Copied(expected.bytes));
    }
    copied(sides, key, as_it_is, true).await?;
    Ok(Done::Damaged)
}
