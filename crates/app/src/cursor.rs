//! Cursors: where a page ended, as text a client hands back unread. A place in a list is a number and an asset.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use picup_domain::{AssetId, Invalid};

/// The text of a place.
pub(crate) fn write(place: i64, asset: AssetId) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&place.to_be_bytes());
    bytes[8..].copy_from_slice(asset.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place a text means.
pub(crate) fn read(text: &str) -> Result<(i64, AssetId), Invalid> {
    let bytes: [u8; 24] =
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(not_ours)?;
    let (place, asset) = bytes.split_at(8);
    Ok((i64::from_be_bytes(place.try_into().map_err(|_| not_ours())?), AssetId::from_slice(asset)?))
}

/// Cuts rows, of which one more than `limit` was asked for, to a page; and writes where the next one begins, if there is one.
pub(crate) fn cut<T>(mut rows: Vec<T>, limit: u32, write: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(write);
    (rows, next)
}

/// The refusal of a text that no page of ours ended with.
pub(crate) fn not_ours() -> Invalid {
    Invalid { field: "cursor", advice: "use the `next` of the page before".to_owned() }
}

#[cfg(test)]
mod tests {
    use picup_domain::Timestamp;

    use super::*;

    #[test]
    fn cursors_round_trip_and_nonsense_is_refused() {
        let asset = AssetId::new(Timestamp::from_micros(5));
        let text = write(-5, asset);
        assert_eq!(read(&text), Ok((-5, asset)));
        for bad in ["", "x", "AAAA", &text[1..], "!!!!"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
