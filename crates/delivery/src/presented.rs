//! What a request shows of a signature: the same five values, from its query or from its cookies. As sent: not yet decoded, not
//! yet believed.

use std::borrow::Cow;

use crate::encoding::decode;
use crate::policy::MAX_POLICY_BYTES;
use crate::{Denied, HashAlgorithm, Policy, Resource};

pub(crate) const EXPIRES: &str = "Expires";
pub(crate) const POLICY: &str = "Policy";
pub(crate) const SIGNATURE: &str = "Signature";
pub(crate) const KEY_PAIR_ID: &str = "Key-Pair-Id";
pub(crate) const HASH_ALGORITHM: &str = "Hash-Algorithm";

/// Longest signature in text: RSA with 8192 bits has 1368 characters.
const MAX_SIGNATURE_TEXT: usize = 1368;
const MAX_POLICY_TEXT: usize = MAX_POLICY_BYTES.div_ceil(3) * 4;

/// The values of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Presented<'a> {
    expires: Option<&'a str>,
    policy: Option<&'a str>,
    signature: Option<&'a str>,
    key_pair_id: Option<&'a str>,
    hash_algorithm: Option<&'a str>,
}

/// A name is given twice, which is ambiguous whatever the values: which one counts differs between programs, and the gap would be
/// an attacker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// What the values say, once they make a whole.
pub(crate) struct Claim<'a> {
    pub(crate) policy: Policy,
    /// What was signed, byte for byte.
    pub(crate) signed: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) key_pair_id: &'a str,
    pub(crate) hash: HashAlgorithm,
}

impl<'a> Presented<'a> {
    /// Takes a value; `false` when `name` is none of the five.
    pub(crate) fn take(&mut self, name: &str, value: &'a str) -> Result<bool, Ambiguous> {
        let slot = match name {
            EXPIRES => &mut self.expires,
            POLICY => &mut self.policy,
            SIGNATURE => &mut self.signature,
            KEY_PAIR_ID => &mut self.key_pair_id,
            HASH_ALGORITHM => &mut self.hash_algorithm,
            _ => return Ok(false),
        };
        match slot.replace(value) {
            None => Ok(true),
            Some(_) => Err(Ambiguous),
        }
    }

    /// Whether there is none of them.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { expires, policy, signature, key_pair_id, hash_algorithm } = self;
        [expires, policy, signature, key_pair_id, hash_algorithm].iter().all(|value| value.is_none())
    }

    /// What they say of `url`, the absolute address without the five.
    ///
    /// # Errors
    /// [`Denied::Malformed`] when they make no whole.
    pub(crate) fn claim(&self, url: &str) -> Result<Claim<'a>, Denied> {
        let (Some(signature), Some(key_pair_id)) = (self.signature, self.key_pair_id) else {
            return Err(Denied::Malformed);
        };
        let hash = HashAlgorithm::of(self.hash_algorithm).ok_or(Denied::Malformed)?;
        let (policy, signed) = match (self.policy, self.expires) {
            (Some(policy), None) => custom(policy)?,
            (None, Some(expires)) => canned(url, expires)?,
            _ => return Err(Denied::Malformed),
        };
        if signature.len() > MAX_SIGNATURE_TEXT {
            return Err(Denied::Malformed);
        }
        let signature = decode(signature).map_err(|_| Denied::Malformed)?;
        Ok(Claim { policy, signed, signature, key_pair_id, hash })
    }
}

fn custom(text: &str) -> Result<(Policy, Vec<u8>), Denied> {
    if text.len() > MAX_POLICY_TEXT {
        return Err(Denied::Malformed);
    }
    let signed = decode(text).map_err(|_| Denied::Malformed)?;
    let policy = Policy::parse(&signed).map_err(|_| Denied::Malformed)?;
    Ok((policy, signed))
}

/// A canned policy is not sent: it is the address asked for and the time, in one fixed text.
fn canned(url: &str, expires: &str) -> Result<(Policy, Vec<u8>), Denied> {
    let expires_at_epoch_s: u64 = expires.parse().map_err(|_| Denied::Malformed)?;
    // `+9` and `09` are nine too, and were never signed.
    if expires_at_epoch_s.to_string() != expires {
        return Err(Denied::Malformed);
    }
    let resource = Resource::parse(url).map_err(|_| Denied::Resource)?;
    let policy = Policy::until(resource, expires_at_epoch_s);
    let signed = policy.to_json().into_bytes();
    Ok((policy, signed))
}

/// The values in a query, and the address without them, the order and bytes of the rest as they were.
pub(crate) fn in_query(path_and_query: &str) -> Result<(Presented<'_>, Cow<'_, str>), Ambiguous> {
    let mut presented = Presented::default();
    let Some((path, query)) = path_and_query.split_once('?') else { return Ok((presented, path_and_query.into())) };
    let mut rest = Vec::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !presented.take(name, value)? {
            rest.push(parameter);
        }
    }
    let rest = match rest.as_slice() {
        _ if presented.is_empty() => path_and_query.into(),
        [] => path.into(),
        rest => format!("{path}?{}", rest.join("&")).into(),
    };
    Ok((presented, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rest_of_a_query_stays_as_it_was() {
        for (text, rest) in [
            ("/a", "/a"),
            ("/a?", "/a?"),
            ("/a?b", "/a?b"),
            ("/a?Expires=1", "/a"),
            ("/a?Expires=1&", "/a?"),
            ("/a?b=%20&Policy=x&c&Signature=", "/a?b=%20&c"),
            ("/a?expires=1&Expires=2", "/a?expires=1"),
            ("/a?Signature=1&b?Policy=2", "/a?b?Policy=2"),
        ] {
            assert_eq!(in_query(text).map(|(_, rest)| rest.into_owned()), Ok(rest.to_owned()), "{text}");
        }
        assert_eq!(in_query("/a?Expires=1&Expires=1").err(), Some(Ambiguous));
    }

    #[test]
    fn a_time_has_one_spelling() {
        for wrong in ["", "+9", "09", " 9", "9.0", "-1", "99999999999999999999"] {
            assert_eq!(canned("https://a/b", wrong).err(), Some(Denied::Malformed), "{wrong}");
        }
        assert!(canned("https://a/b", "9").is_ok());
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(before in "([a-z]=[a-z]?&){0,3}", after in "(&[a-z]=[a-z]?){0,3}", value in "[A-Za-z0-9~_-]{0,9}") {
            let text = format!("/x?{before}Signature={value}{after}");
            let (presented, rest) = in_query(&text).unwrap();
            prop_assert_eq!(presented.signature, Some(value.as_str()));
            let expected = format!("{before}{}", after.strip_prefix('&').unwrap_or_default());
            prop_assert_eq!(rest.trim_start_matches("/x").trim_matches(['?', '&']), expected.trim_matches('&'));
        }

        #[test]
        fn never_panics(text: String) {
            if let Ok((presented, rest)) = in_query(&text) {
                let _ = presented.claim(&format!("https://a{rest}"));
            }
        }
    }
}
