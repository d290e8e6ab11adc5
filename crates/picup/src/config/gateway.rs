//! The section `[gateway]`: who may ask, how often, and over what.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use picup_delivery::AddressRange;
use picup_gateway::{
    AllowList, Class, ClassLimits, ForwardedHeader, Limit, Limits, Networks, Rules, TlsProfile, TrustedProxies,
};
use serde::de::{Deserialize, Deserializer};

use super::acme::{AcmeChallenge, AcmeConfig};
use super::balance::BalanceConfig;
use super::units::{self, ListenAddress, from_text, parse_duration};

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct GatewayConfig {
    /// Where proxies stand before PicUp, such as `["10.0.0.5", "172.16.0.0/12"]`: what they say of who asks is believed. Without this,
    /// everybody who comes through a proxy shares the limits of one address.
    #[config(default = [])]
    pub(crate) trusted_proxies: Vec<Network>,

    /// The header in which they say it: `x-forwarded-for` or `forwarded`. The proxies must write it anew or add to it.
    #[config(default = "x-forwarded-for", deserialize_with = forwarded_header)]
    pub(crate) forwarded_header: ForwardedHeader,

    /// Connections come from trusted proxies alone, and begin with the PROXY protocol, version 2, as HAProxy and the load balancers of
    /// clouds can send it.
    #[config(default = false)]
    pub(crate) proxy_protocol: bool,

    /// How many connections one address may have open; of IPv6 one /64. Trusted proxies may have all that there are.
    #[config(default = 256)]
    #[config(validate(*connections_per_address > 0, "must be at least 1"))]
    pub(crate) connections_per_address: usize,

    /// How long a process that plays some of the roles, and was asked to stop, says so at `/ready` and to each client, and goes on as
    /// before: gateways that look each second send it nothing more by then. One that plays all roles does so where its
    /// socket is kept for the next one (systemd's socket activation), and else stops at once.
    #[config(default = "3s", deserialize_with = units::duration)]
    #[config(validate(*stop_notice <= Duration::from_secs(300), "must be at most 5m"))]
    pub(crate) stop_notice: Duration,

    /// The processes behind a gateway that stands alone (`--roles gateway`).
    #[config(nested)]
    pub(crate) balance: BalanceConfig,

    /// TLS. Without a certificate, PicUp speaks plain HTTP.
    #[config(nested)]
    pub(crate) tls: TlsConfig,

    /// From where which requests may come. A change holds some seconds later, without a restart.
    #[config(nested)]
    pub(crate) networks: NetworksConfig,

    /// How often an address, and an account, may ask: `200/s burst 1000` is 200 a second, 1000 of them at once. With `delay` behind it
    /// those of a burst wait until the rate has room; `off` is no limit. Over it, the answer is 429. A change holds some seconds later.
    #[config(nested)]
    pub(crate) limits: RatesConfig,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct TlsConfig {
    /// A file with the certificate and then those of its issuers, in PEM. A new one holds some seconds later.
    pub(crate) certificate_file: Option<PathBuf>,

    /// The file with its private key, in PEM; only the user who runs PicUp may read it.
    pub(crate) key_file: Option<PathBuf>,

    /// `modern` is TLS 1.3 alone; `intermediate` is 1.2 too.
    #[config(default = "intermediate", deserialize_with = tls_profile)]
    pub(crate) profile: TlsProfile,

    /// How long browsers come by TLS alone, once they have (Strict-Transport-Security). `0s` says nothing of it.
    #[config(default = "365d", deserialize_with = units::duration)]
    pub(crate) hsts: Duration,

    /// An address and port, such as `0.0.0.0:80`, at which people who come without TLS are sent to `public_base`.
    #[config(default = "")]
    pub(crate) redirect_listen: ListenAddress,

    /// Certificates that PicUp fetches and renews itself (ACME).
    #[config(nested)]
    pub(crate) acme: AcmeConfig,
}

impl TlsConfig {
    /// Whether TLS is spoken.
    pub(crate) fn is_on(&self) -> bool {
        self.certificate_file.is_some() || self.acme.is_on()
    }

    /// The ways in which an authority can see that names are ours, in the order in which they are tried.
    pub(crate) fn ways(&self) -> Vec<AcmeChallenge> {
        let redirects = self.redirect_listen.address().is_some();
        let ways = self.acme.challenges.iter().copied();
        ways.filter(|way| redirects || *way != AcmeChallenge::Http01).collect()
    }
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct NetworksConfig {
    /// Requests come from here alone; from everywhere when it is empty.
    #[config(default = [])]
    pub(crate) allow: Vec<Network>,

    /// They never come from here.
    #[config(default = [])]
    pub(crate) deny: Vec<Network>,

    /// What administrators do.
    #[config(nested)]
    pub(crate) admin: ClassNetworksConfig,

    /// Where passwords, codes and links are tried.
    #[config(nested)]
    pub(crate) sign_in: ClassNetworksConfig,

    /// Uploads.
    #[config(nested)]
    pub(crate) upload: ClassNetworksConfig,

    /// All else that is asked of the API.
    #[config(nested)]
    pub(crate) api: ClassNetworksConfig,

    /// Photos and videos.
    #[config(nested)]
    pub(crate) media: ClassNetworksConfig,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct ClassNetworksConfig {
    /// From here alone, such as `["192.168.0.0/16", "fd00::/8"]`; from everywhere when it is empty.
    #[config(default = [])]
    pub(crate) allow: Vec<Network>,

    /// Never from here.
    #[config(default = [])]
    pub(crate) deny: Vec<Network>,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct RatesConfig {
    /// The page itself.
    #[config(default = "100/s burst 1000")]
    pub(crate) page: Rate,

    /// Photos and videos.
    #[config(default = "500/s burst 5000")]
    pub(crate) media: Rate,

    /// What is asked of the API, but for the next three.
    #[config(default = "200/s burst 1000")]
    pub(crate) api: Rate,

    /// Passwords, codes and links that are tried. How many may be wrong is limited beside this.
    #[config(default = "10/s burst 100")]
    pub(crate) sign_in: Rate,

    /// Uploads: a small photo is one request, and its share of those for a hundred.
    #[config(default = "2000/s burst 10000")]
    pub(crate) upload: Rate,

    /// What administrators do.
    #[config(default = "20/s burst 200")]
    pub(crate) admin: Rate,

    /// `/live` and `/ready`.
    #[config(default = "50/s burst 200")]
    pub(crate) health: Rate,

    /// As `api`, of each account, from wherever its people ask.
    #[config(default = "300/s burst 2000")]
    pub(crate) account_api: Rate,

    /// As `upload`, of each account.
    #[config(default = "3000/s burst 20000")]
    pub(crate) account_upload: Rate,

    /// Who asks from here has no limits.
    #[config(default = [])]
    pub(crate) exempt: Vec<Network>,
}

impl GatewayConfig {
    /// What this section cannot mean.
    pub(super) fn validate(&self, public_base: Option<&str>) -> Result<(), String> {
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return Err("gateway.proxy_protocol needs gateway.trusted_proxies: nobody else's word is taken".to_owned());
        }
        if self.tls.certificate_file.is_some() != self.tls.key_file.is_some() {
            return Err("gateway.tls.certificate_file and gateway.tls.key_file go together".to_owned());
        }
        let is_https = public_base.is_some_and(|base| base.starts_with("https://"));
        if self.tls.certificate_file.is_some() && self.tls.acme.is_on() {
            return Err(
                "gateway.tls: certificates come from certificate_file and key_file, or by acme; write the one \
                        or the other"
                    .to_owned(),
            );
        }
        self.tls.acme.validate(public_base, self.tls.redirect_listen.address().is_some())?;
        if self.tls.certificate_file.is_some() && !is_https {
            return Err("gateway.tls needs public_base, the address that the certificate is for, such as \
                        https://photos.example.org"
                .to_owned());
        }
        if self.tls.redirect_listen.address().is_some() && !self.tls.is_on() {
            return Err("gateway.tls.redirect_listen needs a certificate: there is nowhere to send people".to_owned());
        }
        self.balance.validate()
    }

    /// Whose word is taken for who asks.
    pub(crate) fn proxies(&self) -> TrustedProxies {
        TrustedProxies { networks: ranges(&self.trusted_proxies), header: self.forwarded_header }
    }

    /// From where requests may come, and how often.
    pub(crate) fn rules(&self) -> Rules {
        let NetworksConfig { allow, deny, admin, sign_in, upload, api, media } = &self.networks;
        let of = |ClassNetworksConfig { allow, deny }: &ClassNetworksConfig| networks(allow, deny);
        let classes = [
            (Class::Admin, of(admin)),
            (Class::SignIn, of(sign_in)),
            (Class::Upload, of(upload)),
            (Class::Api, of(api)),
            (Class::Media, of(media)),
        ];
        let rates = &self.limits;
        let limits = |address: Rate, account: Option<Rate>| ClassLimits {
            address: address.0,
            account: account.and_then(|account| account.0),
        };
        let limits = [
            (Class::Page, limits(rates.page, None)),
            (Class::Media, limits(rates.media, None)),
            (Class::Api, limits(rates.api, Some(rates.account_api))),
            (Class::SignIn, limits(rates.sign_in, None)),
            (Class::Upload, limits(rates.upload, Some(rates.account_upload))),
            (Class::Admin, limits(rates.admin, None)),
            (Class::Health, limits(rates.health, None)),
        ];
        Rules {
            allow: AllowList { all: networks(allow, deny), classes: classes.into() },
            limits: Limits { classes: limits.into(), exempt: ranges(&rates.exempt) },
        }
    }
}

fn ranges(networks: &[Network]) -> Vec<AddressRange> {
    networks.iter().map(|network| network.0).collect()
}

fn networks(allow: &[Network], deny: &[Network]) -> Networks {
    Networks { allow: ranges(allow), deny: ranges(deny) }
}

/// An address, or a network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network(AddressRange);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Self).map_err(|_| {
            format!("'{text}' is no address or network; write for example 192.168.1.7, 192.168.0.0/16 or fd00::/8")
        })
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an address or network as text, such as \"192.168.0.0/16\"", Self::from_str)
    }
}

