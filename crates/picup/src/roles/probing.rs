//! What may go straight to and from a bucket, found out again and again: its rules may change, and a service may.

use std::time::Duration;

use picup_storage::Storage;

use super::origin::Straight;

/// How often a bucket is probed.
const EVERY: Duration = Duration::from_secs(3600);

/// Finds out whether parts of uploads may go straight into the bucket, for ever.
pub(super) async fn parts(storage: Storage, origin: Option<String>) {
    let mut told = None;
    loop {
        let found = storage.probe(origin.as_deref()).await;
        if told.as_ref() != Some(&found) {
            match &found {
                Ok(()) => tracing::info!("parts of uploads go straight into the bucket"),
                Err(why) => {
                    tracing::info!(why, "PicUp carries the parts of uploads into the bucket; see: picup doctor")
                }
            }
            told = Some(found);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Finds out whether photos and videos may be read straight from the bucket, for ever.
pub(super) async fn reads(storage: Storage, straight: Straight) {
    let mut told = None;
    loop {
        let found = storage.probe_reads().await;
        straight.set(found.is_ok());
        if told.as_ref() != Some(&found) {
            match &found {
                Ok(()) => tracing::info!("photos and videos are read straight from the bucket"),
                Err(why) => {
                    tracing::warn!(why, "PicUp carries photos and videos from the bucket; see: picup doctor");
                }
            }
            told = Some(found);
        }
        tokio::time::sleep(EVERY).await;
    }
}
