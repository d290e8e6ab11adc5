//! `picup nginx-exporter`: metrics of the log of an nginx that others keep. Nothing of PicUp's data is opened.

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::Context as _;
use picup_exporter::{Exporter, Settings};
use tokio::net::TcpListener;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::stop_on_signal;

/// Begins the log of what is said: on standard error, since standard output is for results.
pub(crate) fn log() {
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let _ = lines.finish().try_init();
}

/// Follows the logs and answers until SIGTERM or SIGINT, then ends at once: there is nothing to finish.
pub(crate) async fn serve(settings: &Settings, from_start: bool) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let mut exporter = Exporter::new(settings)?;
    let place = (settings.host.trim_matches(['[', ']']), settings.port);
    let listener = TcpListener::bind(place).await.with_context(|| {
        let (host, port) = place;
        format!("listening on {host}:{port}; is another program using it? Choose another with --listen ADDR:PORT")
    })?;
    exporter.start(from_start).await?;
    tracing::info!(address = %listener.local_addr()?, path = settings.metrics_path, "metrics of nginx's log; also /live and /ready");
    tokio::select! {
        served = picup_exporter::serve(listener, Arc::new(exporter), &settings.metrics_path) => {
            served.context("answering")
        }
        () = stop.cancelled() => Ok(()),
    }
}
