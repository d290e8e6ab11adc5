//! Whether a format fits a log, before anybody counts on it: the last lines of each file are read, and nothing is counted.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::exporter::Error;
use crate::follow::names_of;
use crate::recent::shape;
use crate::settings::{Namespace, Settings};
use crate::tally::{Known, Tally};

/// How much of the end of a file is read, in bytes.
const READ: u64 = 256 * 1024;

/// What can be counted of a line, and the variable that it takes.
const COUNTED: [(Known, &str, &str); 5] = [
    (Known::ResponseBytes, "http_response_size_bytes", "$body_bytes_sent"),
    (Known::RequestBytes, "http_request_size_bytes", "$request_length"),
    (Known::Time(2), "http_response_time_seconds", "$request_time"),
    (Known::Time(0), "http_upstream_time_seconds", "$upstream_response_time"),
    (Known::Time(1), "http_upstream_connect_time_seconds", "$upstream_connect_time"),
];

/// How the lines of one namespace fit.
#[derive(Debug, Default)]
pub struct Fit {
    /// The namespace.
    pub namespace: String,
    /// How many files were read.
    pub files: usize,
    /// How many lines were looked at.
    pub lines: u64,
    /// How many of them fit.
    pub fitting: u64,
    /// What the first that does not fit lacks, and its shape.
    pub objection: Option<(String, String)>,
    /// Metrics that no line gives anything for, and the variable that they would need.
    pub missing: Vec<(&'static str, &'static str)>,
}

impl Fit {
    /// Whether there are lines, and all of them fit.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lines > 0 && self.fitting == self.lines
    }
}

/// Looks at the last lines of every namespace's files.
///
/// # Errors
/// A mistake in the settings, or a file that cannot be read.
pub fn check(settings: &Settings) -> Result<Vec<Fit>, Error> {
    settings.check()?;
    settings.namespaces.iter().map(look).collect()
}

fn look(namespace: &Namespace) -> Result<Fit, Error> {
    let mistake = |what| crate::Mistake::Namespace { name: namespace.name.clone(), what };
    let mut tally = namespace.tally().map_err(|error| mistake(error.to_string()))?;
    let mut fit = Fit { namespace: namespace.name.clone(), ..Fit::default() };
    let mut found = [false; COUNTED.len()];
    for path in names_of(&namespace.files).map_err(|error| mistake(error.to_string()))? {
        let text = last_lines(&path).map_err(|source| Error::Read { file: path.display().to_string(), source })?;
        fit.files += 1;
        for line in text.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n")) {
            fit.line(line, &mut tally, &mut found);
        }
    }
    let missing = COUNTED.iter().zip(found).filter(|(_, found)| !found);
    fit.missing = missing.map(|((_, metric, variable), _)| (*metric, *variable)).collect();
    Ok(fit)
}

impl Fit {
    fn line(&mut self, line: &[u8], tally: &mut Tally, found: &mut [bool]) {
        self.lines += 1;
        match tally.objection(line) {
            None => {
                self.fitting += 1;
                for (found, (known, ..)) in found.iter_mut().zip(COUNTED) {
                    *found |= tally.has(known);
                }
            }
            Some(why) => {
                self.objection.get_or_insert_with(|| (why, shape(line)));
            }
        }
    }
}

/// The whole lines among the last bytes of a file.
fn last_lines(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let begin = file.metadata()?.len().saturating_sub(READ);
    file.seek(SeekFrom::Start(begin))?;
    let mut text = Vec::new();
    file.take(READ).read_to_end(&mut text)?;
    if begin > 0 {
        let first = memchr::memchr(b'\n', &text).map_or(text.len(), |at| at + 1);
        text.drain(..first);
    }
    Ok(text)
}
