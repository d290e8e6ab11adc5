//! Sessions: signing in, renewing, signing out, and knowing who calls.
//!
//! The access token is checked without a database and holds for minutes; the refresh token is random, looked up by its hash
//! and changed at each use. Opening or renewing a session also signs the cookies that open the account's media.

use std::time::Duration;

pub use picup_database::Session;
use picup_database::{Account as Row, NewSession, Rotation};
use picup_delivery::{
    Audience, Form, HashAlgorithm, Policy, Resource, SignedCookies, TokenSigner, TokenTerms, media_token,
    signed_cookies,
};
use picup_domain::{AccountId, Email, ObjectKey, Password, SessionId, Timestamp};

use crate::account::{self, Account};
use crate::attempts::{Secret, guess};
use crate::backup::{Assurance, assurance};
use crate::media_right::bound;
use crate::refresh_token::RefreshToken;
use crate::token::Access;
use crate::{App, Error, Settings, Visitor};

/// The names of the cookies that open media, in CloudFront's format or with a token.
pub const MEDIA_COOKIE_NAMES: [&str; 6] = SignedCookies::NAMES;

/// How long after a renewal the token before it still counts, for the client whose answer was lost on the way and for two
/// tabs that renewed at once. Later its use means that somebody has a copy, and the session ends.
const RENEWAL_GRACE: Duration = Duration::from_secs(30);

/// An open session and everything its client is given.
pub struct Opened {
    /// Whose it is.
    pub account: Account,
    /// What it may know of the copies, if any are kept elsewhere.
    pub assurance: Option<Assurance>,
    /// Shown with each request.
    pub access_token: String,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// How long a browser keeps it, in seconds: longer than it holds where it may be looked at once more while the primary
    /// database is away.
    pub access_kept_seconds: u64,
    /// Shown to renew the session, once.
    pub refresh_token: String,
    /// How long the session lives unless renewed, in seconds.
    pub session_seconds: u64,
    /// Opens the account's media.
    pub media: MediaRight,
}

/// Signs in.
///
/// # Errors
/// [`Error::WrongCredentials`], after the same time whether or not there is such an account; [`Error::TooManyGuesses`];
/// [`Error::Busy`].
pub async fn sign_in(app: &App, email: &Email, password: &Password, visitor: &Visitor) -> Result<Opened, Error> {
    let account = guess(app, Secret::Password(Some(email)), visitor.address, prove(app, email, password)).await?;
    open(app, account, visitor).await
}

async fn prove(app: &App, email: &Email, password: &Password) -> Result<AccountId, Error> {
    let account = app.database().read_fresh().await?.account_by_email(email).await?;
    let account = account.filter(|account| account.disabled_at.is_none());
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    if !app.inner.passwords.verify(password, stored).await? {
        return Err(Error::WrongCredentials);
    }
    Ok(account.ok_or(Error::WrongCredentials)?.id)
}

/// Opens a session for an account that has proved itself.
pub(crate) async fn open(app: &App, account: AccountId, visitor: &Visitor) -> Result<Opened, Error> {
    let now = app.now();
    let id = SessionId::new(now);
    let token = RefreshToken::first(id, &app.inner.secrets.server_key);
    let session = NewSession {
        id,
        account,
        refresh_hash: token.stored_hash(),
        label: visitor.label(),
        created_at: now,
        expires_at: now.plus(app.settings().session_life),
    };
    let mut write = app.database().write().await?;
    write.session_insert(&session).await?;
    write.commit().await?;
    give(app, account, &token).await
}

