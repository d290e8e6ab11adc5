//! Sessions: signing in, renewing, signing out, and knowing who calls.
//!
//! The access token is checked without a database and holds for minutes; the refresh token is random, looked up by its hash
//! and changed at each use. Opening or renewing a session also signs the cookies that open the account's media.

use std::time::Duration;

use picup_database::{NewSession, Rotation};
use picup_delivery::{Resource, SignedCookies, signed_cookies};
use picup_domain::{AccountId, Email, ObjectKey, Password, SessionId, Timestamp};

use crate::account::{self, Account};
use crate::token::{Access, RandomToken, hash_token};
use crate::{App, Error};

/// The names of the cookies that open media, in CloudFront's format.
pub const MEDIA_COOKIE_NAMES: [&str; 4] = SignedCookies::NAMES;

/// How long after a renewal the token before it still counts, for the client whose answer was lost on the way and for two
/// tabs that renewed at once. Later its use means that somebody has a copy, and the session ends.
const RENEWAL_GRACE: Duration = Duration::from_secs(30);

/// An open session and everything its client is given.
pub struct Opened {
    /// Whose it is.
    pub account: Account,
    /// Shown with each request.
    pub access_token: String,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// The same as a span, in seconds.
    pub access_seconds: u64,
    /// Shown to renew the session, once.
    pub refresh_token: String,
    /// How long the session lives unless renewed, in seconds.
    pub session_seconds: u64,
    /// Open the account's media.
    pub media_cookies: SignedCookies,
    /// The path they are for: `/media/{owner}/`.
    pub media_path: String,
    /// When they end.
    pub media_expires_at: Timestamp,
    /// The same as a span, in seconds.
    pub media_seconds: u64,
}

/// Signs in.
///
/// # Errors
/// [`Error::WrongCredentials`], after the same time whether or not there is such an account; [`Error::Busy`].
pub async fn sign_in(app: &App, email: &Email, password: &Password) -> Result<Opened, Error> {
    let account = app.database().read_fresh().await?.account_by_email(email).await?;
    let account = account.filter(|account| account.disabled_at.is_none());
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    if !app.0.passwords.verify(password, stored).await? {
        return Err(Error::WrongCredentials);
    }
    open(app, account.ok_or(Error::WrongCredentials)?.id).await
}

/// Opens a session for an account that has proved itself.
pub(crate) async fn open(app: &App, account: AccountId) -> Result<Opened, Error> {
    let now = app.now();
    let (id, secret) = (SessionId::new(now), RandomToken::new());
    let session = NewSession {
        id,
        account,
        refresh_hash: secret.stored_hash(),
        label: String::new(),
        created_at: now,
        expires_at: now.plus(app.settings().session_life),
    };
    let mut write = app.database().write().await?;
    write.session_insert(&session).await?;
    write.commit().await?;
    give(app, id, account, &secret).await
}

/// Renews a session by its refresh token, which is void afterwards.
///
/// # Errors
/// [`Error::NotSignedIn`] when the token is not a session's newest or the session has ended. A token used again long after its
/// renewal ends the session: one of the two who have it is not its owner.
pub async fn refresh(app: &App, token: &str) -> Result<Opened, Error> {
    let (id, secret) = split(token)?;
    let now = app.now();
    let next = RandomToken::successor(secret, &app.0.secrets.server_key);
    let expires_at = now.plus(app.settings().session_life);
    let mut write = app.database().write().await?;
    match write.session_rotate(id, &hash_token(secret), &next.stored_hash(), now, expires_at).await? {
        Rotation::Rotated => {}
        // The same step asked for again: its answer is the same.
        Rotation::Reused { rotated_at } if now < rotated_at.plus(RENEWAL_GRACE) => {}
        Rotation::Reused { .. } => {
            write.session_revoke(id, now).await?;
            write.commit().await?;
            tracing::warn!(session = %id, "a refresh token was used again after its renewal: the session was ended");
            return Err(Error::NotSignedIn);
        }
        Rotation::Unknown => return Err(Error::NotSignedIn),
    }
    let session = write.session_by_id(id).await?.ok_or(Error::NotSignedIn)?;
    write.commit().await?;
    give(app, id, session.account, &next).await
}

/// Ends the session that either token belongs to, and tells the path of its media cookies. Without a valid token there is
/// nothing to end, which is no error.
///
/// # Errors
/// When the database cannot write.
pub async fn sign_out(app: &App, access: Option<&str>, refresh: Option<&str>) -> Result<Option<String>, Error> {
    let now = app.now();
    let access = access.and_then(|token| authenticate(app, token).ok());
    let by_refresh = match refresh.map(split) {
        Some(Ok((id, secret))) => {
            let current = app.database().read_fresh().await?.session_by_refresh(id, &hash_token(secret), now).await?;
            current.map(|session| (session.id, session.account))
        }
        _ => None,
    };
    let Some((session, account)) = by_refresh.or(access.map(|access| (access.session, access.account))) else {
        return Ok(None);
    };
    let mut write = app.database().write().await?;
    write.session_revoke(session, now).await?;
    write.commit().await?;
    Ok(Some(media_path(account)))
}

