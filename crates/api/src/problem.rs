//! The one place where a refusal or failure becomes an answer: `application/problem+json` (RFC 9457).
//!
//! A client's mistake says what to change. A failure of ours is logged with its cause and answered with the request's id
//! alone, so that nothing of the inside leaks and whoever is on call finds the line.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use picup_app::Error;

use crate::wire::Problem;

/// The header that names a request, set by the gateway.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// A refusal or failure on its way to the client.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// From a use case.
    App(Error),
    /// From taking the request apart.
    Request { status: StatusCode, name: &'static str, title: &'static str, detail: String },
}

impl ApiError {
    pub(crate) fn request(
        status: StatusCode,
        name: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::Request { status, name, title, detail: detail.into() }
    }
}

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::App(error.into())
    }
}

/// Travels in the response's extensions to [`finish`].
#[derive(Clone)]
struct Pending {
    problem: Problem,
    /// What only the log may see.
    cause: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, ..) = self.kind();
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after(status) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Pending { problem: self.problem(), cause: self.cause() });
        response
    }
}

impl ApiError {
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        let error = match self {
            Self::Request { status, name, title, .. } => return (*status, name, title),
            Self::App(error) => error,
        };
        match error {
            Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value is not acceptable"),
            Error::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Sign-in refused"),
            Error::TooManyGuesses { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many wrong attempts")
            }
            Error::NotSignedIn => (StatusCode::UNAUTHORIZED, "not-signed-in", "Not signed in"),
            Error::ScopeNeeded(_) => (StatusCode::FORBIDDEN, "scope-needed", "The key's scope does not reach here"),
            Error::SessionNeeded => (StatusCode::FORBIDDEN, "session-needed", "Not for API keys"),
            Error::WrongSetupCode => (StatusCode::FORBIDDEN, "wrong-setup-code", "Set-up refused"),
            Error::AlreadySetUp => (StatusCode::CONFLICT, "already-set-up", "Already set up"),
            Error::EmailTaken => (StatusCode::CONFLICT, "email-taken", "Address in use"),
            Error::NotAdmin => (StatusCode::FORBIDDEN, "not-admin", "Only for admins"),
            Error::LinkOver => (StatusCode::NOT_FOUND, "link-over", "Link not valid"),
            Error::LinkPasswordNeeded => (StatusCode::UNAUTHORIZED, "link-password-needed", "Password needed"),
            Error::WrongLinkPassword => (StatusCode::UNAUTHORIZED, "wrong-link-password", "Wrong password"),
            Error::NoSuchPerson => (StatusCode::NOT_FOUND, "no-such-person", "Nobody of that address"),
            Error::AlbumRoleNeeded(_) => {
                (StatusCode::FORBIDDEN, "album-role-needed", "Not with your role in this album")
            }
            Error::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Error::QuotaExceeded { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "quota-exceeded", "Quota exceeded"),
            Error::PartAddress => (StatusCode::FORBIDDEN, "part-address", "Part address refused"),
            Error::PartRefused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "part-refused", "Part refused"),
            Error::PartsMissing(_) => (StatusCode::CONFLICT, "parts-missing", "Parts are missing"),
            Error::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Not possible now"),
            Error::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy"),
            Error::ReadOnly => (StatusCode::SERVICE_UNAVAILABLE, "read-only", "Nothing can be changed now"),
            Error::DatabaseAway(_) => (StatusCode::SERVICE_UNAVAILABLE, "database-away", "The database is away"),
            Error::StoreAway(_) => (StatusCode::SERVICE_UNAVAILABLE, "store-away", "The store is away"),
            Error::StoreFull => (StatusCode::INSUFFICIENT_STORAGE, "store-full", "The store is full"),
            Error::Database(_) | Error::Storage(_) | Error::Media(_) | Error::Backup(_) | Error::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error")
            }
        }
    }

    /// In how many seconds another try may go better.
    fn retry_after(&self, status: StatusCode) -> Option<u64> {
        match self {
            Self::App(Error::TooManyGuesses { wait }) => Some(wait.as_secs() + 1),
            _ => matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS).then_some(2),
        }
    }

    /// What the client is told, before the request's id is known.
    fn problem(&self) -> Problem {
        let (status, name, title) = self.kind();
        let detail = match self {
            Self::App(_) if status == StatusCode::INTERNAL_SERVER_ERROR => {
                "Something failed on the server. The log has the cause under this request id.".to_owned()
            }
            Self::App(error) => error.to_string(),
            Self::Request { detail, .. } => detail.clone(),
        };
        Problem {
            r#type: format!("urn:picup:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            request_id: None,
        }
    }

    /// What only the log may see, of a failure of ours.
    fn cause(&self) -> Option<String> {
        let (status, ..) = self.kind();
        status.is_server_error().then(|| match self {
            Self::Request { detail, .. } => detail.clone(),
            Self::App(error) => error.story(),
        })
    }

    /// The answer to one item of a list, whose other items may be well. `headers` are the request's.
    pub(crate) fn of_item(&self, headers: &HeaderMap) -> Problem {
        let id = request_id(headers);
        match self.cause() {
            Some(cause) => {
                tracing::error!(request_id = id, cause, "one item of a request failed");
                Problem { request_id: id.map(str::to_owned), ..self.problem() }
            }
            None => self.problem(),
        }
    }
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok()
}

/// Writes the body of every refusal and logs every failure. Wraps the whole router.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let request_id = request_id(request.headers()).map(str::to_owned);
    let what = format!("{} {}", request.method(), request.uri().path());
    let mut response = next.run(request).await;
    let Some(Pending { mut problem, cause }) = response.extensions_mut().remove::<Pending>() else {
        return response;
    };
    if let Some(cause) = cause {
        let id = request_id.as_deref().unwrap_or("none");
        tracing::error!(request_id = id, request = what, status = problem.status, cause, "request failed");
        problem.request_id = request_id;
    }
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = body.into();
    response
}

/// The answer to an address that is no endpoint.
pub(crate) async fn no_such_endpoint() -> ApiError {
    ApiError::request(
        StatusCode::NOT_FOUND,
        "no-such-endpoint",
        "No such endpoint",
        "There is no endpoint at this address; /api/openapi.json lists them.",
    )
}

/// The answer to a method that an endpoint does not have.
pub(crate) async fn no_such_method() -> ApiError {
    ApiError::request(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "Method not allowed",
        "This address does not take this method; /api/openapi.json lists those it takes.",
    )
}