/// Renews a session by its refresh token, which is void afterwards.
///
/// # Errors
/// [`Error::NotSignedIn`] when the token is not the session's newest or the session has ended. A genuine token that was
/// renewed before ends the session: one of the two who have it is not its owner.
pub async fn refresh(app: &App, token: &str) -> Result<Opened, Error> {
    let key = &app.inner.secrets.server_key;
    let shown = RefreshToken::parse(token, key)?;
    let (id, next, now) = (shown.session(), shown.next(key), app.now());
    let expires_at = now.plus(app.settings().session_life);
    let mut write = app.database().write().await?;
    match write.session_rotate(id, &shown.stored_hash(), &next.stored_hash(), now, expires_at).await? {
        Rotation::Rotated => {}
        // The same step asked for again: its answer is the same.
        Rotation::Reused { rotated_at } if now < rotated_at.plus(RENEWAL_GRACE) => {}
        // One from before, or of a session that is over already.
        Rotation::Reused { .. } | Rotation::Unknown => {
            if write.session_revoke(id, now).await? {
                tracing::warn!(session = %id, "a refresh token was used again after its renewal: the session was ended");
            }
            write.commit().await?;
            return Err(Error::NotSignedIn);
        }
    }
    let session = write.session_by_id(id).await?.ok_or(Error::NotSignedIn)?;
    write.commit().await?;
    give(app, session.account, &next).await
}

/// The caller's live sessions, newest first.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(app: &App, caller: &Access) -> Result<Vec<Session>, Error> {
    Ok(app.database().read_fresh().await?.session_list(caller.account, app.now()).await?)
}

/// Ends one of the caller's sessions: it is not renewed again, and what it holds ends within minutes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revoke(app: &App, caller: &Access, id: SessionId) -> Result<(), Error> {
    let now = app.now();
    let mut write = app.database().write().await?;
    let found = write.session_by_id(id).await?;
    if !found.is_some_and(|session| session.account == caller.account && session.is_live(now)) {
        return Err(Error::NotFound("session"));
    }
    write.session_revoke(id, now).await?;
    Ok(write.commit().await?)
}

/// Ends all of the caller's sessions, this one too, and tells the path of its media cookies.
///
/// # Errors
/// When the database cannot write.
pub async fn revoke_all(app: &App, caller: &Access) -> Result<String, Error> {
    let mut write = app.database().write().await?;
    let ended = write.session_revoke_all(caller.account, app.now()).await?;
    write.commit().await?;
    tracing::info!(account = %caller.account, sessions = ended, "all sessions of an account were ended");
    Ok(media_path(caller.account))
}

/// Ends the session that either token belongs to, and tells the path of its media cookies. Without a valid token there is
/// nothing to end, which is no error.
///
/// # Errors
/// When the database cannot write.
pub async fn sign_out(app: &App, access: Option<&str>, refresh: Option<&str>) -> Result<Option<String>, Error> {
    let now = app.now();
    let access = access.and_then(|token| authenticate(app, token).ok());
    let shown = refresh.and_then(|token| RefreshToken::parse(token, &app.inner.secrets.server_key).ok());
    let by_refresh = match shown {
        Some(token) => {
            let mut read = app.database().read_fresh().await?;
            let current = read.session_by_refresh(token.session(), &token.stored_hash(), now).await?;
            current.map(|session| (session.id, session.account))
        }
        None => None,
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
    app.inner.access_tokens.check(token, app.now())
}

/// As [`authenticate`], for what only looks: while the primary database is away, so that nobody can renew a session, a token
/// holds for a grace after its end, unless its session or account is known to have ended.
///
/// # Errors
/// [`Error::NotSignedIn`].
pub async fn authenticate_to_look(app: &App, token: &str) -> Result<Access, Error> {
    let now = app.now();
    let held = app.inner.access_tokens.check(token, now);
    if held.is_ok() || !app.database().primary_is_away() {
        return held;
    }
    let Settings { read_grace, access_life, .. } = app.settings();
    let access = app.inner.access_tokens.check(token, now.minus(*read_grace))?;
    standing(app, &access).await?;
    Ok(Access { expires_at: now.plus(*access_life), ..access })
}

/// The account of a session that has not ended.
pub(crate) async fn standing(app: &App, access: &Access) -> Result<Row, Error> {
    let mut read = app.database().read_freshest().await?;
    let session = read.session_by_id(access.session).await?.ok_or_else(|| unknown(app))?;
    if session.account != access.account || !session.is_live(app.now()) {
        return Err(Error::NotSignedIn);
    }
    let account = read.account_by_id(access.account).await?.filter(|account| account.disabled_at.is_none());
    account.ok_or(Error::NotSignedIn)
}

/// What a session or key is that is not there: nobody's; but while the primary is away, perhaps one that no replica has yet.
pub(crate) fn unknown(app: &App) -> Error {
    if app.database().primary_is_away() { Error::ReadOnly } else { Error::NotSignedIn }
}

/// Forgets sessions that ended by themselves.
pub(crate) async fn prune(app: &App) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.session_prune(app.now()).await?;
    Ok(write.commit().await?)
}

