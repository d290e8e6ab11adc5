//! Hashing passwords, two at a time.
//!
//! Argon2id takes megabytes and some tens of milliseconds on purpose. Without a bound, a burst of sign-ins would take all
//! memory and both cores from everybody else, so two threads hash, a few callers wait, and the rest are told to come back.
//! The threads are always the same two, because an allocator keeps something of such blocks for every thread that had one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use picup_domain::{Password, PasswordHash};
use tokio::sync::oneshot;

use crate::Error;

/// 7 MiB, five passes, one lane: of the settings that OWASP's Password Storage Cheat Sheet holds equally strong, the one with
/// the least memory, because a small server keeps what its busiest moment took.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
const LANES: u32 = 1;

const AT_ONCE: usize = 2;
const MAX_WAITING: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// The one place that hashes and checks passwords.
#[derive(Debug, Clone)]
pub(crate) struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// To the threads, which end when this is dropped.
    queue: mpsc::Sender<Work>,
    waiting: Arc<AtomicUsize>,
    /// Checked when there is no such account, so that the time of an answer does not tell.
    decoy: PasswordHash,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, Error> {
        let decoy = hash(b"no account has this password")?;
        let (queue, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..AT_ONCE {
            let work = Arc::clone(&work);
            let thread = std::thread::Builder::new().name("password".to_owned());
            thread.spawn(move || take_turns(&work)).map_err(|error| Error::Internal(format!("a thread: {error}")))?;
        }
        Ok(Self(Arc::new(Inner { queue, waiting: Arc::default(), decoy })))
    }

    /// The hash to store for `password`.
    pub(crate) async fn hash(&self, password: &Password) -> Result<PasswordHash, Error> {
        let password = password.clone();
        self.run(move || hash(password.expose().as_bytes())).await?
    }

    /// Whether `password` is the one behind `stored`. Takes as long when there is nothing stored.
    pub(crate) async fn verify(&self, password: &Password, stored: Option<PasswordHash>) -> Result<bool, Error> {
        let password = password.clone();
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.0.decoy.clone());
        let matches = self
            .run(move || {
                phc::PasswordHash::new(stored.as_str()).is_ok_and(|parsed| {
                    Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok()
                })
            })
            .await?;
        Ok(known && matches)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = Place::take(&self.0.waiting)?;
        let (answer, result) = oneshot::channel();
        let turn: Work = Box::new(move || {
            // The place goes along with the work: a caller who hangs up stops nothing that has begun, and what has not
            // begun by then is not done at all.
            let _place = place;
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        });
        self.0.queue.send(turn).map_err(|_| Error::Busy("shutting down"))?;
        result.await.map_err(|_| Error::Internal("password hashing was interrupted".into()))
    }
}

/// One thread's life: the next piece of work, until there is nobody to give any.
fn take_turns(queue: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}

/// A place in the queue, given back on drop.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, Error> {
        if waiting.fetch_add(1, Ordering::SeqCst) >= MAX_WAITING + AT_ONCE {
            waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::Busy("too many sign-ins at once; try again in a moment"));
        }
        Ok(Self(Arc::clone(waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn hash(password: &[u8]) -> Result<PasswordHash, Error> {
    let failed = |error| Error::Internal(format!("argon2: {error}"));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed: phc::PasswordHash =
        argon2.hash_password(password).map_err(|error| Error::Internal(format!("argon2: {error}")))?;
    Ok(PasswordHash::new(hashed.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn knows_the_right_password_only() {
        let passwords = Passwords::new().unwrap();
        let right = Password::new("correct horse battery").unwrap();
        let stored = passwords.hash(&right).await.unwrap();
        assert!(stored.as_str().starts_with("$argon2id$"));
        assert!(passwords.verify(&right, Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(&Password::attempt("wrong").unwrap(), Some(stored)).await.unwrap());
        assert!(!passwords.verify(&right, Some(PasswordHash::new("not a hash".into()))).await.unwrap());
        let decoy = Password::attempt("no account has this password").unwrap();
        assert!(!passwords.verify(&decoy, None).await.unwrap());
    }

    /// Work that goes on until `release` is dropped.
    fn held_up() -> (std::sync::mpsc::Sender<()>, impl Fn() -> Box<dyn FnOnce() + Send>) {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let work = move || -> Box<dyn FnOnce() + Send> {
            let wait = Arc::clone(&wait);
            Box::new(move || {
                let _ = wait.lock().unwrap().recv();
            })
        };
        (release, work)
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_and_the_queue_recovers() {
        let passwords = Passwords::new().unwrap();
        let (release, work) = held_up();
        let mut callers: Vec<_> = (0..AT_ONCE + MAX_WAITING).map(|_| Box::pin(passwords.run(work()))).collect();
        for caller in &mut callers {
            assert!(futures_util::poll!(caller).is_pending());
        }
        let attempt = Password::attempt("x").unwrap();
        assert!(matches!(passwords.verify(&attempt, None).await, Err(Error::Busy(_))));
        drop(release);
        for caller in callers {
            caller.await.unwrap();
        }
        assert!(passwords.verify(&attempt, None).await.is_ok());
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_keeps_its_place_until_what_has_begun_is_over() {
        let passwords = Passwords::new().unwrap();
        let (release, work) = held_up();
        let (begun, has_begun) = std::sync::mpsc::channel();
        for _ in 0..AT_ONCE {
            let (work, begun) = (work(), begun.clone());
            let mut abandoned = Box::pin(passwords.run(move || {
                begun.send(()).unwrap();
                work();
            }));
            assert!(futures_util::poll!(&mut abandoned).is_pending());
            has_begun.recv().unwrap();
        }
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(passwords.run(work()))).collect();
        for caller in &mut waiting {
            assert!(futures_util::poll!(caller).is_pending());
        }
        let attempt = Password::attempt("x").unwrap();
        assert!(matches!(passwords.verify(&attempt, None).await, Err(Error::Busy(_))));
        drop((release, waiting));
        while passwords.0.waiting.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        assert!(passwords.verify(&attempt, None).await.is_ok());
    }
}
