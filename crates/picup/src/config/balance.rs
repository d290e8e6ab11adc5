//! The section `[gateway.balance]`: the processes behind a gateway that stands alone.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use picup_gateway::{BalanceSettings, Policy, Upstream};
use serde::de::{Deserialize, Deserializer};

use super::units::{self, from_text};

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct BalanceConfig {
    /// The processes that answer, such as `["http://10.0.0.5:8080", "http://10.0.0.6:8080 weight 2", "http://10.0.0.7:8080 drain"]`: one
    /// of weight 2 gets twice as much, and one with `drain` is sent nothing more. A change holds some seconds later.
    #[config(default = [])]
    pub(crate) upstreams: Vec<UpstreamEntry>,

    /// Which of them gets a request: `round-robin`, each in turn; `least-requests`, the one with the fewest under way; or
    /// `client-address`, always the same for the same client.
    #[config(default = "round-robin", deserialize_with = policy)]
    pub(crate) policy: Policy,

    /// How long one may take until its answer begins, and between two pieces of it.
    #[config(default = "2m", deserialize_with = units::duration)]
    #[config(validate(!answer_timeout.is_zero(), "must be more than 0s"))]
    pub(crate) answer_timeout: Duration,

    /// The public key of access tokens, as PicUp leaves it in `DATA/secrets/access-token-public.pem`: with it, the limits of accounts
    /// hold here too.
    pub(crate) account_key_file: Option<PathBuf>,
}

impl BalanceConfig {
    /// For the gateway.
    pub(crate) fn settings(&self) -> BalanceSettings {
        BalanceSettings { policy: self.policy, answer_timeout: self.answer_timeout, ..BalanceSettings::default() }
    }

    /// For the gateway.
    pub(crate) fn upstreams(&self) -> Vec<Upstream> {
        self.upstreams.iter().map(|entry| entry.0.clone()).collect()
    }

    /// What this section cannot mean.
    pub(super) fn validate(&self) -> Result<(), String> {
        let addresses = || self.upstreams.iter().map(|entry| &entry.0.address);
        match addresses().find(|address| addresses().filter(|other| other == address).count() > 1) {
            Some(twice) => Err(format!("gateway.balance.upstreams names {twice} twice; give it a weight instead")),
            None => Ok(()),
        }
    }
}

/// `http://10.0.0.5:8080`, with `weight N` or `drain` behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamEntry(Upstream);

impl FromStr for UpstreamEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = || {
            format!(
                "'{text}' is no upstream; write for example http://10.0.0.5:8080, http://10.0.0.5:8080 weight 2 (up to 100), or \
                 http://10.0.0.5:8080 drain"
            )
        };
        let words: Vec<_> = text.split_whitespace().collect();
        let (address, weight, drains) = match words[..] {
            [address] => (address, "1", false),
            [address, "drain"] => (address, "1", true),
            [address, "weight", weight] => (address, weight, false),
            [address, "weight", weight, "drain"] => (address, weight, true),
            _ => return Err(advice()),
        };
        let weight = weight.parse().ok().filter(|weight| (1..=100).contains(weight)).ok_or_else(advice)?;
        let address = address.strip_prefix("http://").ok_or_else(advice)?.trim_end_matches('/');
        let authority: http::uri::Authority = address.parse().map_err(|_| advice())?;
        if authority.port_u16().is_none() || address.contains(['/', '?', '@']) {
            return Err(advice());
        }
        Ok(Self(Upstream { address: address.to_owned(), weight, drains }))
    }
}

impl<'de> Deserialize<'de> for UpstreamEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an upstream as text, such as \"http://10.0.0.5:8080\"", Self::from_str)
    }
}

fn policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    let words = "\"round-robin\", \"least-requests\" or \"client-address\"";
    from_text(deserializer, words, |word| match word {
        "round-robin" => Ok(Policy::RoundRobin),
        "least-requests" => Ok(Policy::LeastRequests),
        "client-address" => Ok(Policy::ClientAddress),
        other => Err(format!("'{other}' is not one of round-robin, least-requests and client-address")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, read};

    #[test]
    fn upstreams_are_written_as_people_would() {
        let upstream = |address: &str, weight, drains| Upstream { address: address.to_owned(), weight, drains };
        for (text, meant) in [
            ("http://10.0.0.5:8080", upstream("10.0.0.5:8080", 1, false)),
            (" http://api:80/  weight 2 ", upstream("api:80", 2, false)),
            ("http://[::1]:8080 drain", upstream("[::1]:8080", 1, true)),
            ("http://api:80 weight 100 drain", upstream("api:80", 100, true)),
        ] {
            assert_eq!(text.parse::<UpstreamEntry>(), Ok(UpstreamEntry(meant)), "{text}");
        }
        for bad in [
            "",
            "10.0.0.5:8080",
            "https://a:1",
            "http://a",
            "http://a:1/x",
            "http://u@a:1",
            "http://a:1 weight 0",
            "http://a:1 weight 101",
            "http://a:1 weight",
            "http://a:1 drain weight 2",
            "http://a:99999",
        ] {
            assert!(bad.parse::<UpstreamEntry>().unwrap_err().contains("http://10.0.0.5:8080 weight 2"), "{bad}");
        }
    }

    #[test]
    fn one_is_named_once() {
        let text = "gateway.balance.upstreams = ['http://a:1', 'http://a:1 weight 2']";
        let told = read(text, Flags::default()).unwrap_err().to_string();
        assert!(told.contains("names a:1 twice"), "{told}");
    }
}
