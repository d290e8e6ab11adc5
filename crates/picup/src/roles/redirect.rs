//! Sends people who come without TLS to where there is.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// Serves until the process ends. Everybody is sent to `public_base`, whatever host they asked for: a host is what a client says.
pub(super) async fn serve(listener: TcpListener, public_base: String) {
    let router = Router::new().fallback(move |uri: Uri| {
        let answer = sent_to(&public_base, &uri);
        async move { answer }
    });
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the listener without TLS failed");
    }
}

/// With the method and body that were sent: a program that posts without TLS posts again with it.
fn sent_to(public_base: &str, uri: &Uri) -> Response {
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    // An absolute one asks a proxy, and `*` nobody.
    let asked = if asked.starts_with('/') { asked } else { "/" };
    match HeaderValue::try_from(format!("{public_base}{asked}")) {
        Ok(address) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, address)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
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
            let answer = sent_to("https://photos.example", &asked.parse().unwrap());
            assert_eq!(answer.status(), 308);
            assert_eq!(answer.headers()[header::LOCATION], sent, "{asked}");
        }
    }
}
