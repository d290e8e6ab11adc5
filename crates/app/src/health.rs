//! Whether this process can do its work now.

use std::sync::atomic::Ordering;

use crate::App;

/// Whether requests should be sent here: the database answers, and nobody asked this process to stop.
pub async fn ready(app: &App) -> bool {
    if app.inner.stopping.load(Ordering::SeqCst) {
        return false;
    }
    match app.database().read_freshest().await {
        Ok(mut read) => read.setup_is_open().await.is_ok(),
        Err(_) => false,
    }
}

/// Says from now on that this process is not ready, so that balancers send no more.
pub fn stop(app: &App) {
    app.inner.stopping.store(true, Ordering::SeqCst);
}
