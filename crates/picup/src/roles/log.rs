//! The log: one line an event on standard error, for people or for programs.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use picup_gateway::{AccessFormat, AccessLog};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Starts the log. A second call in one process changes nothing.
pub(crate) fn start(config: &LogConfig) {
    // The level was checked when the configuration was read.
    let filter = EnvFilter::builder().parse_lossy(&config.level);
    let colour = std::io::stderr().is_terminal();
    // A log that cannot be written (its disk is full, its reader is gone) must not stop PicUp: told to tell of that on standard
    // error, the subscriber would panic there.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let _ = match config.format {
        LogFormat::Text => lines.finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
}

/// The lines of requests: on standard error, among the others, or in a file of their own.
pub(crate) fn access(config: &LogConfig) -> anyhow::Result<AccessLog> {
    let format = config.access_format.unwrap_or(match config.format {
        LogFormat::Text => AccessFormat::Text,
        LogFormat::Json => AccessFormat::Json,
    });
    // Whoever moves logs away may send it though there is no file: it ends nothing.
    let reopens = signal(SignalKind::user_defined1()).context("waiting for SIGUSR1")?;
    let Some(path) = &config.access_file else {
        return Ok(AccessLog::new(format, |line| {
            let _ = std::io::stderr().write_all(line.as_bytes());
        }));
    };
    let open = {
        let path = path.clone();
        move || OpenOptions::new().append(true).create(true).mode(0o640).open(&path)
    };
    let file = open().with_context(|| format!("log.access_file: opening {}", path.display()))?;
    let file = Arc::new(Mutex::new(file));
    tokio::spawn(reopen(Arc::clone(&file), open, path.clone(), reopens));
    Ok(AccessLog::new(format, move |line| {
        let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }))
}

/// Whoever moves a full log away says so, and the lines go to a new file from then on.
async fn reopen(file: Arc<Mutex<File>>, open: impl Fn() -> std::io::Result<File>, path: PathBuf, mut user: Signal) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    loop {
        tokio::select! {
            _ = user.recv() => {}
            _ = hangup.recv() => {}
        }
        match open() {
            Ok(new) => *file.lock().unwrap_or_else(PoisonError::into_inner) = new,
            Err(error) => tracing::warn!(%error, file = %path.display(), "the access log cannot be opened anew"),
        }
    }
}
