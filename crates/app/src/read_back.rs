//! Reading an object back and comparing it. Called by whatever says of a file that it is good, damaged or lost.
//!
//! A network or a memory may break what is read of an object that is whole, and what is said of a file stays: so a reading that is not
//! what was expected counts only when the next one agrees with it.

use std::time::Duration;

use picup_domain::{ByteSize, ObjectKey, Sha256};
use picup_storage::{Error as Storage, Hashes};

use crate::App;

/// How long after a reading the next one begins: whatever broke the first is over then, more often than not.
const MOMENT: Duration = Duration::from_millis(500);
/// After so many that all differ the last one is believed.
const MOST: u32 = 4;

/// What an object was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// What was expected.
    Expected(Hashes),
    /// Something else.
    Other(Hashes),
    /// Nothing.
    Missing,
}

/// Reads an object until it is what is expected, or two readings agree that it is not.
pub(crate) async fn read_back(
    app: &App,
    key: &ObjectKey,
    bytes: ByteSize,
    sha256: Option<Sha256>,
) -> Result<Found, Storage> {
    let mut before = None;
    for _ in 0..MOST {
        let found = match app.storage().hash(key).await {
            Ok(found) if found.bytes == bytes.get() && sha256 == Some(found.sha256) => {
                return Ok(Found::Expected(found));
            }
            Ok(found) => Found::Other(found),
            Err(Storage::NotFound(_)) => Found::Missing,
            Err(error) => return Err(error),
        };
        if before == Some(found) {
            return Ok(found);
        }
        before = Some(found);
        tokio::time::sleep(MOMENT).await;
    }
    Ok(before.unwrap_or(Found::Missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    async fn put(app: &App, key: &ObjectKey, content: &'static str) {
        app.storage().delete(key).await.unwrap();
        app.storage().put(key, content.into()).await.unwrap();
    }

    async fn read(app: &App, key: &ObjectKey) -> Found {
        read_back(app, key, ByteSize::new(4).unwrap(), Some(Sha256::of(b"good"))).await.unwrap()
    }

    #[tokio::test]
    async fn a_reading_counts_once_another_agrees_with_it() {
        let app = TestApp::new().await;
        let id = "01a22bb4-06cc-7a7d-a47e-4d72eb97345c";
        let key: ObjectKey = format!("media/{id}/{id}/file/original.1.jpg").parse().unwrap();
        assert_eq!(read(&app, &key).await, Found::Missing);
        put(&app, &key, "good").await;
        assert!(matches!(read(&app, &key).await, Found::Expected(_)));
        put(&app, &key, "baad").await;
        assert!(matches!(read(&app, &key).await, Found::Other(found) if found.sha256 == Sha256::of(b"baad")));
        let (found, ()) = tokio::join!(read(&app, &key), async {
            tokio::time::sleep(MOMENT / 2).await;
            put(&app, &key, "good").await;
        });
        assert!(matches!(found, Found::Expected(_)), "{found:?}");
    }
}
