//! What a request is for, as far as who may ask for it, and how often, goes by that.

use http::Method;

use crate::route::Route;

/// The classes: a fixed set, also a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The user interface.
    Page,
    /// Photos and videos.
    Media,
    /// The API, but for the next three.
    Api,
    /// Where passwords, codes and links are tried.
    SignIn,
    /// Uploads.
    Upload,
    /// What administrators alone may do.
    Admin,
    /// `/live` and `/ready`.
    Health,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Page, Self::Media, Self::Api, Self::SignIn, Self::Upload, Self::Admin, Self::Health];

    /// The name, in settings and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Media => "media",
            Self::Api => "api",
            Self::SignIn => "sign_in",
            Self::Upload => "upload",
            Self::Admin => "admin",
            Self::Health => "health",
        }
    }

    /// The part of PicUp that answers it.
    pub(crate) const fn route(self) -> Route {
        match self {
            Self::Page => Route::Static,
            Self::Media => Route::Media,
            Self::Api | Self::SignIn | Self::Upload | Self::Admin => Route::Api,
            Self::Health => Route::Health,
        }
    }

    /// Of a path as it came. One that `normalise` refuses may be of any class; one that it lets through is of one, because the API
    /// knows its paths by their bytes too.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let below =
            |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below("/media") {
            Self::Media
        } else if below("/api/admin") {
            Self::Admin
        } else if below("/api/uploads") || below("/api/immich/assets") {
            Self::Upload
        } else if tries_a_secret(method, path) {
            Self::SignIn
        } else if below("/api") || below("/.well-known") {
            Self::Api
        } else if matches!(path, "/live" | "/ready") {
            Self::Health
        } else {
            Self::Page
        }
    }
}

fn tries_a_secret(method: &Method, path: &str) -> bool {
    let at = ["/api/session", "/api/setup", "/api/share/open", "/api/account/password", "/api/account/deletion"];
    method == Method::POST && (at.contains(&path) || path.starts_with("/api/invitations/"))
        || method == Method::PATCH && path == "/api/account"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_for_something() {
        for (method, path, class) in [
            ("GET", "/", Class::Page),
            ("GET", "/mediab", Class::Page),
            ("GET", "/MEDIA/a", Class::Page),
            ("GET", "/media", Class::Media),
            ("GET", "/apis", Class::Page),
            ("GET", "/api", Class::Api),
            ("GET", "/live", Class::Health),
            ("GET", "/ready/x", Class::Page),
            ("GET", "/media/a/b", Class::Media),
            ("GET", "/api/timeline", Class::Api),
            ("GET", "/.well-known/jwks.json", Class::Api),
            ("POST", "/api/session", Class::SignIn),
            ("DELETE", "/api/session", Class::Api),
            ("POST", "/api/session/refresh", Class::Api),
            ("POST", "/api/invitations/accept", Class::SignIn),
            ("POST", "/api/share/open", Class::SignIn),
            ("PUT", "/api/uploads/1/parts/2", Class::Upload),
            ("POST", "/api/uploads", Class::Upload),
            ("POST", "/api/immich/assets/bulk-upload-check", Class::Upload),
            ("POST", "/api/account/deletion", Class::SignIn),
            ("PATCH", "/api/account", Class::SignIn),
            ("GET", "/api/account", Class::Api),
            ("POST", "/api/uploadsx", Class::Api),
            ("GET", "/api/admin/system", Class::Admin),
            ("GET", "/ready", Class::Health),
        ] {
            assert_eq!(Class::of(&method.parse().unwrap(), path), class, "{method} {path}");
        }
        assert!(
            Class::ALL.iter().all(|class| Class::ALL.iter().filter(|other| other.name() == class.name()).count() == 1)
        );
    }
}
