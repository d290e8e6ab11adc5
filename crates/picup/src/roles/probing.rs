//! What may go straight to and from a bucket, found out again and again: its rules may change, and a service may.

use std::sync::Arc;
use std::time::Duration;

use picup_storage::{Storage, WhyProxied};
use tokio_util::sync::CancellationToken;

use super::cdn::Cdn;
use super::origin::Straight;

/// How often a bucket is probed …
const USUAL: Duration = Duration::from_secs(3600);
/// … and how soon again when nothing could be found out.
const SOON: Duration = Duration::from_secs(60);

type Found = Result<(), WhyProxied>;

/// Finds out whether parts of uploads may go straight into the bucket, until `stop`; what a probe has made by then is removed first.
pub(super) async fn parts(storage: Storage, origin: Option<String>, stop: CancellationToken) {
    let mut told = None;
    while !stop.is_cancelled() {
        let found = storage.probe(origin.as_deref(), stop.clone().cancelled_owned()).await;
        if is_news(told.as_ref(), &found) {
            match &found {
                Ok(()) => tracing::info!("parts of uploads go straight into the bucket"),
                Err(why) => {
                    tracing::info!(%why, "PicUp carries the parts of uploads into the bucket; see: picup doctor")
                }
            }
        }
        let wait = wait_after(&found);
        told = Some(found);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Finds out whether photos and videos may be read straight from the bucket, or from the CDN before it, for ever.
pub(super) async fn reads(storage: Storage, straight: Straight, cdn: Option<Arc<Cdn>>) {
    let mut told = None;
    loop {
        let found = match &cdn {
            Some(cdn) => storage.probe_cdn(&cdn.signs()).await,
            None => storage.probe_reads().await,
        };
        straight.set(found.is_ok());
        if told.as_ref() != Some(&found) {
            match (&found, &cdn) {
                (Ok(()), Some(cdn)) => tracing::info!(cdn = cdn.origin(), "photos and videos are read from the CDN"),
                (Ok(()), None) => tracing::info!("photos and videos are read straight from the bucket"),
                (Err(why), _) => {
                    tracing::warn!(why, "PicUp carries photos and videos from the bucket; see: picup doctor");
                }
            }
            told = Some(found);
        }
        tokio::time::sleep(USUAL).await;
    }
}

fn wait_after(found: &Found) -> Duration {
    if matches!(found, Err(WhyProxied::Unknown(_))) { SOON } else { USUAL }
}

/// Whether what was found is worth a line in the log. A service that is away says so in other words each time.
fn is_news(told: Option<&Found>, found: &Found) -> bool {
    match (told, found) {
        (Some(Err(WhyProxied::Unknown(_))), Err(WhyProxied::Unknown(_))) => false,
        (told, found) => told != Some(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(why: &str) -> Found {
        Err(WhyProxied::Unknown(why.to_owned()))
    }

    #[test]
    fn a_service_that_is_away_is_asked_again_soon() {
        assert_eq!(wait_after(&unknown("no answer")), SOON);
        for found in [Ok(()), Err(WhyProxied::Configured), Err(WhyProxied::Unsafe("it stores all".to_owned()))] {
            assert_eq!(wait_after(&found), USUAL);
        }
    }

    #[test]
    fn the_same_is_told_once() {
        assert!(is_news(None, &Ok(())) && !is_news(Some(&Ok(())), &Ok(())));
        assert!(!is_news(Some(&unknown("no answer in 5 s")), &unknown("no answer in 6 s")));
        assert!(is_news(Some(&unknown("no answer")), &Ok(())) && is_news(Some(&Ok(())), &unknown("no answer")));
    }
}