/// Who an access token speaks for. Asks no database: a revoked session's token holds to its end, minutes at most.
///
/// # Errors
/// [`Error::NotSignedIn`].
pub fn authenticate(app: &App, token: &str) -> Result<Access, Error> {
    app.0.access_tokens.check(token, app.now())
}

/// Forgets sessions that ended by themselves.
pub(crate) async fn prune(app: &App) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.session_prune(app.now()).await?;
    Ok(write.commit().await?)
}

async fn give(app: &App, session: SessionId, account: AccountId, secret: &RandomToken) -> Result<Opened, Error> {
    let account = account::fetch(app, account).await?;
    let (now, settings) = (app.now(), app.settings());
    let access = Access { account: account.id, session, expires_at: now.plus(settings.access_life) };
    let media_expires_at = now.plus(settings.media_life);
    let media_path = media_path(account.id);
    Ok(Opened {
        access_token: app.0.access_tokens.issue(&access)?,
        access_expires_at: access.expires_at,
        access_seconds: settings.access_life.as_secs(),
        refresh_token: format!("{session}.{}", secret.as_str()),
        session_seconds: settings.session_life.as_secs(),
        media_cookies: media_cookies(app, &media_path, media_expires_at)?,
        media_path,
        media_expires_at,
        media_seconds: settings.media_life.as_secs(),
        account,
    })
}

/// The right to fetch everything under `path` until then.
fn media_cookies(app: &App, path: &str, expires_at: Timestamp) -> Result<SignedCookies, Error> {
    let resource = Resource::under(&app.settings().public_base, path)
        .map_err(|error| Error::Internal(format!("signing media cookies: {error}")))?;
    Ok(signed_cookies(&app.0.secrets.media_key, &resource, expires_at.seconds().max(0).unsigned_abs()))
}

fn media_path(account: AccountId) -> String {
    format!("/{}", ObjectKey::owner_prefix(account))
}

/// A refresh token is `{session}.{secret}`.
fn split(token: &str) -> Result<(SessionId, &str), Error> {
    let (id, secret) = token.split_once('.').ok_or(Error::NotSignedIn)?;
    Ok((id.parse().map_err(|_| Error::NotSignedIn)?, secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    async fn signed_in() -> (TestApp, Opened) {
        let app = TestApp::new().await;
        account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let email = Email::new("ada@example.com").unwrap();
        let opened = sign_in(&app, &email, &TestApp::password()).await.unwrap();
        (app, opened)
    }

    #[tokio::test]
    async fn wrong_credentials_look_the_same() {
        let (app, _) = signed_in().await;
        let wrong = Password::attempt("wrong").unwrap();
        for (email, password) in [("ada@example.com", &wrong), ("nobody@example.com", &TestApp::password())] {
            let result = sign_in(&app, &Email::new(email).unwrap(), password).await;
            assert!(matches!(result, Err(Error::WrongCredentials)), "{email}");
        }
    }

    #[tokio::test]
    async fn access_ends_on_time() {
        let (app, opened) = signed_in().await;
        assert_eq!(authenticate(&app, &opened.access_token).unwrap().account, opened.account.id);
        app.clock.advance(Duration::from_secs(opened.access_seconds));
        assert!(matches!(authenticate(&app, &opened.access_token), Err(Error::NotSignedIn)));
    }

    #[tokio::test]
    async fn a_renewal_whose_answer_was_lost_can_be_asked_again() {
        let (app, opened) = signed_in().await;
        let lost = refresh(&app, &opened.refresh_token).await.unwrap();
        let again = refresh(&app, &opened.refresh_token).await.unwrap();
        assert_eq!(lost.refresh_token, again.refresh_token);
        assert!(refresh(&app, &again.refresh_token).await.is_ok());
    }

    #[tokio::test]
    async fn an_old_token_used_again_ends_the_session() {
        let (app, opened) = signed_in().await;
        let next = refresh(&app, &opened.refresh_token).await.unwrap();
        app.clock.advance(RENEWAL_GRACE);
        assert!(matches!(refresh(&app, &opened.refresh_token).await, Err(Error::NotSignedIn)));
        assert!(matches!(refresh(&app, &next.refresh_token).await, Err(Error::NotSignedIn)));
    }

    #[tokio::test]
    async fn sign_out_ends_the_session_by_either_token() {
        let (app, opened) = signed_in().await;
        assert!(sign_out(&app, None, Some(&opened.refresh_token)).await.unwrap().is_some());
        assert!(refresh(&app, &opened.refresh_token).await.is_err());
        assert_eq!(sign_out(&app, Some("x"), Some("y.z")).await.unwrap(), None);
        let (app, opened) = signed_in().await;
        assert!(sign_out(&app, Some(&opened.access_token), None).await.unwrap().is_some());
        assert!(refresh(&app, &opened.refresh_token).await.is_err());
    }

    #[tokio::test]
    async fn nonsense_is_not_a_token() {
        let (app, opened) = signed_in().await;
        let session = opened.refresh_token.split('.').next().unwrap();
        for token in ["", ".", "a.b", session, &format!("{session}."), &format!("{session}.wrong")] {
            assert!(matches!(refresh(&app, token).await, Err(Error::NotSignedIn)), "{token}");
        }
    }
}
