//! The section `[delivery]`: what opens photos in a browser that has signed in, and the second way, tokens.

use std::path::PathBuf;
use std::str::FromStr;

use picup_delivery::{Audience, KeyId};
use serde::de::{Deserialize, Deserializer};

use super::SessionConfig;
use super::units::from_text;

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct DeliveryConfig {
    /// What a browser is given that has signed in: `cookies` in CloudFront's format, or `token`, one cookie with a token that PicUp's
    /// edges take too, and a CloudFront Function (`picup media-key function`). PicUp itself takes both.
    #[config(default = "cookies", deserialize_with = right)]
    pub(crate) right: Right,

    /// Whom tokens are for: each edge, and each CloudFront Function, goes by the same name.
    #[config(default = "picup-media", deserialize_with = audience)]
    pub(crate) token_audience: Audience,

    /// Secrets that tokens may be signed with, each as `ID=FILE`; only the user who runs PicUp may read the files. The first signs
    /// those of browsers, and all open. Without any, PicUp's own key signs, which CloudFront Functions cannot check.
    #[config(default = [])]
    pub(crate) token_secrets: Vec<NamedFile>,
}

impl DeliveryConfig {
    /// What this section and `[session]` cannot both mean.
    pub(super) fn validate(&self, session: &SessionConfig) -> Result<(), String> {
        if self.right == Right::Token && session.media_bind_address {
            return Err("session.media_bind_address cannot be kept to: a token is good for every address; \
                        leave it out, or set delivery.right = \"cookies\""
                .to_owned());
        }
        Ok(())
    }
}

/// What opens photos in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// CloudFront's signed cookies.
    Cookies,
    /// A token.
    Token,
}

/// A file with a key, and what the key is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) id: KeyId,
    pub(crate) file: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, file) = text.split_once('=').ok_or("write ID=FILE, such as K2JCJMDEHXQW5F=/etc/picup/media.pem")?;
        Ok(Self { id: KeyId::parse(id).map_err(|error| error.to_string())?, file: file.into() })
    }
}

impl<'de> Deserialize<'de> for NamedFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a key's ID and file as text, such as \"T1=/etc/picup/token-secret\"", Self::from_str)
    }
}

fn right<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Right, D::Error> {
    from_text(deserializer, "\"cookies\" or \"token\"", |word| match word {
        "cookies" => Ok(Right::Cookies),
        "token" => Ok(Right::Token),
        other => Err(format!("'{other}' is not one of cookies and token")),
    })
}

fn audience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Audience, D::Error> {
    from_text(deserializer, "a name as text, such as \"picup-media\"", |text| {
        text.parse().map_err(|error: picup_delivery::AudienceError| error.to_string())
    })
}
