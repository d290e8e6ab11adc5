//! Signed URLs: the right to fetch, in an address. For shares, downloads, and CDNs of other sites, where no cookie goes.

use std::borrow::Cow;

use crate::encoding::encode;
use crate::presented::{EXPIRES, HASH_ALGORITHM, KEY_PAIR_ID, POLICY, SIGNATURE, in_query};
use crate::{Form, HashAlgorithm, Policy, SigningKey};

/// Why an address was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// It has a parameter of a signature already.
    #[error(
        "the address has a parameter of a signature already: Expires, Policy, Signature, Key-Pair-Id or Hash-Algorithm"
    )]
    Signed,
    /// `*` in an address would be a wildcard in a policy, and `#` never reaches a server.
    #[error("an address to sign has no * and no #; percent-encode them")]
    Character,
    /// The policy gives no right to it.
    #[error("the policy does not cover the address")]
    NotCovered,
}

/// `url` with the right that `policy` gives, to whoever has the address.
///
/// The same arguments always give the same address. `url` has to be as it will be on the wire: percent-encoded where it must be, because
/// the request's bytes are compared.
///
/// # Errors
/// [`SignError`] says what cannot be signed.
pub fn signed_url(
    key: &SigningKey,
    hash: HashAlgorithm,
    url: &str,
    policy: &Policy,
    form: Form,
) -> Result<String, SignError> {
    if without_signature(url).as_deref() != Some(url) {
        return Err(SignError::Signed);
    }
    if url.contains(['#', '*']) {
        return Err(SignError::Character);
    }
    if !policy.resource.covers(url) {
        return Err(SignError::NotCovered);
    }
    let json = policy.to_json();
    let signature = encode(&key.sign(hash, json.as_bytes()));
    let may_be_canned = policy.is_of_time_alone() && policy.resource.as_str() == url;
    let terms = if form == Form::Shortest && may_be_canned {
        format!("{EXPIRES}={}", policy.expires_at_epoch_s)
    } else {
        format!("{POLICY}={}", encode(json.as_bytes()))
    };
    let begin = if url.contains('?') { '&' } else { '?' };
    let hash = hash.name().map(|name| format!("&{HASH_ALGORITHM}={name}")).unwrap_or_default();
    Ok(format!("{url}{begin}{terms}&{SIGNATURE}={signature}&{KEY_PAIR_ID}={}{hash}", key.id()))
}

/// An address without the parameters of a signature; `None` when one is given twice.
#[must_use]
pub fn without_signature(path_and_query: &str) -> Option<Cow<'_, str>> {
    in_query(path_and_query).ok().map(|(_, rest)| rest)
}
