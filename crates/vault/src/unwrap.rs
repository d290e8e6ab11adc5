//! A secret id that is given out once: unwrapped with care, and kept in memory.
//!
//! The token is looked up first, since whoever could put another token in its place could make us log in as somebody else. When it has given
//! out its secret already, somebody else has that: this is an alarm and never tried again.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::door::{Ask, Door};
use crate::file::{self, Readers};
use crate::wire::{SecretId, WrappingFacts};
use crate::{Error, Hidden};

#[derive(Serialize)]
struct ByToken<'a> {
    token: &'a str,
}

/// What was unwrapped, or was not. Behind a lock that is held during a login, so that no two of them try one token.
#[derive(Default)]
pub(crate) struct Unwrapped(Mutex<Option<Known>>);

struct Known {
    /// The hash of the token it came from.
    token: [u8; 32],
    /// The secret id, or why there is none for ever.
    secret_id: Result<Hidden, Error>,
}

impl Unwrapped {
    /// The secret id of the token in that file: from memory when it is the one that was unwrapped, or when the file is gone.
    pub(crate) async fn secret_id(&self, door: &Door, mount: &str, path: &Path) -> Result<Hidden, Error> {
        let mut known = self.0.lock().await;
        let token = match file::read(path, Readers::Owner) {
            Ok(token) => token,
            // Whoever put it there may take it away when it was used.
            Err(error) if !path.exists() => {
                return known.as_ref().map_or(Err(error), |known| known.secret_id.clone());
            }
            Err(error) => return Err(error),
        };
        let hash: [u8; 32] = Sha256::digest(token.show().as_bytes()).into();
        if let Some(known) = known.as_ref().filter(|known| known.token == hash) {
            return known.secret_id.clone();
        }
        let secret_id = unwrap(door, mount, path, &token).await;
        let for_good = match &secret_id {
            Ok(_) | Err(Error::AlreadyUnwrapped { .. } | Error::UnwrapUnanswered { .. }) => true,
            Err(_) => false,
        };
        if for_good {
            *known = Some(Known { token: hash, secret_id: secret_id.clone() });
        }
        secret_id
    }
}

async fn unwrap(door: &Door, mount: &str, path: &Path, token: &Hidden) -> Result<Hidden, Error> {
    // Ids are UUIDs, tokens have a prefix before a dot.
    if !token.show().contains('.') {
        return Err(Error::NotWrapped { whence: format!("the secret id in {}", path.display()) });
    }
    let spent = |error: Error| match error {
        error if error.is_final() => Error::AlreadyUnwrapped { path: path.to_owned() },
        error => error,
    };
    let body = ByToken { token: token.show() };
    let ask = Ask::post("look a wrapping token up", "sys/wrapping/lookup").with(&body).hiding(token);
    let facts = door.ask::<WrappingFacts>(&ask, None).await.map_err(spent)?;
    let found = facts.data.map(|facts| facts.creation_path).unwrap_or_default();
    if !is_of_a_role(&found, mount) {
        let expected = format!("auth/{mount}/role/…/secret-id");
        return Err(Error::WrongWrapping { path: path.to_owned(), found, expected });
    }
    let ask = Ask::post("unwrap a secret id", "sys/wrapping/unwrap").hiding(token);
    let unanswered = |reason: String| Error::UnwrapUnanswered { path: path.to_owned(), reason };
    let answer = door.ask::<SecretId>(&ask, Some(token)).await.map_err(|error| match error {
        // It may have been opened, and the secret lost on the way.
        Error::Unreachable { reason, .. } => unanswered(reason),
        Error::Answer { problem, .. } => unanswered(problem),
        error => spent(error),
    })?;
    let secret_id = answer.data.map(|data| data.secret_id);
    secret_id.ok_or_else(|| unanswered("there was no secret id in the answer".to_owned()))
}

/// Whether that is where secret ids of a role are made.
fn is_of_a_role(path: &str, mount: &str) -> bool {
    let role = path.strip_prefix("auth/").and_then(|rest| rest.strip_prefix(mount.trim_matches('/')));
    let role = role.and_then(|rest| rest.strip_prefix("/role/")).and_then(|rest| rest.strip_suffix("/secret-id"));
    role.is_some_and(|role| !role.is_empty() && !role.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_place_of_secret_ids_will_do() {
        for (path, fits) in [
            ("auth/approle/role/picup/secret-id", true),
            ("auth/approle/role/picup/custom-secret-id", false),
            ("auth/approle/role//secret-id", false),
            ("auth/approle/role/a/b/secret-id", false),
            ("auth/approle2/role/picup/secret-id", false),
            ("auth/other/role/picup/secret-id", false),
            ("sys/wrapping/wrap", false),
            ("cubbyhole/secret-id", false),
            ("", false),
        ] {
            assert_eq!(is_of_a_role(path, "approle"), fits, "{path}");
        }
        assert!(is_of_a_role("auth/family/machines/role/picup/secret-id", "/family/machines/"));
    }
}
