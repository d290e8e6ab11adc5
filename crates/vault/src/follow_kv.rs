//! Looks at a secret of a KV engine again and again, and tells when it has changed.

use std::sync::Arc;

use tokio::time::sleep;

use crate::KvVersion;
use crate::follow::Report;
use crate::inner::Inner;
use crate::keep::closed;
use crate::pace::{self, Failing};

pub(crate) struct KvFollower {
    pub(crate) inner: Arc<Inner>,
    pub(crate) mount: String,
    pub(crate) path: String,
    pub(crate) version: Option<KvVersion>,
    pub(crate) report: Report,
}

impl KvFollower {
    /// Until nobody wants it any more.
    pub(crate) async fn keep(mut self) {
        let mut closing = self.inner.closing.subscribe();
        let usual = self.inner.settings.look_again;
        let (mut failing, mut pause) = (Failing::default(), pace::about(usual));
        loop {
            tokio::select! {
                () = closed(&mut closing) => return,
                () = gone(&mut self.report) => return,
                () = sleep(pause) => {}
            }
            match self.inner.read_kv(&self.mount, &self.path, self.version).await {
                Ok(kv) => {
                    let known = Arc::clone(&self.report.secret.borrow());
                    if known.version != kv.version || known.data != kv.data {
                        tracing::info!(secret = self.report.doing, version = kv.version, "a secret has changed");
                        self.report.publish(kv.data, kv.version, None);
                    }
                    self.report.well(None);
                    failing.end();
                    pause = pace::about(usual);
                }
                Err(error) => {
                    pause = failing.pause(&error, None);
                    self.report.ill(error);
                }
            }
        }
    }
}

/// Waits until whoever follows has gone.
async fn gone(report: &mut Report) {
    while report.held.changed().await.is_ok() {}
}
