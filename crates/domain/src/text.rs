//! Text that people name things with.

use crate::Invalid;

/// One trimmed line of 1 to `most` characters without control characters.
pub(crate) fn one_line(field: &'static str, text: &str, most: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(Invalid::new(field, format!("write 1 to {most} characters, none of them control characters")));
    }
    Ok(text.to_owned())
}
