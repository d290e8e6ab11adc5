//! The exporter as a whole: every namespace with its tally, the threads that follow its files, and what it answers.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::encode::{Told, encode};
use crate::follow::{Follower, Read};
use crate::relabel::Relabel;
use crate::settings::{Mistake, Namespace, Settings};
use crate::syslog::{Listener, Sink};
use crate::tally::Tally;

/// How often files are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// Why an exporter did not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A mistake in the settings.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// Nothing can be listened for there.
    #[error("cannot listen on {place}: {source}")]
    Listen {
        /// Where.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// A log cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// Which.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// No thread can be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// One namespace at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) settings: Namespace,
    pub(crate) tally: Mutex<Tally>,
    files: AtomicUsize,
}

impl Running {
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, read: Read<'_>, now: Duration) {
        match read {
            Read::Lines(lines) => self.tally().lines(lines, now),
            Read::Overlong => self.tally().overlong(now),
        }
    }
}

/// An exporter. What it has begun ends when it is dropped.
#[derive(Debug)]
pub struct Exporter {
    running: Vec<Arc<Running>>,
    begun: Instant,
    /// Closed, it ends the threads.
    threads: Vec<mpsc::Sender<()>>,
    listeners: Vec<tokio::task::JoinHandle<()>>,
    syslog: Vec<SocketAddr>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.listeners.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Exporter {
    /// An exporter that has read nothing yet.
    ///
    /// # Errors
    /// A mistake in the settings.
    pub fn new(settings: &Settings) -> Result<Self, Mistake> {
        settings.check()?;
        let mut running = Vec::new();
        for namespace in &settings.namespaces {
            let mistake = |what: String| Mistake::Namespace { name: namespace.name.clone(), what };
            let tally = namespace.tally().map_err(|error| mistake(error.to_string()))?;
            for Relabel { target_label, from, .. } in namespace.relabels.iter().filter(|it| tally.lacks(&it.from)) {
                let namespace = &namespace.name;
                tracing::warn!(namespace, "label {target_label} is always empty: the format has no ${from}");
            }
            follower(namespace, true)?;
            let tally = Mutex::new(tally);
            running.push(Arc::new(Running { settings: namespace.clone(), tally, files: AtomicUsize::new(0) }));
        }
        Ok(Self { running, begun: Instant::now(), threads: Vec::new(), listeners: Vec::new(), syslog: Vec::new() })
    }

    /// Begins to follow files, from their end or `from_start`, and to listen for syslog. Called within a tokio runtime.
    ///
    /// # Errors
    /// When a syslog's place cannot be listened on.
    pub async fn start(&mut self, from_start: bool) -> Result<(), Error> {
        for running in &self.running {
            if let Some(syslog) = &running.settings.syslog {
                let listening = Listener::bind(syslog).await;
                let listener = listening.map_err(|source| Error::Listen { place: syslog.listen.clone(), source })?;
                self.syslog.extend(listener.address());
                let (running, begun) = (Arc::clone(running), self.begun);
                let sink: Sink = Arc::new(move |line| match line {
                    Some(line) => running.tally().line(line, begun.elapsed()),
                    None => running.tally().ignored += 1,
                });
                self.listeners.push(tokio::spawn(listener.run(sink)));
            }
            if !running.settings.files.is_empty() {
                let follower = follower(&running.settings, from_start)?;
                let (stop, stopped) = mpsc::channel();
                let (running, begun) = (Arc::clone(running), self.begun);
                let thread = thread::Builder::new().name("follow".to_owned());
                thread.spawn(move || follow(&running, follower, begun, &stopped)).map_err(Error::Thread)?;
                self.threads.push(stop);
            }
        }
        Ok(())
    }

    /// Reads all files from their beginning to their end, once.
    ///
    /// # Errors
    /// When a file is not there or cannot be read.
    pub fn read_once(&self) -> Result<(), Error> {
        for running in &self.running {
            for file in running.settings.files.iter().filter(|file| !file.contains('*')) {
                std::fs::File::open(file).map_err(|source| Error::Read { file: file.clone(), source })?;
            }
            let mut follower = follower(&running.settings, true)?;
            follower.finish(self.begun.elapsed(), &mut |read| running.take(read, self.begun.elapsed()));
            running.files.store(follower.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Where syslog messages arrive, over UDP and TCP: the ports that the system gave, where the settings name port 0.
    #[must_use]
    pub fn syslog(&self) -> &[SocketAddr] {
        &self.syslog
    }

    /// All metrics, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        let told = self.running.iter().map(|running| Told {
            name: &running.settings.name,
            prefix: &running.settings.prefix,
            name_label: running.settings.name_label.as_deref(),
            tally: &running.tally,
            files: running.files.load(Ordering::Relaxed),
        });
        encode(&told.collect::<Vec<_>>(), self.begun.elapsed())
    }

    /// The namespaces of whose last hundred lines most do not fit the format.
    #[must_use]
    pub fn misfits(&self) -> Vec<&str> {
        let misfits = self.running.iter().filter(|running| !running.tally().recent.fits());
        misfits.map(|running| running.settings.name.as_str()).collect()
    }
}

fn follower(namespace: &Namespace, from_start: bool) -> Result<Follower, Mistake> {
    Follower::new(&namespace.files, from_start).map_err(|error| Mistake::Namespace {
        name: namespace.name.clone(),
        what: format!("a name with * cannot be one: {error}"),
    })
}

/// Follows a namespace's files until the other side of `stopped` is dropped.
fn follow(running: &Running, mut follower: Follower, begun: Instant, stopped: &mpsc::Receiver<()>) {
    loop {
        let now = begun.elapsed();
        follower.poll(now, &mut |read| running.take(read, now));
        running.files.store(follower.len(), Ordering::Relaxed);
        if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
