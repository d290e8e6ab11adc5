//! First run: one link, one account, once.
//!
//! As long as there is no account, `picup serve` prints a link whose fragment holds a one-time code. Whoever opens it makes
//! the first account. The row that says "set up" is unique, so of any number who try at once one succeeds.

use subtle::ConstantTimeEq;

use crate::account::{self, NewAccount};
use crate::attempts::{Secret, guess};
use crate::session::{self, Opened};
use crate::token::{RandomToken, hash_token};
use crate::{App, Error, Visitor};

/// Whether the first account is still to be made.
///
/// # Errors
/// When the database cannot answer.
pub async fn is_open(app: &App) -> Result<bool, Error> {
    Ok(app.database().read().await?.setup_is_open().await?)
}

/// A new code for the set-up link, which voids earlier ones; `None` when this PicUp is set up.
///
/// # Errors
/// When the database cannot write.
pub async fn new_code(app: &App) -> Result<Option<String>, Error> {
    if !is_open(app).await? {
        return Ok(None);
    }
    let code = RandomToken::new();
    let mut write = app.database().write().await?;
    let still_open = write.setup_code_set(&code.stored_hash()).await?;
    write.commit().await?;
    Ok(still_open.then(|| code.as_str().to_owned()))
}

/// Makes the first account and signs it in.
///
/// # Errors
/// [`Error::AlreadySetUp`], [`Error::WrongSetupCode`], [`Error::TooManyGuesses`].
pub async fn complete(app: &App, code: &str, new: NewAccount, visitor: &Visitor) -> Result<Opened, Error> {
    guess(app, Secret::Password(None), visitor.address, check_code(app, code)).await?;
    let row = account::prepare(app, new).await?;
    let mut write = app.database().write().await?;
    if !write.setup_complete(app.now()).await? {
        return Err(Error::AlreadySetUp);
    }
    account::insert(&mut write, &row).await?;
    write.commit().await?;
    tracing::info!(account = %row.id, "set up: the first account was made");
    session::open(app, row.id, visitor).await
}

async fn check_code(app: &App, code: &str) -> Result<(), Error> {
    let mut read = app.database().read_fresh().await?;
    if !read.setup_is_open().await? {
        return Err(Error::AlreadySetUp);
    }
    let expected = read.setup_code_hash().await?.ok_or(Error::WrongSetupCode)?;
    if bool::from(hash_token(code).as_bytes().ct_eq(expected.as_bytes())) { Ok(()) } else { Err(Error::WrongSetupCode) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    #[tokio::test]
    async fn of_many_who_hold_the_link_one_makes_the_first_account() {
        let app = TestApp::new().await;
        let code = new_code(&app).await.unwrap().unwrap();
        let visitor = TestApp::visitor();
        let account = |n| TestApp::account(&format!("person{n}@example.com"));
        let tries = (0..8).map(|n| complete(&app, &code, account(n), &visitor));
        let done = futures_util::future::join_all(tries).await;
        assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(done.iter().all(|result| matches!(result, Ok(_) | Err(Error::AlreadySetUp))));
        assert_eq!(account::list(&app).await.unwrap().len(), 1);
        assert_eq!(new_code(&app).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_the_newest_code_counts() {
        let app = TestApp::new().await;
        let old = new_code(&app).await.unwrap().unwrap();
        let new = new_code(&app).await.unwrap().unwrap();
        for wrong in ["", "x", old.as_str()] {
            let result = complete(&app, wrong, TestApp::account("ada@example.com"), &TestApp::visitor()).await;
            assert!(matches!(result, Err(Error::WrongSetupCode)));
        }
        assert!(complete(&app, &new, TestApp::account("ada@example.com"), &TestApp::visitor()).await.is_ok());
    }
}
