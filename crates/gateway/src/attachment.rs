//! The name that an original is saved under, which its address may carry: `…/file/original.1.jpg?name=IMG%201.jpg`.
//!
//! Whoever has an address can write any name into it, so a name can make no harm: it is a plain file name of the original's own
//! kind, and nothing in it hides its ending, reaches another folder, or ends the header.

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands as it is in `filename*` (RFC 8187, `attr-char`), as far as we use it.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const LONGEST: usize = 255;

/// A name that may be said of a medium: of one in `file/` alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// Reads the rest of a query, without the parameters of a signature: `name=…` and nothing else.
    pub(crate) fn read(path: &str, query: &str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/')?;
        let name = query.strip_prefix("name=").filter(|rest| !rest.contains('&'))?;
        let name = percent_decode_str(name).decode_utf8().ok()?;
        let fit = folder.ends_with("/file")
            && (1..=LONGEST).contains(&name.chars().count())
            && !name.starts_with('.')
            && !name.ends_with(['.', ' '])
            && !name.chars().any(is_unfit)
            && ending(&name) == ending(file);
        fit.then(|| Self(name.into_owned()))
    }

    /// The header's value: for old programs in ASCII, for all others as it is.
    pub(crate) fn disposition(&self) -> HeaderValue {
        let ascii: String = self.0.chars().map(|c| if c.is_ascii() && c != '%' { c } else { '_' }).collect();
        let text = if ascii == self.0 {
            format!("attachment; filename=\"{ascii}\"")
        } else {
            format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(&self.0, PLAIN))
        };
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
    }
}

/// The ending as keys have it: 1 to 8 letters or digits, in lower case; `bin` for any other.
fn ending(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending))
            if !stem.is_empty()
                && (1..=8).contains(&ending.len())
                && ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            ending.to_ascii_lowercase()
        }
        _ => "bin".to_owned(),
    }
}

/// What no file system takes, ends a quoted text, or reorders text on screen.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "/media/a/1/file/original.1.jpg";

    #[test]
    fn a_plain_name_of_the_same_kind_is_taken() {
        let of = |query: &str| Name::read(FILE, query).map(|name| name.disposition().to_str().unwrap().to_owned());
        assert_eq!(of("name=IMG%201.JPG").as_deref(), Some("attachment; filename=\"IMG 1.JPG\""));
        assert_eq!(
            of("name=%EB%B0%94%EB%8B%A4%25.jpg").as_deref(),
            Some("attachment; filename=\"___.jpg\"; filename*=UTF-8''%EB%B0%94%EB%8B%A4%25.jpg")
        );
        for bad in [
            "",
            "name=",
            "nam=a.jpg",
            "name=a.exe",
            "name=a.jpg.exe",
            "name=a",
            "name=.jpg",
            "name=..%2Fa.jpg",
            "name=..%5Ca.jpg",
            "name=a%22.jpg",
            "name=a%0D%0Ab.jpg",
            "name=a%00.jpg",
            "name=a%FF.jpg",
            "name=C:a.jpg",
            "name=a%E2%80%AEgpj.jpg",
            "name=a.jpg%20",
            "name=a.jpg&name=b.jpg",
            "name=a.jpg?x",
            "name=a.jpg&x=1",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(of(&format!("name={}.jpg", "x".repeat(252))), None);
        assert_eq!(Name::read("/media/a/1/view/preview.1.jpg", "name=a.jpg"), None, "what is looked at is not saved");
        assert!(Name::read("/media/a/1/file/original.1.bin", "name=notes").is_some());
        assert!(Name::read("/media/a/1/file/original.1.bin", "name=notes.exe").is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_one_header_of_the_original_s_kind(text in "(\\PC|[\"\\\\/%]){0,30}") {
            let query = format!("name={}.jpg", utf8_percent_encode(&text, NON_ALPHANUMERIC));
            if let Some(name) = Name::read(FILE, &query) {
                let shown = name.disposition();
                let shown = shown.to_str().unwrap();
                prop_assert!(shown.starts_with("attachment; filename=\"") && shown.matches('"').count() == 2, "{shown}");
                prop_assert!(shown.ends_with(".jpg\"") || shown.ends_with(".jpg"), "{shown}");
            }
        }
    }
}
