//! The mark of a restore: stands in the data folder while that is not finished, says what it is of, and keeps everybody from serving it.

use std::path::Path;

use anyhow::Context;
use picup_app::restore::part::Part;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::moving::note::write_whole;

const NAME: &str = "restore.json";

/// What is known of a restore that was begun.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) from: String,
    pub(super) catalogue: String,
    /// When not all of it is asked for.
    #[serde(default)]
    pub(super) part: Option<Choice>,
    /// Once the database is back: the destination, whether copies are encrypted, and the moment that came back.
    pub(super) database: Option<Back>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Back {
    pub(super) destination: String,
    pub(super) sealed: bool,
    pub(super) made_at: i64,
}

/// A part of a backup, as it was asked for; in one order, whatever the command line's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Choice {
    accounts: Vec<String>,
    albums: Vec<String>,
}

impl Choice {
    /// `None` for all there is.
    pub(super) fn of(part: &Part) -> Option<Self> {
        let sorted = |mut texts: Vec<String>| {
            texts.sort_unstable();
            texts.dedup();
            texts
        };
        let accounts = part.accounts.iter().map(ToString::to_string).collect();
        (!part.accounts.is_empty()).then(|| Self { accounts: sorted(accounts), albums: sorted(part.albums.clone()) })
    }

    /// As the command line has it.
    fn told(choice: Option<&Self>) -> String {
        let Some(Self { accounts, albums }) = choice else { return "of everything".to_owned() };
        let accounts = accounts.iter().map(|email| format!("--account {email}"));
        let albums = albums.iter().map(|title| format!("--album '{title}'"));
        format!("with {}", accounts.chain(albums).collect::<Vec<_>>().join(" "))
    }
}

impl Mark {
    /// Whether it is of what is asked for now.
    pub(super) fn is_of(&self, from: &str, part: Option<&Choice>) -> bool {
        self.from == from && self.part.as_ref() == part
    }

    /// That another restore was begun here.
    pub(super) fn refusal(&self) -> Failure {
        let Self { from, part, .. } = self;
        Failure::from(anyhow::anyhow!("a restore from {from} {} was begun here", Choice::told(part.as_ref())))
            .next("finish that one, or name an empty --data-dir")
    }
}

/// The mark in a folder, if there is one.
pub(super) fn begun(data_dir: &Path) -> Result<Option<Mark>, Failure> {
    let path = data_dir.join(NAME);
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow::Error::new(error).context(format!("reading {}", path.display())).into()),
    }
}

/// Writes the mark, whole or not at all.
pub(super) fn keep(data_dir: &Path, mark: &Mark) -> Result<(), Failure> {
    let text = serde_json::to_vec(mark).context("writing the mark of the restore")?;
    Ok(write_whole(&data_dir.join(NAME), &text, 0o600)?)
}

/// The restore is finished.
pub(super) fn remove(data_dir: &Path) -> Result<(), Failure> {
    Ok(std::fs::remove_file(data_dir.join(NAME)).context("removing the mark of the restore")?)
}

/// Refuses a data folder in which a restore is not finished.
pub(crate) fn refuse_unfinished(data_dir: &Path) -> anyhow::Result<()> {
    if data_dir.join(NAME).exists() {
        anyhow::bail!(
            "a restore into {} is not finished; run `picup restore` again, with what you gave it before",
            data_dir.display()
        );
    }
    Ok(())
}
