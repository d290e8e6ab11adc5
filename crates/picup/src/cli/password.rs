//! Reads a password: from a file, from standard input, or from a person at a terminal. Never from the command line, where
//! every user of the machine could see it.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;

use super::Failure;

/// More than any password has; a wrong file is not read whole.
const MOST: u64 = 4096;

/// The password in `file` (`-` is standard input); without one, a person is asked.
pub(super) fn read(file: Option<&Path>, question: &str) -> Result<String, Failure> {
    let text = match file {
        Some(path) if path == Path::new("-") => read_from(std::io::stdin().lock(), "standard input")?,
        Some(path) => {
            let (text, warning) = read_file(path)?;
            if let Some(warning) = warning {
                eprintln!("warning: {warning}");
            }
            text
        }
        None if std::io::stdin().is_terminal() => {
            rpassword::prompt_password(question).context("cannot read the password from the terminal")?
        }
        None => {
            return Err(Failure::usage("there is no terminal to ask for the password at")
                .next("name a file that holds it: --password-file FILE, or - for standard input"));
        }
    };
    if text.is_empty() {
        return Err(Failure::usage("the password or key is empty").next("write it on the first line of the file"));
    }
    Ok(text)
}

/// The password in a file, and what to say when others could read it too.
fn read_file(path: &Path) -> Result<(String, Option<String>), Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| {
        Failure::usage(format!("cannot open the password file {shown}: {error}"))
            .next("write the password into a file that only you may read, and name it with --password-file")
    })?;
    let mode = file.metadata().with_context(|| format!("cannot look at {shown}"))?.permissions().mode();
    let warning = (mode & 0o077 != 0)
        .then(|| format!("other users of this machine may read {shown}; close it with: chmod 600 {shown}"));
    Ok((read_from(file, &shown.to_string())?, warning))
}

fn read_from(source: impl Read, name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = source.take(MOST + 1).read_to_string(&mut text);
    if read.with_context(|| format!("cannot read a password in UTF-8 from {name}"))? as u64 > MOST {
        return Err(Failure::usage(format!("{name} is too long to hold a password")));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_line_end_is_not_part_of_the_password_but_spaces_are() {
        for (text, password) in [("secret", "secret"), (" se cret \n", " se cret "), ("secret\r\n", "secret")] {
            assert_eq!(read(Some(file(text, 0o600).path()), "").unwrap(), password);
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_warned_about_with_the_remedy() {
        let warning = |mode| read_file(file("secret", mode).path()).unwrap().1;
        assert_eq!(warning(0o600), None);
        for open in [0o640, 0o604, 0o644] {
            assert!(warning(open).unwrap().contains("chmod 600 "));
        }
    }

    #[test]
    fn no_password_is_a_mistake() {
        for text in ["", "\n", &"x".repeat(5000)] {
            assert!(read(Some(file(text, 0o600).path()), "").is_err());
        }
        assert!(read(Some(Path::new("/nonexistent")), "").unwrap_err().to_string().contains("next: "));
    }
}
