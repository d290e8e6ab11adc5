//! The cookies of a browser's session. All are HttpOnly and SameSite=Strict: no script reads them and no other site's page
//! makes the browser send them.

use axum::http::{HeaderMap, HeaderValue, header};
use picup_app::App;
use picup_app::session::{MediaRight, Opened};

/// Carries the access token, to the whole API.
pub(crate) const ACCESS: &str = "picup_access";
/// Carries the refresh token, to the session endpoints alone.
pub(crate) const REFRESH: &str = "picup_refresh";

/// Carries what the browser has seen of the database.
const SEEN: &str = "picup_seen";
/// The same for programs, both ways.
const SEEN_HEADER: &str = "x-picup-seen";
/// A replica that is further behind answers nobody.
const SEEN_SECONDS: u64 = 10 * 60;

const API: &str = "/api";
const SESSION: &str = "/api/session";

/// Whether people reach this PicUp by HTTPS, so that cookies may insist on it.
pub(crate) fn secure(app: &App) -> bool {
    app.settings().public_base.starts_with("https://")
}

/// The value of a cookie; nothing when it was sent twice, since then somebody else may have planted one.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Sets the two session cookies.
pub(crate) fn set_session(headers: &mut HeaderMap, opened: &Opened, secure: bool) {
    append(headers, ACCESS, &opened.access_token, API, opened.access_kept_seconds, secure);
    append(headers, REFRESH, &opened.refresh_token, SESSION, opened.session_seconds, secure);
}

/// What a client shows that it has seen of the database.
pub(crate) fn seen(headers: &HeaderMap) -> Option<&str> {
    headers.get(SEEN_HEADER).and_then(|value| value.to_str().ok()).or_else(|| read(headers, SEEN))
}

/// Gives a client what it is to show from now on, as a browser and as a program keeps it.
pub(crate) fn set_seen(headers: &mut HeaderMap, token: &str, secure: bool) {
    append(headers, SEEN, token, API, SEEN_SECONDS, secure);
    if let Ok(value) = HeaderValue::try_from(token) {
        headers.insert(SEEN_HEADER, value);
    }
}

/// Sets the cookies that open the account's media.
pub(crate) fn set_media(headers: &mut HeaderMap, media: &MediaRight, secure: bool) {
    for (name, value) in media.cookies.iter() {
        append(headers, name, value, &media.path, media.seconds, secure);
    }
}

/// Takes all of them back. Media cookies are named by the path they were set for.
pub(crate) fn clear(headers: &mut HeaderMap, media_path: Option<&str>, secure: bool) {
    append(headers, ACCESS, "", API, 0, secure);
    append(headers, REFRESH, "", SESSION, 0, secure);
    if let Some(path) = media_path {
        for name in picup_app::session::MEDIA_COOKIE_NAMES {
            append(headers, name, "", path, 0, secure);
        }
    }
}

fn append(headers: &mut HeaderMap, name: &str, value: &str, path: &str, seconds: u64, secure: bool) {
    let secure = if secure { "; Secure" } else { "" };
    let line = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    // Names and values are ours: base64, hexadecimal and dots.
    if let Ok(line) = HeaderValue::try_from(line) {
        headers.append(header::SET_COOKIE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_sent_twice_counts_for_nothing() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; picup_access=x.y.z"));
        assert_eq!(read(&headers, ACCESS), Some("x.y.z"));
        assert_eq!(read(&headers, REFRESH), None);
        headers.append(header::COOKIE, HeaderValue::from_static("picup_access=other"));
        assert_eq!(read(&headers, ACCESS), None);
    }
}
