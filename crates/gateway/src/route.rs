//! Phase: which part of PicUp answers a path, and what its answers are counted by.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// The parts, also the label of metrics and log lines: a fixed set, so that no client can make new series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// `/media/…`: bytes from the origin, for those with the right to them.
    Media,
    /// `/api/…` and `/.well-known/…`.
    Api,
    /// `/live` and `/ready`: the API answers, but they are told apart because they are asked all day.
    Health,
    /// Everything else: the user interface.
    Static,
}

impl Route {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Api => "api",
            Self::Health => "health",
            Self::Static => "static",
        }
    }
}

/// The template that a path fits, as `/api/assets/{id}`: whoever answers for the API puts it into the extensions of its answer, and
/// the request is counted by it. Only what a program has written down belongs in it, never what a client has sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteTemplate(Arc<str>);

impl RouteTemplate {
    /// Of a text that is one of few.
    #[must_use]
    pub fn new(template: &str) -> Self {
        Self(template.into())
    }
}

impl EncodeLabelValue for RouteTemplate {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        (&*self.0).encode(encoder)
    }
}

/// The value of the label `route`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum RouteLabel {
    /// The part that answered, or why none did.
    Class(&'static str),
    /// The endpoint of the API.
    Template(RouteTemplate),
}

impl EncodeLabelValue for RouteLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Class(class) => class.encode(encoder),
            Self::Template(template) => template.encode(encoder),
        }
    }
}
