//! What did not come back: pictures are made again, originals are owned up to, and uploads that were under way are given up.

use picup_database::{Database, ObjectState, UploadState};
use picup_domain::{AccountId, AssetId, ObjectKey, ObjectRole, Timestamp};
use picup_storage::{Error as Storage, Storage as Store};

use super::PAGE;
use crate::Error;
use crate::queue::{self, Task};

/// Says of every asset what its missing objects mean: pictures are made again, originals are damaged until they are uploaded again.
///
/// # Errors
/// When the database or the store does not answer.
pub async fn own_up(database: &Database, store: &Store, now: Timestamp) -> Result<u64, Error> {
    let (mut after, mut remade) = (String::new(), 0);
    loop {
        let page = database.read_fresh().await?.object_page(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(remade) };
        after = last.key.to_string();
        for object in page.into_iter().filter(|object| object.state == ObjectState::Committed) {
            match store.open_object(&object.key).await {
                Ok(_) => {}
                Err(Storage::NotFound(_)) => remade += u64::from(missing(database, &object.key, now).await?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Gives up the uploads that were under way at the moment that came back: what had arrived of them was in no backup.
///
/// # Errors
/// When the database does not answer.
pub async fn give_up_uploads(database: &Database) -> Result<(), Error> {
    let ever = Timestamp::from_micros(i64::MAX);
    loop {
        let open = database.read_fresh().await?.upload_list_expired(ever, PAGE).await?;
        if open.is_empty() {
            return Ok(());
        }
        let mut write = database.write().await?;
        for row in open {
            let key = crate::upload::row_key(&row);
            if write.upload_delete(row.id, row.state).await? && row.state != UploadState::Committed {
                write.quota_release(row.owner, row.bytes).await?;
                write.object_doom(&key).await?;
                write.object_delete(&key, row.created_at).await?;
            }
        }
        write.commit().await?;
    }
}

/// `true` when it is a picture that is made again.
async fn missing(database: &Database, key: &ObjectKey, now: Timestamp) -> Result<bool, Error> {
    let (owner, asset): (AccountId, AssetId) = (key.owner(), key.asset());
    let mut write = database.write().await?;
    let again = match key.role() {
        ObjectRole::Thumbnail | ObjectRole::Preview => write.asset_look_again(owner, asset, now).await?,
        role @ (ObjectRole::Original | ObjectRole::Motion) => {
            let details = r#"{"reason":"the original was not in the backup that this PicUp was restored from"}"#;
            write.asset_lose(owner, asset, details, role == ObjectRole::Motion).await?;
            false
        }
    };
    if again {
        queue::enqueue_for(&mut write, Task::Process { owner, asset }, now, now).await?;
    }
    write.commit().await?;
    Ok(again)
}
