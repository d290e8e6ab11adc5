//! Decides whether a request may fetch a medium.
//!
//! The gateway calls this for every request under `/media`. The order matters: whatever can be refused without
//! cryptography is refused first, and one signature is verified last, over the policy bytes as received. The address
//! compared is built from the configured public base, never from a `Host` header.

use std::net::IpAddr;

use http::HeaderMap;

use crate::cookie::CookieSet;
use crate::encoding::decode;
use crate::policy::MAX_POLICY_BYTES;
use crate::{Keyring, Policy};

/// Longest URL, in bytes, that a policy is matched against.
const MAX_URL_BYTES: usize = 4096;
/// Longest signature in text: RSA with 8192 bits has 1368 characters.
const MAX_SIGNATURE_TEXT: usize = 1368;
const MAX_POLICY_TEXT: usize = MAX_POLICY_BYTES.div_ceil(3) * 4;

/// What is asked for, by whom and when.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'a> {
    /// The address people reach us at, without a path: `https://photos.example`. The signer used the same.
    pub public_base: &'a str,
    /// Path and query exactly as they were on the wire, already free of dot segments and the like.
    pub path_and_query: &'a str,
    /// Who asks.
    pub client: IpAddr,
    /// The time, in seconds since 1970, UTC.
    pub now_epoch_s: u64,
}

/// Why a request may not fetch. For logs and metrics: the client is told the same for every reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    /// No CloudFront cookie at all.
    #[error("no signed cookie")]
    Unsigned,
    /// The cookies are incomplete, repeated, or not what they should be.
    #[error("the signed cookies are incomplete, repeated or unreadable")]
    Malformed,
    /// The policy has ended.
    #[error("the policy has ended")]
    Expired,
    /// The policy has not begun.
    #[error("the policy has not begun")]
    NotYet,
    /// The policy does not cover this address.
    #[error("the policy does not cover this resource")]
    Resource,
    /// The policy does not cover this client.
    #[error("the policy does not cover this client address")]
    Address,
    /// The key is not on the ring.
    #[error("signed by an unknown key")]
    UnknownKey,
    /// The key never signed this policy.
    #[error("the signature is wrong")]
    Signature,
}

impl Denied {
    /// Every reason, so that each one's counter can start at zero.
    pub const ALL: [Self; 8] = [
        Self::Unsigned,
        Self::Malformed,
        Self::Expired,
        Self::NotYet,
        Self::Resource,
        Self::Address,
        Self::UnknownKey,
        Self::Signature,
    ];

    /// The value of the metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Malformed => "malformed",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Resource => "resource",
            Self::Address => "address",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
        }
    }
}

/// Whether the signed cookies in `headers` open what is asked for.
///
/// Only SHA-256 is honoured, so `CloudFront-Hash-Algorithm` must say `SHA256` (without it CloudFront means SHA-1).
///
/// # Errors
/// The first [`Denied`] reason met, cheapest first.
pub fn authorise_cookies(keyring: &Keyring, headers: &HeaderMap, fetch: &Fetch<'_>) -> Result<(), Denied> {
    let cookies = CookieSet::find(headers).map_err(|_| Denied::Malformed)?;
    if cookies.is_empty() {
        return Err(Denied::Unsigned);
    }
    let (Some(policy), Some(signature), Some(key_id), Some("SHA256")) =
        (cookies.policy, cookies.signature, cookies.key_pair_id, cookies.hash_algorithm)
    else {
        return Err(Denied::Malformed);
    };
    if policy.len() > MAX_POLICY_TEXT || signature.len() > MAX_SIGNATURE_TEXT {
        return Err(Denied::Malformed);
    }
    let signed_bytes = decode(policy).map_err(|_| Denied::Malformed)?;
    let signature = decode(signature).map_err(|_| Denied::Malformed)?;
    let policy = Policy::parse(&signed_bytes).map_err(|_| Denied::Malformed)?;
    conditions_hold(&policy, fetch)?;
    let key = keyring.get(key_id).ok_or(Denied::UnknownKey)?;
    key.verify_sig(&signed_bytes, &signature).map_err(|_| Denied::Signature)
}

/// Everything a policy says that needs no cryptography; asked anew on every request, range requests included.
fn conditions_hold(policy: &Policy, fetch: &Fetch<'_>) -> Result<(), Denied> {
    if fetch.now_epoch_s >= policy.expires_at_epoch_s {
        return Err(Denied::Expired);
    }
    if policy.not_before_epoch_s.is_some_and(|begins| fetch.now_epoch_s <= begins) {
        return Err(Denied::NotYet);
    }
    if fetch.public_base.len() + fetch.path_and_query.len() > MAX_URL_BYTES
        || !policy.resource.covers(&format!("{}{}", fetch.public_base, fetch.path_and_query))
    {
        return Err(Denied::Resource);
    }
    if policy.addresses.is_some_and(|range| !range.contains(fetch.client)) {
        return Err(Denied::Address);
    }
    Ok(())
}
