//! How far a copy or a backup is: a moving bar on a terminal, a line now and then elsewhere, nothing for programs. All of it goes
//! to standard error.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use picup_database::copy::Progress;
use picup_database::transfer::Stage;

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Shown {
    look: Look,
    stage: Option<Stage>,
}

enum Look {
    Silent,
    Lines(Instant),
    Bar(ProgressBar),
}

impl Shown {
    /// `silent` for programs.
    pub(super) fn new(silent: bool) -> Self {
        let look = match (silent, std::io::stderr().is_terminal()) {
            (true, _) => Look::Silent,
            (false, false) => Look::Lines(Instant::now()),
            (false, true) => Look::Bar(bar()),
        };
        Self { look, stage: None }
    }

    /// Shows it, and says that it is to go on.
    pub(super) fn at(&mut self, stage: Stage, progress: Progress<'_>) -> ControlFlow<()> {
        let new = self.stage.replace(stage) != Some(stage);
        match &mut self.look {
            Look::Silent => {}
            Look::Lines(last) => {
                if new || last.elapsed() >= LINE_EVERY {
                    eprintln!("{}", text(stage, progress));
                    *last = Instant::now();
                }
            }
            Look::Bar(bar) => {
                if new {
                    bar.reset();
                }
                bar.set_length(progress.all);
                bar.set_position(progress.rows);
                bar.set_message(format!("{} {}", word(stage), progress.table));
            }
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Look::Bar(bar) = &self.look {
            bar.finish_and_clear();
        }
    }
}

const fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Integrity => "looking at the file",
        Stage::Copying => "copying",
        Stage::Verifying => "reading back",
    }
}

fn text(stage: Stage, progress: Progress<'_>) -> String {
    match stage {
        Stage::Integrity => word(stage).to_owned(),
        _ => format!(
            "{} {}: {} of {} rows",
            word(stage),
            progress.table,
            HumanCount(progress.rows),
            HumanCount(progress.all)
        ),
    }
}

fn bar() -> ProgressBar {
    let template = "{bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left, {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style.progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_done_and_how_far_it_is() {
        let progress = Progress { table: "assets", rows: 1_500, all: 30_000_000 };
        assert_eq!(text(Stage::Copying, progress), "copying assets: 1,500 of 30,000,000 rows");
        assert_eq!(text(Stage::Verifying, progress), "reading back assets: 1,500 of 30,000,000 rows");
        assert_eq!(text(Stage::Integrity, progress), "looking at the file");
    }
}
