//! What Vault answers.

use serde::Deserialize;

use crate::door::Ask;
use crate::{Error, Hidden, Values};

/// An answer, with what is asked for in `data`.
#[derive(Deserialize)]
#[serde(bound = "D: Deserialize<'de>")]
pub(crate) struct Answer<D = Values> {
    #[serde(default)]
    pub(crate) lease_id: String,
    /// Seconds.
    #[serde(default)]
    pub(crate) lease_duration: u64,
    #[serde(default)]
    pub(crate) renewable: bool,
    pub(crate) data: Option<D>,
    pub(crate) wrap_info: Option<WrapInfo>,
    pub(crate) auth: Option<Auth>,
}

impl<D> Answer<D> {
    /// Who we are now, of an answer that has to say so.
    pub(crate) fn logged_in(self, ask: &Ask) -> Result<Auth, Error> {
        let problem = "there is no token in it".to_owned();
        self.auth.ok_or_else(|| Error::Answer { doing: ask.doing.clone(), problem })
    }
}

impl<D> Default for Answer<D> {
    fn default() -> Self {
        Self { lease_id: String::new(), lease_duration: 0, renewable: false, data: None, wrap_info: None, auth: None }
    }
}

/// A token that gives out once what would have been in the answer.
#[derive(Deserialize)]
pub(crate) struct WrapInfo {
    pub(crate) token: Hidden,
    pub(crate) creation_path: String,
}

/// Who we are now.
#[derive(Deserialize)]
pub(crate) struct Auth {
    pub(crate) client_token: Hidden,
    /// Seconds; 0 when it does not end.
    #[serde(default)]
    pub(crate) lease_duration: u64,
    #[serde(default)]
    pub(crate) renewable: bool,
}

/// A refusal.
#[derive(Deserialize, Default)]
pub(crate) struct Errors {
    #[serde(default)]
    pub(crate) errors: Vec<String>,
}

/// What `auth/token/lookup-self` says.
#[derive(Deserialize)]
pub(crate) struct TokenFacts {
    /// Seconds that are left; 0 when it does not end.
    #[serde(default)]
    pub(crate) ttl: u64,
}

/// Where a wrapping token was made.
#[derive(Deserialize)]
pub(crate) struct WrappingFacts {
    pub(crate) creation_path: String,
}

/// What was wrapped.
#[derive(Deserialize)]
pub(crate) struct SecretId {
    pub(crate) secret_id: Hidden,
}

/// A secret of a KV engine with versions.
#[derive(Deserialize)]
pub(crate) struct Versioned {
    pub(crate) data: Option<Values>,
    pub(crate) metadata: Metadata,
}

/// About one version.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) version: u64,
}

/// What is mounted somewhere.
#[derive(Deserialize)]
pub(crate) struct Mount {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) options: Option<MountOptions>,
}

/// How it is mounted.
#[derive(Deserialize)]
pub(crate) struct MountOptions {
    pub(crate) version: Option<String>,
}
