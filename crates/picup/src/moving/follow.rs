//! A store that keeps to what is known of moves, in the process that carries one out and in every other that has the store open.

use anyhow::{Context, bail};
use picup_storage::Storage;

use super::note::{Note, State};
use super::settings::{self, Words};
use super::work::LOOK_EVERY;
use crate::config::Config;

/// A store, and where it is.
#[derive(Clone)]
pub(crate) struct Follower {
    /// Says of the store where it was before the move that goes on, or is now.
    pub(crate) config: Config,
    storage: Storage,
    /// When the move was asked for that the store is in.
    under_way: Option<i64>,
}

impl Follower {
    /// Of a store that was opened as the configuration says.
    pub(crate) fn new(config: Config, storage: Storage) -> Self {
        Self { config, storage, under_way: None }
    }

    /// Has the store be where a move has got to, if there is one.
    ///
    /// # Errors
    /// As [`Self::keep_to`], and when the note cannot be read.
    pub(crate) async fn look(&mut self) -> anyhow::Result<()> {
        match Note::read(&self.config.data_dir)? {
            Some(note) => self.keep_to(&note).await.map(drop),
            None => Ok(()),
        }
    }

    /// Has the store be where a move has got to, and says whether it is moving then. No change where it is there already.
    ///
    /// # Errors
    /// When the configuration says something else than the note, or the other store cannot be opened.
    pub(crate) async fn keep_to(&mut self, note: &Note) -> anyhow::Result<bool> {
        if self.under_way.is_some_and(|asked_at| asked_at != note.asked_at || !note.is_under_way()) {
            let place = if note.is_under_way() { &note.from } else { note.place() };
            self.end(note, place).await?;
        }
        if !note.is_under_way() || self.has_arrived(note) {
            return Ok(false);
        }
        if self.under_way.is_none() {
            self.begin(note).await?;
        }
        if note.state == State::Back {
            self.storage.turn_back().await;
        }
        Ok(true)
    }

    async fn begin(&mut self, note: &Note) -> anyhow::Result<()> {
        let present = Words::of(&self.config);
        if !present.is_same_place(&note.from) {
            bail!(
                "the photos are being moved from {} to {}, and the configuration says that they are in {}; name {} again in {}",
                note.from.place(),
                note.to.place(),
                present.place(),
                note.from.place(),
                note.file.display()
            );
        }
        let (_, there) = settings::rewritten(&note.file, &self.config.data_dir, &note.to)?;
        self.storage
            .begin_move(there.storage_settings()?)
            .await
            .context("opening the store that the photos move to")?;
        self.under_way = Some(note.asked_at);
        Ok(())
    }

    /// Has the store be in the place alone that a move has ended in.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub(crate) async fn end(&mut self, note: &Note, place: &Words) -> anyhow::Result<()> {
        if place.is_same_place(&Words::of(&self.config)) {
            self.storage.turn_back().await;
        } else {
            let (_, there) = settings::rewritten(&note.file, &self.config.data_dir, place)?;
            self.config.store = there.store;
        }
        self.storage.end_move().await;
        self.under_way = None;
        Ok(())
    }

    /// Whether the configuration names the new place already, as it does between the two last steps of a move.
    fn has_arrived(&self, note: &Note) -> bool {
        note.state != State::Back && Words::of(&self.config).is_same_place(&note.to)
    }

    /// Follows moves that another process carries out, for ever: what is written here meanwhile goes where that one looks for it.
    pub(crate) async fn follow(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "a move cannot be followed now");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use picup_domain::{ObjectKey, Timestamp};
    use picup_storage::Metrics;

    use super::*;
    use crate::config::{Flags, read};

    struct Stage {
        folder: tempfile::TempDir,
        follower: Follower,
    }

    impl Stage {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let flags = Flags { data_dir: Some(folder.path().join("data")), ..Flags::default() };
            std::fs::create_dir(folder.path().join("data")).unwrap();
            let config = read("", flags).unwrap_or_else(|_| panic!("an empty configuration"));
            let storage = Storage::open(config.storage_settings().unwrap(), Metrics::default()).await.unwrap();
            Self { follower: Follower::new(config, storage), folder }
        }

        fn place(&self, name: &str) -> (PathBuf, Words) {
            let path = self.folder.path().join(name);
            (path.clone(), Words { url: Some(path.display().to_string()), ..Words::default() })
        }

        fn note(&self, state: State, from: &Words, to: &Words, asked_at: i64) -> Note {
            let file = self.folder.path().join("picup.toml");
            Note { state, ..Note::new(file, from.clone(), to.clone(), Timestamp::from_micros(asked_at)) }
        }

        /// Has the follower see that, and gives whether what is new then stands in a folder.
        async fn writes_to(&mut self, note: &Note, folder: &Path, number: u8) -> bool {
            self.follower.keep_to(note).await.unwrap();
            let key = format!(
                "media/01890a5d-ac96-774b-bcce-b302099a80{number:02x}/01890a5d-ac96-774b-bcce-b302099a8058/file/original.1.jpg"
            );
            let key: ObjectKey = key.parse().unwrap();
            self.follower.storage.put(&key, "content".into()).await.unwrap();
            folder.join(key.to_string()).exists()
        }
    }

    #[tokio::test]
    async fn one_move_after_another_is_followed_whether_its_end_was_seen_or_not() {
        let mut it = Stage::new().await;
        let (home, usual) = (it.folder.path().join("data/objects"), Words::default());
        let ((one, to_one), (two, to_two)) = (it.place("one"), it.place("two"));
        let first = it.note(State::Moving, &usual, &to_one, 1);
        assert!(it.writes_to(&first, &one, 1).await && it.follower.storage.sides().is_some());
        let ended = Note { state: State::Moved, ..first };
        assert!(it.writes_to(&ended, &one, 2).await && it.follower.storage.sides().is_none());
        // The next one, and the one after it without having seen the end of that.
        let second = it.note(State::Moving, &to_one, &to_two, 2);
        assert!(it.writes_to(&second, &two, 3).await);
        let third = it.note(State::Moving, &to_two, &usual, 3);
        assert!(it.writes_to(&third, &home, 4).await && it.follower.storage.sides().is_some());
        // Taken back, without having seen that it was; and another one.
        let back = Note { state: State::TakenBack, ..third };
        assert!(it.writes_to(&back, &two, 5).await && it.follower.storage.sides().is_none());
        let fourth = it.note(State::Moving, &to_two, &to_one, 4);
        assert!(it.writes_to(&fourth, &one, 6).await);
        let turned = Note { state: State::Back, ..fourth };
        assert!(it.writes_to(&turned, &two, 7).await && it.follower.storage.sides().is_some());
        // The configuration names another place than the note.
        let strange = it.note(State::Moving, &to_one, &usual, 5);
        it.follower.under_way = None;
        assert!(it.follower.keep_to(&strange).await.unwrap_err().to_string().contains("name "));
    }
}
