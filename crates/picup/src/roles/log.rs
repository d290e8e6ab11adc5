//! The log: one line an event on standard error, for people or for programs.

use std::io::{IsTerminal, Write as _};

use picup_gateway::{AccessFormat, AccessLog};
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

/// The lines of requests, which look like the others and stand among them.
pub(crate) fn access(config: &LogConfig) -> AccessLog {
    let format = match config.format {
        LogFormat::Text => AccessFormat::Text,
        LogFormat::Json => AccessFormat::Json,
    };
    AccessLog::new(format, |line| {
        let _ = std::io::stderr().write_all(line.as_bytes());
    })
}
