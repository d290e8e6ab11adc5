//! Phase: refuse paths, and hosts, that two programs could read in two ways.
//!
//! Nothing is rewritten: a path is served as it came or not at all, so that what was authorised, what the API routes and
//! what an origin opens are the same bytes. Refused are dot segments, empty segments, backslashes, controls and NUL,
//! slashes or backslashes behind an escape, escapes of escapes, malformed escapes, and escapes that are not UTF-8
//! (overlong ones included). The query is the business of whoever reads it.

use http::header::HOST;
use http::{HeaderMap, Uri, Version};

use crate::problem::Problem;

/// No address of ours comes near it.
const MAX_PATH_BYTES: usize = 2048;

/// Whether the path may go on.
pub(crate) fn check(uri: &Uri) -> Result<(), Problem> {
    let path = uri.path();
    if path.len() > MAX_PATH_BYTES {
        return Err(Problem::PATH_TOO_LONG);
    }
    let segments = path.strip_prefix('/').ok_or(Problem::PATH)?;
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if (segment.is_empty() && !last) || !is_plain(segment) {
            return Err(Problem::PATH);
        }
    }
    Ok(())
}

/// Whether it is said once for whom the request is: of two, somebody behind may take the other one. RFC 9112 §3.2 has both that and none
/// refused; HTTP/1.0 may say none, and HTTP/2 says it elsewhere.
pub(crate) fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get_all(HOST).iter().count() {
        1 => Ok(()),
        0 if version != Version::HTTP_11 => Ok(()),
        _ => Err(Problem::HOST),
    }
}

fn is_plain(segment: &str) -> bool {
    let raw_is_plain = segment.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !raw_is_plain || matches!(segment, "." | "..") {
        return false;
    }
    // Nearly all have no escape, and are what they say.
    !segment.contains('%')
        || decode(segment.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok()).is_some_and(|text| {
            let hostile = |c: char| c.is_control() || matches!(c, '/' | '\\');
            text != "." && text != ".." && !text.contains(hostile) && !has_escape(text.as_bytes())
        })
}

/// Percent escapes to bytes, or none if one is malformed.
fn decode(segment: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            bytes.push(hex(*after.first()?)? << 4 | hex(*after.get(1)?)?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether decoding once more would change it again.
fn has_escape(text: &[u8]) -> bool {
    text.windows(3).any(|window| window[0] == b'%' && hex(window[1]).is_some() && hex(window[2]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passes(path: &str) -> bool {
        path.parse::<Uri>().is_ok_and(|uri| check(&uri).is_ok())
    }

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/media/0198/0199/view/thumb.1.webp",
            "/api/albums/",
            "/api/albums/caf%C3%A9%20au%20lait",
            "/%ED%95%9C%EA%B5%AD",
            "/..a/.b/c..",
            "/a;b=c,d@e:f~g!$&'()*+",
            "/100%25",
            "/x?/../%2e%2e//%00",
        ] {
            assert!(passes(path), "{path}");
        }
    }

    #[test]
    fn paths_with_two_readings_are_refused() {
        for path in [
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/a",
            "/.%2E/a",
            "/%2e/a",
            "//",
            "//a",
            "/a//b",
            "/a/b//",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\..\\b",
            "/a%00b",
            "/a%0d%0ab",
            "/a%7fb",
            "/%252e%252e/a",
            "/a%252fb",
            "/a%",
            "/a%2",
            "/a%zz",
            "/%c0%ae%c0%ae/a",
            "/%c0%afetc",
            "/%ff",
            "/%ed%a0%80",
            "/é",
            "*",
            "example.org:443",
        ] {
            assert!(!passes(path), "{path}");
        }
        let uri: Uri = format!("/{}", "x".repeat(MAX_PATH_BYTES)).parse().unwrap();
        assert_eq!(check(&uri), Err(Problem::PATH_TOO_LONG));
    }

    #[test]
    fn a_host_is_said_once() {
        let of = |version, hosts: &[&'static str]| {
            let pairs = hosts.iter().map(|host| (HOST, http::HeaderValue::from_static(host)));
            check_host(version, &pairs.collect()).is_ok()
        };
        assert!(of(Version::HTTP_11, &["x"]) && of(Version::HTTP_10, &[]) && of(Version::HTTP_2, &[]));
        assert!(!of(Version::HTTP_11, &[]) && !of(Version::HTTP_11, &["x", "x"]) && !of(Version::HTTP_2, &["x", "y"]));
    }

    proptest! {
        /// Whatever passes stays where it says it is, however a program behind reads it.
        #[test]
        fn what_passes_never_leaves_its_folder(path in "/[a-c./\\\\%0-9eEfF]{0,24}") {
            if passes(&path) {
                let decoded = decode(path.as_bytes()).unwrap();
                let decoded = String::from_utf8(decoded).unwrap();
                prop_assert!(!decoded.contains('\\') && !decoded.contains("//"));
                prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
                prop_assert!(decoded.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert_eq!(decode(decoded.as_bytes()).filter(|again| again != decoded.as_bytes()), None);
            }
        }

        #[test]
        fn never_panics(path in "\\PC{0,40}") {
            passes(&path);
            decode(path.as_bytes());
        }
    }
}