/// How often: `200/s burst 1000`, `30/m burst 10 delay`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(Option<Limit>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = || format!("'{text}' is no rate; write for example 200/s burst 1000, 30/m burst 10 delay, or off");
        let words: Vec<_> = text.split_whitespace().collect();
        let (rate, burst, delay) = match words[..] {
            ["off"] => return Ok(Self(None)),
            [rate] => (rate, "1", false),
            [rate, "burst", burst] => (rate, burst, false),
            [rate, "burst", burst, "delay"] => (rate, burst, true),
            _ => return Err(advice()),
        };
        let (requests, unit) = rate.split_once('/').ok_or_else(advice)?;
        let per = match unit {
            "s" | "m" | "h" => parse_duration(&format!("1{unit}")).map_err(|_| advice())?,
            _ => return Err(advice()),
        };
        let count = |text: &str| text.parse().ok().filter(|count| (1..=1_000_000).contains(count)).ok_or_else(advice);
        Ok(Self(Some(Limit { requests: count(requests)?, per, burst: count(burst)?, delay })))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a rate as text, such as \"200/s burst 1000\"", Self::from_str)
    }
}

fn forwarded_header<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ForwardedHeader, D::Error> {
    from_text(deserializer, "\"x-forwarded-for\" or \"forwarded\"", |word| match word.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Ok(ForwardedHeader::XForwardedFor),
        "forwarded" => Ok(ForwardedHeader::Forwarded),
        other => Err(format!("'{other}' is not one of x-forwarded-for and forwarded")),
    })
}

