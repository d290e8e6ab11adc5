//! Follows the file with the database's password: a new one in it is used from then on, and no request notices.

use std::path::PathBuf;
use std::time::Duration;

use picup_database::Database;

use crate::secrets;

const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The file, and what was read from it last.
pub(super) struct Followed {
    path: PathBuf,
    known: Option<String>,
}

impl Followed {
    /// To be made before the database is opened with what the file has: what it has afterwards may be newer.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { known: secrets::password(&path).ok(), path }
    }

    /// Looks for ever. A password that the server refuses changes nothing, and is tried again: it may be written before the
    /// server knows it.
    pub(super) async fn follow(self, database: Database) {
        let Self { path, mut known } = self;
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // A file that is being replaced, or was written badly, is looked at again.
            let Ok(found) = secrets::password(&path) else { continue };
            if known.as_ref() == Some(&found) {
                continue;
            }
            match database.sign_in_as(None, &found).await {
                Ok(()) => {
                    tracing::info!(file = %path.display(), "the database's new password is in use");
                    known = Some(found);
                }
                Err(error) if told.as_ref() != Some(&found) => {
                    tracing::warn!(file = %path.display(), %error, "the database refuses the new password; the old one stays in use");
                    told = Some(found);
                }
                Err(_) => {}
            }
        }
    }
}
