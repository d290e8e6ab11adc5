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
    /// Routes a path that has passed `normalise`.
    pub(crate) fn of(path: &str) -> Self {
        let below =
            |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below("/media") {
            Self::Media
        } else if below("/api") || below("/.well-known") {
            Self::Api
        } else if matches!(path, "/live" | "/ready") {
            Self::Health
        } else {
            Self::Static
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Api => "api",
            Self::Health => "health",
            Self::Static => "static",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_paths() {
        for (path, route) in [
            ("/media", Route::Media),
            ("/media/a/b", Route::Media),
            ("/mediab", Route::Static),
            ("/MEDIA/a", Route::Static),
            ("/api", Route::Api),
            ("/api/albums", Route::Api),
            ("/apis", Route::Static),
            ("/.well-known/jwks.json", Route::Api),
            ("/live", Route::Health),
            ("/ready", Route::Health),
            ("/ready/x", Route::Static),
            ("/", Route::Static),
            ("/albums/1", Route::Static),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