fn tls_profile<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TlsProfile, D::Error> {
    from_text(deserializer, "\"intermediate\" or \"modern\"", |word| match word {
        "modern" => Ok(TlsProfile::Modern),
        "intermediate" => Ok(TlsProfile::Intermediate),
        other => Err(format!("'{other}' is not one of intermediate and modern")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, read};

    #[test]
    fn rates_are_read_as_people_say_them() {
        let limit = |requests, seconds, burst, delay| {
            Ok(Rate(Some(Limit { requests, per: Duration::from_secs(seconds), burst, delay })))
        };
        assert_eq!("200/s burst 1000".parse(), limit(200, 1, 1_000, false));
        assert_eq!(" 30/m  burst 10 delay".parse(), limit(30, 60, 10, true));
        assert_eq!("5/h".parse(), limit(5, 3_600, 1, false));
        assert_eq!("off".parse(), Ok(Rate(None)));
        for bad in
            ["", "5", "0/s", "5/d", "5/s burst", "5/s burst 0", "5/s delay", "-1/s", "9999999/s", "5/s burst 1 2"]
        {
            assert!(bad.parse::<Rate>().unwrap_err().contains("200/s burst 1000"), "{bad}");
        }
    }

    #[test]
    fn everybody_is_limited_unless_somebody_says_otherwise() {
        let rules = read("", Flags::default()).unwrap().gateway.rules();
        assert!(Class::ALL.iter().all(|class| rules.limits.classes[class].address.is_some()));
        assert!(rules.limits.exempt.is_empty() && rules.allow.all == Networks::default());
        let text = "gateway.limits.api = 'off'\ngateway.networks.admin.allow = ['192.168.0.0/16']";
        let rules = read(text, Flags::default()).unwrap().gateway.rules();
        assert_eq!(rules.limits.classes[&Class::Api].address, None);
        assert_eq!(rules.allow.classes[&Class::Admin].allow.len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (text, says) in [
            ("gateway.proxy_protocol = true", "needs gateway.trusted_proxies"),
            ("gateway.tls.key_file = '/k'", "go together"),
            ("gateway.tls.redirect_listen = '0.0.0.0:80'", "needs a certificate"),
            ("gateway.tls.key_file = '/k'\ngateway.tls.certificate_file = '/c'", "https://photos.example.org"),
            ("gateway.trusted_proxies = ['10.0.0.0/33']", "192.168.0.0/16"),
            ("gateway.limits.media = 'fast'", "200/s burst 1000"),
            ("gateway.forwarded_header = 'via'", "x-forwarded-for and forwarded"),
        ] {
            let told = read(text, Flags::default()).unwrap_err().to_string();
            assert!(told.contains(says), "{text}: {told}");
        }
    }
}