async fn give(app: &App, account: AccountId, token: &RefreshToken) -> Result<Opened, Error> {
    let account = account::fetch(app, account).await?;
    let (now, settings) = (app.now(), app.settings());
    let grace = if app.has_replicas() { settings.read_grace } else { Duration::ZERO };
    let access = Access { account: account.id, session: token.session(), expires_at: now.plus(settings.access_life) };
    let media = media(app, account.id, None)?;
    Ok(Opened {
        assurance: assurance(app).await?,
        access_token: app.inner.access_tokens.issue(&access)?,
        access_expires_at: access.expires_at,
        access_kept_seconds: (settings.access_life + grace).as_secs(),
        refresh_token: token.text(),
        session_seconds: settings.session_life.as_secs(),
        media,
        account,
    })
}

/// The right to fetch an account's media, apart from any session.
pub struct MediaRight {
    /// Open the account's media.
    pub cookies: SignedCookies,
    /// The path they are for: `/media/{owner}/`.
    pub path: String,
    /// When they end.
    pub expires_at: Timestamp,
    /// The same as a span, in seconds.
    pub seconds: u64,
}

/// Opens an account's media to a caller whose own right ends at `until`, if it does: the cookies never outlive it.
///
/// # Errors
/// When the key that signs is not usable.
pub fn media(app: &App, account: AccountId, until: Option<Timestamp>) -> Result<MediaRight, Error> {
    let now = app.now();
    let usual = now.plus(app.settings().media_life);
    let expires_at = until.map_or(usual, |until| until.min(usual));
    let path = media_path(account);
    let seconds = expires_at.seconds().saturating_sub(now.seconds()).max(0).unsigned_abs();
    let cookies = match &app.settings().media_token {
        Some(audience) => token_cookie(app, audience, account, (now, expires_at))?,
        None => media_cookies(app, &path, expires_at)?,
    };
    Ok(MediaRight { cookies, path, expires_at, seconds })
}

/// The same right as a token, by the secret where there is one, which others may have to check it with.
fn token_cookie(
    app: &App,
    audience: &Audience,
    account: AccountId,
    (from, until): (Timestamp, Timestamp),
) -> Result<SignedCookies, Error> {
    let owner = account.to_string();
    let (issued_at_epoch_s, expires_at_epoch_s) = (from.epoch_s(), until.epoch_s());
    let terms = TokenTerms { audience, owner: &owner, issued_at_epoch_s, expires_at_epoch_s };
    let key = app.inner.secrets.media_key.borrow();
    let signer = app.inner.secrets.token_secret.as_ref().map_or(TokenSigner::Key(&key), TokenSigner::Secret);
    let token =
        media_token(signer, &terms).map_err(|error| Error::Internal(format!("signing a media token: {error}")))?;
    Ok(SignedCookies::of_token(token))
}

/// The right to fetch everything under `path` until then.
fn media_cookies(app: &App, path: &str, expires_at: Timestamp) -> Result<SignedCookies, Error> {
    let resource = Resource::under(&app.settings().public_base, path)
        .map_err(|error| Error::Internal(format!("signing media cookies: {error}")))?;
    let policy = Policy::until(resource, expires_at.epoch_s());
    let policy = Policy { addresses: bound(app)?, ..policy };
    Ok(signed_cookies(&app.inner.secrets.media_key.borrow(), HashAlgorithm::Sha256, &policy, Form::Shortest))
}

