//! Where a media token stands in a request: in the cookie that a browser was given, or in the header that a program sends. Never in an
//! address, which is written into logs and handed on.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use crate::Denied;

/// The cookie with a media token.
pub(crate) const TOKEN_COOKIE: &str = "picup_media";
const SCHEME: &str = "Bearer ";

/// The token as sent: the cookie's, and without a cookie the header's. `None` when there is neither; a header of another scheme is
/// somebody else's.
///
/// # Errors
/// [`Denied::Malformed`] when there are two cookies or two headers, since somebody else may have planted one, or when one cannot be read.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    match in_cookie(headers)? {
        Some(token) => Ok(Some(token)),
        None => in_authorization(headers),
    }
}

fn in_cookie(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        let Ok(text) = header.to_str() else {
            // Another program's cookie may hold anything; ours may not hide in a header that we cannot read.
            if header.as_bytes().windows(TOKEN_COOKIE.len()).any(|window| window == TOKEN_COOKIE.as_bytes()) {
                return Err(Denied::Malformed);
            }
            continue;
        };
        for (name, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
            if name.trim_matches([' ', '\t']) == TOKEN_COOKIE
                && found.replace(value.trim_matches([' ', '\t'])).is_some()
            {
                return Err(Denied::Malformed);
            }
        }
    }
    Ok(found)
}

fn in_authorization(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), another) = (values.next(), values.next()) else { return Ok(None) };
    if another.is_some() {
        return Err(Denied::Malformed);
    }
    let text = value.to_str().map_err(|_| Denied::Malformed)?;
    let (scheme, token) = text.split_at_checked(SCHEME.len()).unwrap_or_default();
    Ok(scheme.eq_ignore_ascii_case(SCHEME).then_some(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(values: &[(HeaderName, &str)]) -> HeaderMap {
        // A character beyond ASCII stands for a byte that no text has.
        let bytes = |text: &str| text.chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<_>>();
        let value = |text| HeaderValue::from_bytes(&bytes(text)).unwrap();
        values.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }

    #[test]
    fn the_cookie_counts_before_the_header() {
        for (values, wanted) in [
            (&[] as &[_], None),
            (&[(COOKIE, "a=b; picup_media=t.o.k; c"), (COOKIE, "\u{ff}=1")], Some("t.o.k")),
            (&[(COOKIE, "picup_media2=x; Picup_Media=y")], None),
            (&[(AUTHORIZATION, "bEARER t.o.k")], Some("t.o.k")),
            (&[(AUTHORIZATION, "Bearer  t")], Some(" t")),
            (&[(AUTHORIZATION, "Basic YTpi")], None),
            (&[(AUTHORIZATION, "Bear")], None),
            (&[(AUTHORIZATION, "Bearer h"), (COOKIE, "picup_media=c")], Some("c")),
        ] {
            assert_eq!(token(&headers(values)), Ok(wanted), "{values:?}");
        }
    }

    #[test]
    fn two_count_for_nothing_even_with_one_value() {
        for values in [
            &[(COOKIE, "picup_media=a; picup_media=a")] as &[_],
            &[(COOKIE, "picup_media=a"), (COOKIE, "picup_media=b")],
            &[(COOKIE, "x=\u{ff}; picup_media=a")],
            &[(AUTHORIZATION, "Bearer a"), (AUTHORIZATION, "Bearer a")],
            &[(AUTHORIZATION, "Bearer \u{ff}")],
        ] {
            assert_eq!(token(&headers(values)), Err(Denied::Malformed), "{values:?}");
        }
    }
}
