//! Small photos, each another file.

use picup_domain::Sha256;
use serde_json::{Value, json};

const PHOTO: &[u8] = include_bytes!("../../../testkit/samples/tiny.jpg");

/// The `number`-th photo of a run: the sample with a comment (a JPEG's segment FFFE) of its own.
pub(crate) fn photo(run: u64, number: u64) -> Vec<u8> {
    let comment = format!("{run:020} {number:020}");
    let length = u16::try_from(comment.len() + 2).unwrap_or(u16::MAX);
    let (begin, rest) = PHOTO.split_at(2);
    [begin, &[0xff, 0xfe], &length.to_be_bytes(), comment.as_bytes(), rest].concat()
}

/// What asks for an upload of it.
pub(crate) fn wish(photo: &[u8], number: u64) -> Value {
    json!({ "file_name": format!("IMG_{number:07}.jpg"), "bytes": photo.len(), "sha256": Sha256::of(photo).to_string() })
}
