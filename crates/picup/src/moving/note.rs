//! `DATA/move.json`: the move that is wanted or was made last, and how far it is. Written by the command and by the PicUp that is at
//! work, each under a lock, whole or not at all. It names files with keys and holds none.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use picup_app::moving::Progress;
use picup_domain::Timestamp;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::settings::Words;

/// What is known of a move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) state: State,
    /// The configuration that is rewritten at its end.
    pub(crate) file: PathBuf,
    pub(crate) from: Words,
    pub(crate) to: Words,
    /// In microseconds.
    pub(crate) asked_at: i64,
    pub(crate) ended_at: Option<i64>,
    /// When the place that is not in use any more was cleared.
    pub(crate) forgotten_at: Option<i64>,
    /// Whether that place is being cleared: nothing may move there before it is done.
    #[serde(default)]
    pub(crate) forgetting: bool,
    /// Whether it may end without objects that are in neither place, or cannot be read.
    pub(crate) leave_lost: bool,
    pub(crate) progress: Progress,
    /// Why it does not go on at the moment.
    pub(crate) trouble: Option<String>,
}

/// Where a move is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It goes on.
    Moving,
    /// Everything is there, and the configuration says so.
    Arrived,
    /// It is done.
    Moved,
    /// It is being taken back.
    Back,
    /// It was taken back.
    TakenBack,
}

impl Note {
    /// A move that is wanted now.
    pub(crate) fn new(file: PathBuf, from: Words, to: Words, now: Timestamp) -> Self {
        Self {
            state: State::Moving,
            file,
            from,
            to,
            asked_at: now.micros(),
            ended_at: None,
            forgotten_at: None,
            forgetting: false,
            leave_lost: false,
            progress: Progress::default(),
            trouble: None,
        }
    }

    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.state, State::Moving | State::Arrived | State::Back)
    }

    /// Where it ends, or has ended.
    pub(crate) fn place(&self) -> &Words {
        if matches!(self.state, State::Back | State::TakenBack) { &self.from } else { &self.to }
    }

    /// The place that is not in use any more, once it is over.
    pub(crate) fn left(&self) -> Option<&Words> {
        match self.state {
            State::Moved => Some(&self.from),
            State::TakenBack => Some(&self.to),
            _ => None,
        }
    }

    /// What is known of a move, if there ever was one.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = path(data_dir);
        match fs::read(&path) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Changes what is known, with nobody in between. What `change` leaves is written if it is something else; a failure of it
    /// leaves everything as it was.
    pub(crate) fn change<T>(
        data_dir: &Path,
        change: impl FnOnce(&mut Option<Self>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(data_dir.join("move.lock"))
            .context("opening the lock of the move")?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).context("waiting for the lock of the move")?;
        let before = Self::read(data_dir)?;
        let mut after = before.clone();
        let changed = change(&mut after)?;
        if let Some(note) = after.filter(|after| before.as_ref() != Some(after)) {
            let text = serde_json::to_vec_pretty(&note).context("writing down the move")?;
            write_whole(&path(data_dir), &text, 0o600)?;
        }
        Ok(changed)
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("move.json")
}

/// Puts a file in place whole: it survives a power cut, or the one before does.
pub(crate) fn write_whole(path: &Path, text: &[u8], mode: u32) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = folder.join(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&part)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_changed_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Note::read(folder.path()).unwrap(), None);
        let words = |url: &str| Words { url: Some(url.to_owned()), ..Words::default() };
        let asked = Note::new("/f".into(), words("/a"), words("/b"), Timestamp::from_micros(1));
        let ask = |note: &mut Option<Note>| {
            *note = Some(asked.clone());
            Ok(())
        };
        Note::change(folder.path(), ask).unwrap();
        assert_eq!(Note::read(folder.path()).unwrap().as_ref(), Some(&asked));
        let refused: anyhow::Result<()> = Note::change(folder.path(), |note| {
            *note = None;
            anyhow::bail!("no")
        });
        assert!(refused.is_err());
        assert_eq!(Note::read(folder.path()).unwrap().as_ref(), Some(&asked));
        assert!(asked.is_under_way() && asked.left().is_none());
        let (moved, back) =
            (Note { state: State::Moved, ..asked.clone() }, Note { state: State::TakenBack, ..asked.clone() });
        assert_eq!((moved.left(), back.left()), (Some(&asked.from), Some(&asked.to)));
    }
}
