//! Phase: people who come without TLS are sent to where there is.

use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode, Uri};

use crate::body::{Body, empty};
use crate::problem::Problem;

/// To the same path at `public_base`, whatever host was asked for: a host is what a client says. With the method and body that were sent:
/// a program that posts without TLS posts again with it.
pub(crate) fn to(public_base: &str, uri: &Uri) -> Response<Body> {
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    // `*` asks for nothing.
    let asked = if asked.starts_with('/') { asked } else { "/" };
    let Ok(address) = HeaderValue::try_from(format!("{public_base}{asked}")) else { return Problem::PATH.response() };
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, address);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_sent_to_the_same_path_at_the_public_address() {
        for (asked, sent) in [
            ("/", "https://photos.example/"),
            ("/albums/1?a=b", "https://photos.example/albums/1?a=b"),
            ("http://evil.example/x", "https://photos.example/x"),
            ("//evil.example/x", "https://photos.example//evil.example/x"),
            ("*", "https://photos.example/"),
        ] {
            let answer = to("https://photos.example", &asked.parse().unwrap());
            assert_eq!(answer.status(), 308);
            assert_eq!(answer.headers()[LOCATION], sent, "{asked}");
        }
    }
}