fn media_path(account: AccountId) -> String {
    format!("/{}", ObjectKey::owner_prefix(account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    async fn signed_in() -> (TestApp, Opened) {
        let app = TestApp::new().await;
        account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let email = Email::new("ada@example.com").unwrap();
        let opened = sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        (app, opened)
    }

    #[tokio::test]
    async fn wrong_credentials_look_the_same() {
        let (app, _) = signed_in().await;
        let wrong = Password::attempt("wrong").unwrap();
        for (email, password) in [("ada@example.com", &wrong), ("nobody@example.com", &TestApp::password())] {
            let result = sign_in(&app, &Email::new(email).unwrap(), password, &TestApp::visitor()).await;
            assert!(matches!(result, Err(Error::WrongCredentials)), "{email}");
        }
    }

    #[tokio::test]
    async fn access_ends_on_time() {
        let (app, opened) = signed_in().await;
        assert_eq!(authenticate(&app, &opened.access_token).unwrap().account, opened.account.id);
        app.clock.advance(app.settings().access_life);
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
    async fn every_older_token_ends_the_session() {
        for steps_back in 2..5 {
            let (app, opened) = signed_in().await;
            let mut tokens = vec![opened.refresh_token];
            for _ in 0..5 {
                let next = refresh(&app, tokens.last().unwrap()).await.unwrap().refresh_token;
                tokens.push(next);
            }
            // Even at once: nobody's answer can be that late.
            let old = &tokens[tokens.len() - 1 - steps_back];
            assert!(matches!(refresh(&app, old).await, Err(Error::NotSignedIn)));
            assert!(matches!(refresh(&app, tokens.last().unwrap()).await, Err(Error::NotSignedIn)));
        }
    }

    #[tokio::test]
    async fn a_forged_token_neither_ends_nor_renews_a_session() {
        let (app, opened) = signed_in().await;
        let genuine = &opened.refresh_token;
        let mut token = genuine.clone();
        for at in 0..genuine.len() {
            let mut altered = genuine.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(matches!(refresh(&app, &altered).await, Err(Error::NotSignedIn)), "byte {at}");
        }
        let id = genuine.split('.').next().unwrap().parse().unwrap();
        let forged = RefreshToken::first(id, &[0; 32]);
        assert!(matches!(refresh(&app, &forged.text()).await, Err(Error::NotSignedIn)));
        for _ in 0..3 {
            token = refresh(&app, &token).await.unwrap().refresh_token;
        }
    }

    #[tokio::test]
    async fn sessions_are_listed_and_ended_by_their_person_alone() {
        let (app, opened) = signed_in().await;
        let access = |opened: &Opened| authenticate(&app, &opened.access_token).unwrap();
        let email = Email::new("ada@example.com").unwrap();
        app.clock.advance(Duration::from_millis(1));
        let other = sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        let (mine, others) = (access(&opened), access(&other));
        let listed = list(&app, &mine).await.unwrap();
        assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [others.session, mine.session]);
        assert!(listed.iter().all(|session| session.label == "Firefox on Linux"));
        let bob = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let bob = access(&open(&app, bob, &TestApp::visitor()).await.unwrap());
        assert!(matches!(revoke(&app, &bob, mine.session).await, Err(Error::NotFound(_))));
        revoke(&app, &mine, others.session).await.unwrap();
        assert!(matches!(revoke(&app, &mine, others.session).await, Err(Error::NotFound(_))));
        assert!(refresh(&app, &other.refresh_token).await.is_err());
        let opened = refresh(&app, &opened.refresh_token).await.unwrap();
        revoke_all(&app, &mine).await.unwrap();
        assert!(refresh(&app, &opened.refresh_token).await.is_err());
        assert_eq!(list(&app, &bob).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn guessing_is_limited_and_the_limit_passes() {
        let (app, _) = signed_in().await;
        let email = Email::new("ada@example.com").unwrap();
        let (right, wrong) = (TestApp::password(), Password::attempt("wrong").unwrap());
        let attempt = async |password| sign_in(&app, &email, password, &TestApp::visitor()).await.err();
        for _ in 0..10 {
            assert!(matches!(attempt(&wrong).await, Some(Error::WrongCredentials)));
        }
        let Some(Error::TooManyGuesses { wait }) = attempt(&right).await else { panic!("not limited") };
        // From elsewhere she signs in meanwhile.
        let elsewhere = Visitor { address: [192, 0, 2, 2].into(), ..TestApp::visitor() };
        assert!(sign_in(&app, &email, &TestApp::password(), &elsewhere).await.is_ok());
        app.clock.advance(wait);
        for _ in 0..20 {
            assert!(attempt(&right).await.is_none(), "who knows the password has no limit");
        }
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
