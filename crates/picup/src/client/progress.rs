//! Shows how far an import has come: moving bars on a terminal, a line now and then elsewhere, nothing for programs.
//!
//! All of it goes to standard error, so that standard output holds the result alone.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use picup_domain::ByteSize;

/// How often a line is printed where there is no terminal.
pub(super) const LINE_EVERY: Duration = Duration::from_secs(5);

/// How far an import has come.
pub(super) struct Progress {
    look: Look,
    files: u64,
    bytes: u64,
    files_done: AtomicU64,
    bytes_done: AtomicU64,
    last_line: Mutex<String>,
}

enum Look {
    Silent,
    Lines,
    Bars { all: MultiProgress, files: ProgressBar, bytes: ProgressBar },
}

impl Progress {
    /// For so many files and bytes. `silent` for programs; else by whether there is a `terminal`.
    pub(super) fn new(files: u64, bytes: u64, silent: bool, terminal: bool) -> Self {
        let look = match (silent, terminal) {
            (true, _) => Look::Silent,
            (false, false) => Look::Lines,
            (false, true) => bars(files, bytes),
        };
        Self {
            look,
            files,
            bytes,
            files_done: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            last_line: Mutex::default(),
        }
    }

    /// So many bytes more.
    pub(super) fn add(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        if let Look::Bars { bytes: bar, .. } = &self.look {
            bar.inc(bytes);
        }
    }

    /// So many bytes were in vain and will be sent again.
    pub(super) fn take_back(&self, bytes: u64) {
        self.bytes_done.fetch_sub(bytes, Ordering::Relaxed);
        if let Look::Bars { bytes: bar, .. } = &self.look {
            bar.dec(bytes);
        }
    }

    /// A file is done with.
    pub(super) fn file_done(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        if let Look::Bars { files, .. } = &self.look {
            files.inc(1);
        }
    }

    /// Says something above the bars; also to programs, because it is a warning.
    pub(super) fn say(&self, text: &str) {
        match &self.look {
            Look::Bars { all, .. } => all.suspend(|| eprintln!("{text}")),
            Look::Silent | Look::Lines => eprintln!("{text}"),
        }
    }

    /// Says how far things are, to people alone.
    pub(super) fn note(&self, text: &str) {
        if !matches!(self.look, Look::Silent) {
            self.say(text);
        }
    }

    /// Prints a line, where lines are printed and something has moved.
    pub(super) fn line(&self) {
        if !matches!(self.look, Look::Lines) {
            return;
        }
        let text = self.text();
        if let Ok(mut last) = self.last_line.lock()
            && *last != text
        {
            eprintln!("{text}");
            *last = text;
        }
    }

    /// Takes the bars away, or prints the last line.
    pub(super) fn finish(&self) {
        match &self.look {
            Look::Bars { all, files, bytes } => {
                files.finish_and_clear();
                bytes.finish_and_clear();
                let _ = all.clear();
            }
            Look::Lines => self.line(),
            Look::Silent => {}
        }
    }

    fn text(&self) -> String {
        let size = |bytes| ByteSize::new(bytes).unwrap_or_default();
        format!(
            "{} of {} files, {} of {}",
            self.files_done.load(Ordering::Relaxed),
            self.files,
            size(self.bytes_done.load(Ordering::Relaxed)),
            size(self.bytes)
        )
    }
}

/// One file's share of the progress: whatever became of it, at its end it counts with its whole size, once.
#[derive(Clone)]
pub(super) struct FileProgress {
    all: Arc<Progress>,
    counted: Arc<AtomicU64>,
}

impl FileProgress {
    /// A file of which nothing has been sent.
    pub(super) fn new(all: &Arc<Progress>) -> Self {
        Self { all: Arc::clone(all), counted: Arc::default() }
    }

    /// So many bytes more.
    pub(super) fn add(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.all.add(bytes);
    }

    /// So many bytes were in vain and will be sent again.
    pub(super) fn take_back(&self, bytes: u64) {
        self.counted.fetch_sub(bytes, Ordering::Relaxed);
        self.all.take_back(bytes);
    }

    /// The file, of `bytes`, is done with.
    pub(super) fn done(&self, bytes: u64) {
        self.all.add(bytes.saturating_sub(self.counted.load(Ordering::Relaxed)));
        self.all.file_done();
    }
}

fn bars(files: u64, bytes: u64) -> Look {
    let style = |template: &str| {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        style.with_key("left", time_left).progress_chars("━╸─")
    };
    let all = MultiProgress::new();
    let files = all.add(ProgressBar::new(files));
    files.set_style(style("{bar:30} {human_pos} of {human_len} files, {elapsed}"));
    let bytes = all.add(ProgressBar::new(bytes));
    bytes.set_style(style("{bar:30} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {left}"));
    for bar in [&files, &bytes] {
        bar.enable_steady_tick(Duration::from_millis(500));
    }
    Look::Bars { all, files, bytes }
}

/// How long it will still take; nothing is known before the first bytes have moved.
fn time_left(state: &ProgressState, text: &mut dyn Write) {
    // Writing to a bar cannot fail.
    let _ = if state.per_sec() > 0.0 {
        write!(text, "{} left", HumanDuration(state.eta()))
    } else {
        write!(text, "starting")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_in_vain_is_not_counted() {
        let progress = Arc::new(Progress::new(2, 3000, true, false));
        let file = FileProgress::new(&progress);
        file.add(1500);
        file.take_back(500);
        assert_eq!(progress.text(), "0 of 2 files, 1.0 kB of 3.0 kB");
        file.done(1200);
        assert_eq!(progress.text(), "1 of 2 files, 1.2 kB of 3.0 kB");
    }
}
