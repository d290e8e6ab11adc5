//! Phase: which part of PicUp answers a path.

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
