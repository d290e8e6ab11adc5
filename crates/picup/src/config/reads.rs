//! The setting `store.reads`: how those who look at photos and videos get them from the bucket.

use serde::de::Deserializer;

use super::units::from_text;

/// How the bytes come from the bucket to who looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ReadsBy {
    /// Through PicUp.
    #[default]
    Proxy,
    /// From the bucket itself, to which PicUp sends whoever has the right.
    Redirect,
    /// From a CDN before the bucket, to which PicUp sends whoever has the right.
    Cdn,
}

pub(super) fn reads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReadsBy, D::Error> {
    from_text(deserializer, "\"proxy\", \"redirect\" or \"cdn\"", |word| match word {
        "proxy" => Ok(ReadsBy::Proxy),
        "redirect" => Ok(ReadsBy::Redirect),
        "cdn" => Ok(ReadsBy::Cdn),
        other => Err(format!("'{other}' is not one of proxy, redirect and cdn")),
    })
}
