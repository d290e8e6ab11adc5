//! Decides whether a request may fetch a medium.
//!
//! The gateway calls this for every request under `/media`. The order matters: whatever can be refused without
//! cryptography is refused first, and one signature is verified last, over the policy bytes as received. The address
//! compared is built from the configured public base, never from a `Host` header.

use std::net::IpAddr;

use http::HeaderMap;

use crate::cookie::in_cookies;
use crate::presented::in_query;
use crate::{Keyring, Policy};

/// Longest URL, in bytes, that a policy is matched against.
const MAX_URL_BYTES: usize = 4096;

/// What is asked for, by whom and when.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'a> {
    /// The address people reach us at, without a path: `https://photos.example`. The signer used the same.
    pub public_base: &'a str,
    /// Path and query exactly as they were on the wire, signature included, already free of dot segments and the like.
    pub path_and_query: &'a str,
    /// Who asks.
    pub client: IpAddr,
    /// The time, in seconds since 1970, UTC.
    pub now_epoch_s: u64,
    /// Whether a signature that was not seen before may be verified, which costs the processor more than all else.
    pub may_verify: bool,
}

/// Why a request may not fetch. For logs and metrics: the client is told the same for every reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    /// Neither a signed address nor a signed cookie, nor a token.
    #[error("not signed")]
    Unsigned,
    /// What is signed is incomplete, repeated, or not what it should be.
    #[error("the signed address, the cookies or the token are incomplete, repeated or unreadable")]
    Malformed,
    /// The policy or token has ended.
    #[error("the policy or token has ended")]
    Expired,
    /// The policy or token has not begun.
    #[error("the policy or token has not begun")]
    NotYet,
    /// The policy or token does not cover this address.
    #[error("the policy or token does not cover this resource")]
    Resource,
    /// The policy does not cover this client.
    #[error("the policy does not cover this client address")]
    Address,
    /// The key is not on the ring.
    #[error("signed by an unknown key")]
    UnknownKey,
    /// The key never signed this.
    #[error("the signature is wrong")]
    Signature,
    /// It was not verified: the client has shown too many wrong ones.
    #[error("the signature was not verified, after too many wrong ones")]
    Limited,
    /// The token names another algorithm than its key has.
    #[error("the token names another algorithm than that of its key")]
    Algorithm,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// The token was made to hold for longer than any may.
    #[error("the token holds for longer than 24 hours")]
    Lifetime,
}

impl Denied {
    /// Every reason, so that each one's counter can start at zero.
    pub const ALL: [Self; 12] = [
        Self::Unsigned,
        Self::Malformed,
        Self::Expired,
        Self::NotYet,
        Self::Resource,
        Self::Address,
        Self::UnknownKey,
        Self::Signature,
        Self::Limited,
        Self::Algorithm,
        Self::Audience,
        Self::Lifetime,
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
            Self::Limited => "limited",
            Self::Algorithm => "algorithm",
            Self::Audience => "audience",
            Self::Lifetime => "lifetime",
        }
    }
}

/// Whether the signature in the address or, where there is none, the signed cookies in `headers` open what is asked for.
///
/// A signature in the address alone counts as soon as it has one of its parameters, as at CloudFront. `Hash-Algorithm` left out means
/// SHA-1, which only a ring made for it accepts.
///
/// # Errors
/// The first [`Denied`] reason met, cheapest first.
pub fn authorise(keyring: &Keyring, headers: &HeaderMap, fetch: &Fetch<'_>) -> Result<(), Denied> {
    if fetch.public_base.len() + fetch.path_and_query.len() > MAX_URL_BYTES {
        return Err(Denied::Resource);
    }
    let (in_address, path_and_query) = in_query(fetch.path_and_query).map_err(|_| Denied::Malformed)?;
    let presented =
        if in_address.is_empty() { in_cookies(headers).map_err(|_| Denied::Malformed)? } else { in_address };
    if presented.is_empty() {
        return Err(Denied::Unsigned);
    }
    let url = format!("{}{path_and_query}", fetch.public_base);
    let claim = presented.claim(&url)?;
    if !keyring.accepts(claim.hash) {
        return Err(Denied::Malformed);
    }
    conditions_hold(&claim.policy, &url, fetch)?;
    keyring.verify(&claim, fetch.may_verify)
}

/// Everything a policy says that needs no cryptography; asked anew on every request, range requests included.
fn conditions_hold(policy: &Policy, url: &str, fetch: &Fetch<'_>) -> Result<(), Denied> {
    if fetch.now_epoch_s >= policy.expires_at_epoch_s {
        return Err(Denied::Expired);
    }
    if policy.not_before_epoch_s.is_some_and(|begins| fetch.now_epoch_s <= begins) {
        return Err(Denied::NotYet);
    }
    if !policy.resource.covers(url) {
        return Err(Denied::Resource);
    }
    if policy.addresses.is_some_and(|range| !range.contains(fetch.client)) {
        return Err(Denied::Address);
    }
    Ok(())
}
