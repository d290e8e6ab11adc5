//! Healing: an object that the primary store has lost, or whose bytes are not what they were, comes back from a copy.

use picup_domain::ObjectKey;
use picup_storage::{Error as Storage, Expected};

use super::target::Target;
use crate::{App, Error};

/// Puts an object back into the primary store from the first copy that is good. `false` when there is none.
pub(crate) async fn primary(app: &App, key: &ObjectKey, expected: Expected) -> bool {
    for (target, id) in app.inner.targets.enlisted() {
        let healed = async {
            let kept = app.database().read_fresh().await?.copy_kept(id, key).await?;
            let Some(kept) = kept else { return Ok(false) };
            from(app, target, key, kept.generation, expected).await
        };
        match healed.await {
            Ok(true) => {
                tracing::warn!(%key, from = target.name(), "an object was lost or changed in the store, and is healed from its copy");
                app.inner.metrics.backup.healed("primary");
                return true;
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%key, from = target.name(), error = error.story(), "a copy could not heal an object");
            }
        }
    }
    false
}

async fn from(app: &App, target: &Target, key: &ObjectKey, generation: u32, expected: Expected) -> Result<bool, Error> {
    let content = target.backup().open_content(&target.name_of(key, generation), None).await?;
    match app.storage().put_back(key, content, expected, true).await {
        Ok(()) => {
            let mut write = app.database().write().await?;
            write.object_proved(std::slice::from_ref(key), app.now()).await?;
            write.commit().await?;
            Ok(true)
        }
        // That copy is no good either; its own scrub finds it.
        Err(Storage::SourceDiffers | Storage::Altered(_) | Storage::NotKept(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
