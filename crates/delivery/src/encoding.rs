//! CloudFront's base64: the standard alphabet with `+` → `-`, `/` → `~` and the padding `=` → `_`. It is not base64url.
//!
//! Decoding is strict (canonical padding, no stray bits), so that one value has one spelling: an altered character can
//! never decode to the bytes that were signed.

use base64::Engine as _;
use base64::alphabet::{Alphabet, Symbol};
use base64::engine::general_purpose::{GeneralPurpose, PAD};

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~";

const ENGINE: GeneralPurpose = {
    let Some(padding) = Symbol::new(b'_') else { panic!("an underscore is printable ASCII") };
    match Alphabet::new_with_padding(LETTERS, padding) {
        Ok(alphabet) => GeneralPurpose::new(&alphabet, PAD),
        Err(_) => panic!("64 different printable letters"),
    }
};

/// The text is not canonical CloudFront base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not CloudFront base64 (A-Z a-z 0-9 - ~, padded with _)")]
pub(crate) struct Malformed;

/// Bytes to CloudFront base64.
pub(crate) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// CloudFront base64 to bytes.
///
/// # Errors
/// [`Malformed`] for any other alphabet, for missing or extra padding, and for bits set beyond the last byte.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    ENGINE.decode(text).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_letters_differ_from_standard_base64() {
        assert_eq!(encode(&[0xfb, 0xff, 0xfe]), "-~~-");
        assert_eq!(encode(b"a"), "YQ__");
        assert_eq!(decode("-~~-").unwrap(), [0xfb, 0xff, 0xfe]);
        for wrong in ["+//+", "YQ==", "YQ", "YQ_", "YR__", "YQ__\n", "Y Q__", "é"] {
            assert_eq!(decode(wrong), Err(Malformed), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn one_value_has_one_spelling(text in "[A-Za-z0-9~_-]{0,12}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
