//! How a command that failed says so: what went wrong, why, and what to do next.

use std::fmt;
use std::process::ExitCode;

use crate::config::Mistakes;

/// A failed command. Shown, it is the lines for standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    next: Option<String>,
    code: u8,
}

impl Failure {
    /// The command line or the configuration has a mistake.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { error: anyhow::Error::msg(text.into()), next: None, code: 2 }
    }

    /// What to do next.
    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// The exit code: 1 for what failed, 2 for a mistake in the command line or the configuration.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, next: None, code: 1 }
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self { error: mistakes.into(), next: None, code: 2 }
            .next("correct the file; `picup config template` prints every setting and what it means")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            // Many libraries repeat their cause in their own text.
            if said.is_empty() {
                writeln!(f, "error: {text}")?;
            } else if !said.contains(&text) {
                writeln!(f, "  because: {text}")?;
            }
            said.push_str(&text);
        }
        match &self.next {
            Some(next) => writeln!(f, "  next: {next}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_told_once_and_then_what_to_do() {
        let refused = std::io::Error::other("permission denied");
        let error = Err::<(), _>(refused).context("opening: permission denied").context("cannot start").unwrap_err();
        let text = Failure::from(error).next("run it as the owner").to_string();
        assert_eq!(text, "error: cannot start\n  because: opening: permission denied\n  next: run it as the owner\n");
    }
}
