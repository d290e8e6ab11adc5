//! Hashing passwords, two at a time.
//!
//! Argon2id takes 19 MiB and some tens of milliseconds on purpose. Without a bound, a burst of sign-ins would take all
//! memory and both cores from everybody else, so two run at once, a few wait, and the rest are told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Argon2;
use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use picup_domain::{Password, PasswordHash};
use tokio::sync::Semaphore;

use crate::Error;

const AT_ONCE: usize = 2;
const MAX_WAITING: usize = 64;

/// The one place that hashes and checks passwords.
#[derive(Debug, Clone)]
pub(crate) struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// Checked when there is no such account, so that the time of an answer does not tell.
    decoy: PasswordHash,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, Error> {
        let decoy = hash(b"no account has this password")?;
        Ok(Self(Arc::new(Inner { permits: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::default(), decoy })))
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
        let permits = Arc::clone(&self.0.permits);
        let permit = permits.acquire_owned().await.map_err(|_| Error::Busy("shutting down"))?;
        // Both go along with the work: a caller who hangs up stops nothing that has begun.
        let held = (place, permit);
        #[allow(clippy::disallowed_methods, reason = "bounded by the permits above")]
        tokio::task::spawn_blocking(move || (work(), held).0)
            .await
            .map_err(|_| Error::Internal("password hashing was interrupted".into()))
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
    let hashed: phc::PasswordHash =
        Argon2::default().hash_password(password).map_err(|error| Error::Internal(format!("argon2: {error}")))?;
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

    #[tokio::test]
    async fn a_flood_is_turned_away_and_the_queue_recovers() {
        let passwords = Passwords::new().unwrap();
        let attempt = Password::attempt("x").unwrap();
        let flood =
            (0..MAX_WAITING + AT_ONCE + 5).map(|_| passwords.verify(&attempt, Some(PasswordHash::new(String::new()))));
        let answers = futures_util::future::join_all(flood).await;
        assert!(answers.iter().any(|answer| matches!(answer, Err(Error::Busy(_)))));
        assert!(passwords.verify(&attempt, None).await.is_ok());
    }

    #[tokio::test]
    async fn callers_who_hang_up_do_not_make_room_for_more() {
        let passwords = Passwords::new().unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        for _ in 0..AT_ONCE {
            let wait = Arc::clone(&wait);
            let mut abandoned = Box::pin(passwords.run(move || {
                let _ = wait.lock().unwrap().recv();
            }));
            // Begun, and then nobody waits for it any more.
            assert!(futures_util::poll!(&mut abandoned).is_pending());
        }
        assert_eq!(passwords.0.permits.available_permits(), 0);
        drop(release);
        assert!(passwords.verify(&Password::attempt("x").unwrap(), None).await.is_ok());
    }
}
