//! Standard output, for results. A reader that has gone (`picup config template | head -3`) is not an error.

use std::io::Write;

use serde::Serialize;

/// Prints one line.
pub(super) fn line(text: &str) {
    text_of(&format!("{text}\n"));
}

/// Prints text as it is.
pub(super) fn text_of(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Prints one line of JSON.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}
