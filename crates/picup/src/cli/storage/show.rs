//! How a move is told, to people and to programs.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use picup_app::moving::Progress;
use picup_domain::{ByteSize, Timestamp};
use serde::Serialize;

use crate::cli::user::moment;
use crate::config::Config;
use crate::moving::note::{Note, State};
use crate::moving::settings::{Words, kept_beside};

/// How often a line is printed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where the photos are, and how far a move is.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Where they are by the configuration.
    place: String,
    #[serde(rename = "move")]
    of_move: Option<ShownMove>,
}

#[derive(Debug, Serialize)]
struct ShownMove {
    state: State,
    from: String,
    to: String,
    /// RFC 3339.
    asked_at: String,
    ended_at: Option<String>,
    forgotten_at: Option<String>,
    trouble: Option<String>,
    /// Where the configuration from before is kept.
    #[serde(skip)]
    before: String,
    #[serde(flatten)]
    progress: Progress,
}

impl Shown {
    pub(super) fn of(config: &Config, note: Option<Note>) -> Self {
        let told = |at: i64| moment(Timestamp::from_micros(at));
        let of_move = note.map(|note| ShownMove {
            state: note.state,
            from: note.from.place(),
            to: note.to.place(),
            asked_at: told(note.asked_at),
            ended_at: note.ended_at.map(told),
            forgotten_at: note.forgotten_at.map(told),
            trouble: note.trouble,
            before: kept_beside(&note.file).display().to_string(),
            progress: note.progress,
        });
        let moved = of_move.as_ref().filter(|it| matches!(it.state, State::Moved | State::Arrived));
        Self { place: moved.map_or_else(|| Words::of(config).place(), |moved| moved.to.clone()), of_move }
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("the photos are in {}\n", self.place);
        let Some(it) = &self.of_move else { return text };
        let (from, to) = (&it.from, &it.to);
        match it.state {
            State::Moving | State::Arrived => {
                text += &format!("they are being moved to {to}, since {}\n  {}\n", it.asked_at, line(&it.progress));
            }
            State::Back => {
                text += &format!("a move to {to} is being taken back\n  {}\n", line(&it.progress));
            }
            State::Moved => text += &it.moved(),
            State::TakenBack => {
                text += &format!("a move to {to} was taken back\n");
                if it.forgotten_at.is_none() {
                    text += "what it copied there stays until you say: picup storage forget-old --yes\n";
                }
            }
        }
        if let Some(trouble) = &it.trouble {
            text += &format!("it does not go on now: {trouble}\n");
        }
        if matches!(it.state, State::Moving | State::Back) {
            it.progress.named.iter().for_each(|name| text += &format!("  {name}\n"));
            if it.progress.lost + it.progress.unread > 0 {
                text += &format!(
                    "see that all of it can be read in {from}; or say the command again with --leave-lost, and it ends without\n"
                );
            }
        }
        text
    }
}

impl ShownMove {
    fn moved(&self) -> String {
        let Self { from, before, progress, .. } = self;
        let size = ByteSize::new(progress.bytes).unwrap_or_default();
        let ended = self.ended_at.as_deref().unwrap_or("a moment ago");
        let mut text = format!(
            "they moved there from {from}: {} objects, {size}, each read back and compared; done at {ended}\n",
            progress.copied
        );
        if progress.damaged > 0 {
            text += &format!("{} were not what is recorded of them, and moved as they were\n", progress.damaged);
        }
        match &self.forgotten_at {
            Some(at) => text += &format!("what was in {from} was removed at {at}\n"),
            None => {
                text += &format!(
                    "{from} is as it was; the configuration from before is {before}. When you need neither any more: picup storage \
                     forget-old --yes\n"
                );
            }
        }
        text
    }
}

fn line(progress: &Progress) -> String {
    let Progress { looked_at, copied, bytes, healed, damaged, lost, unread, uploads, .. } = progress;
    let size = ByteSize::new(*bytes).unwrap_or_default();
    let mut line = format!("{looked_at} objects looked at, {copied} copied and proved, {size}");
    for (count, what) in [
        (healed, "healed from a backup"),
        (damaged, "not what is recorded, and moved as they are"),
        (lost, "in neither place"),
        (unread, "that cannot be read"),
        (uploads, "uploads that were begun before, and are waited for"),
    ] {
        if *count > 0 {
            line += &format!("; {count} {what}");
        }
    }
    line
}

/// Tells now and then how far a move is.
pub(super) struct Watch {
    silent: bool,
    last: Option<Instant>,
    trouble: Option<String>,
}

impl Watch {
    /// `silent` for programs.
    pub(super) fn new(silent: bool) -> Self {
        Self { silent, last: None, trouble: None }
    }

    pub(super) fn at(&mut self, note: &Note) {
        if self.silent {
            return;
        }
        if note.trouble != self.trouble {
            self.trouble.clone_from(&note.trouble);
            self.trouble.iter().for_each(|trouble| eprintln!("it does not go on now: {trouble}"));
        }
        let every = if std::io::stderr().is_terminal() { Duration::from_millis(500) } else { LINE_EVERY };
        if self.last.is_none_or(|last| last.elapsed() >= every) {
            self.last = Some(Instant::now());
            eprintln!("{}", line(&note.progress));
        }
    }
}
