//! What Apple writes into both halves of a live photo so that they find each other again: the content identifier.
//!
//! In the still it is tag 0x0011 of Apple's maker note, in the film the QuickTime key `com.apple.quicktime.content.identifier`.
//! Only headers are read, and only so much of them; a file that is not what it seems has no identifier.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// As much of one file is read at most: the headers of a live photo's halves are far smaller.
const MOST_READ: u64 = 16 << 20;
/// A film's header may have so much; that of a few seconds has a hundredth of it.
const MOST_HEADER: u64 = 8 << 20;
/// Boxes looked at on one level.
const MOST_BOXES: usize = 512;
/// Longer than any identifier, which is a UUID in text.
const LONGEST: usize = 128;
const KEY: &[u8] = b"com.apple.quicktime.content.identifier";
const APPLE: &[u8] = b"Apple iOS\0";
const CONTENT_IDENTIFIER: u16 = 0x0011;

/// What a film's header tells.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Film {
    /// Its content identifier.
    pub(super) identifier: Option<String>,
    /// How long it is.
    pub(super) seconds: Option<f64>,
}

/// The content identifier of a still.
pub(super) fn of_still(path: &Path) -> Option<String> {
    let mut file = BufReader::new(Limited { file: super::open(path).ok()?, left: MOST_READ });
    let exif = exif::Reader::new().read_from_container(&mut file).ok()?;
    let note = exif.get_field(exif::Tag::MakerNote, exif::In::PRIMARY)?;
    let exif::Value::Undefined(bytes, _) = &note.value else { return None };
    maker_note(bytes)
}

/// What the header of a film tells; `None` when it has none.
pub(super) fn of_film(path: &Path) -> Option<Film> {
    let header = film_header(&mut Limited { file: super::open(path).ok()?, left: MOST_READ })?;
    Some(film(&header))
}

/// A file of which only so much is read.
struct Limited {
    file: File,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other("too much to read"))?;
        Ok(count)
    }
}

impl Seek for Limited {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The identifier in an Apple maker note: a big-endian TIFF directory after 14 bytes, offsets from its first byte.
fn maker_note(note: &[u8]) -> Option<String> {
    let directory = note.strip_prefix(APPLE)?.get(4..)?;
    let count = usize::from(u16::from_be_bytes(directory.get(..2)?.try_into().ok()?));
    let entries = directory.get(2..)?.chunks_exact(12).take(count);
    for entry in entries {
        let short = |at: usize| u16::from_be_bytes([entry[at], entry[at + 1]]);
        let long = |at: usize| u32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        // Type 2 is ASCII; a UUID never fits into the entry itself.
        if (short(0), short(2)) == (CONTENT_IDENTIFIER, 2) {
            let (start, length) = (usize::try_from(long(8)).ok()?, usize::try_from(long(4)).ok()?);
            return identifier(note.get(start..start.checked_add(length)?)?);
        }
    }
    None
}

fn identifier(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(['\0', ' ']);
    (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_ascii_uppercase())
}

/// The bytes of the box `moov`, wherever in the file it stands.
fn film_header(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    for _ in 0..MOST_BOXES {
        let mut head = [0; 8];
        file.read_exact(&mut head).ok()?;
        let short = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let length = match short {
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long).ok()?;
                u64::from_be_bytes(long).checked_sub(16)?
            }
            // 0: to the end of the file.
            0 => MOST_HEADER,
            _ => short.checked_sub(8)?,
        };
        if &head[4..] == b"moov" {
            let mut header = Vec::new();
            file.take(length.min(MOST_HEADER)).read_to_end(&mut header).ok()?;
            return Some(header);
        }
        if short == 0 {
            return None;
        }
        file.seek(SeekFrom::Current(i64::try_from(length).ok()?)).ok()?;
    }
    None
}

/// The boxes in `bytes`, by kind.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_be_bytes(rest.get(..4)?.try_into().ok()?)).ok()?;
        let inside = rest.get(8..length)?;
        let kind = &rest[4..8];
        rest = &rest[length..];
        Some((kind, inside))
    })
    .take(MOST_BOXES)
}

fn find<'a>(bytes: &'a [u8], kind: &[u8]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(found, _)| *found == kind).map(|(_, inside)| inside)
}

fn film(header: &[u8]) -> Film {
    let meta = find(header, b"meta");
    // In QuickTime `meta` holds boxes at once, in MPEG-4 after four bytes of version.
    let meta = meta.map(|meta| if meta.get(4..8) == Some(b"hdlr") { meta } else { meta.get(4..).unwrap_or_default() });
    Film { identifier: meta.and_then(key_value), seconds: find(header, b"mvhd").and_then(seconds) }
}

fn key_value(meta: &[u8]) -> Option<String> {
    let keys = find(meta, b"keys")?.get(8..)?;
    let index = 1 + boxes(keys).position(|(_, name)| name == KEY)?;
    let index = u32::try_from(index).ok()?.to_be_bytes();
    let value = find(find(meta, b"ilst")?, &index)?;
    identifier(find(value, b"data")?.get(8..)?)
}

fn seconds(header: &[u8]) -> Option<f64> {
    let long = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let (scale, length) = match header.first()? {
        0 => (long(12)?, u64::from(long(16)?)),
        1 => (long(20)?, u64::from_be_bytes(header.get(24..32)?.try_into().ok()?)),
        _ => return None,
    };
    (scale > 0).then(|| length as f64 / f64::from(scale))
}

#[cfg(test)]
pub(in crate::client) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn atom(kind: &[u8], inside: &[u8]) -> Vec<u8> {
        let length = u32::try_from(inside.len() + 8).unwrap();
        [&length.to_be_bytes(), kind, inside].concat()
    }

    /// The header of a film that lasts so long, as an iPhone writes it.
    pub(in crate::client) fn a_film(identifier: Option<&str>, seconds: u32) -> Vec<u8> {
        let mvhd = [&[0; 12][..], &600u32.to_be_bytes(), &(seconds * 600).to_be_bytes(), &[0; 80]].concat();
        let mut moov = atom(b"mvhd", &mvhd);
        if let Some(identifier) = identifier {
            let other = atom(b"mdta", b"com.apple.quicktime.make");
            let keys = [&[0, 0, 0, 0, 0, 0, 0, 2][..], &other, &atom(b"mdta", KEY)].concat();
            let data = atom(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0][..], identifier.as_bytes()].concat());
            let meta = [atom(b"hdlr", &[0; 24]), atom(b"keys", &keys), atom(b"ilst", &atom(&[0, 0, 0, 2], &data))];
            moov.extend(atom(b"meta", &meta.concat()));
        }
        [atom(b"ftyp", b"qt  \0\0\0\0qt  "), atom(b"mdat", &[7; 100]), atom(b"moov", &moov)].concat()
    }

    fn apple_note(identifier: &str) -> Vec<u8> {
        let text = [identifier.as_bytes(), b"\0"].concat();
        let length = u32::try_from(text.len()).unwrap();
        let entry = |tag: u16, length: u32, at: u32| {
            [&tag.to_be_bytes()[..], &2u16.to_be_bytes(), &length.to_be_bytes(), &at.to_be_bytes()].concat()
        };
        let directory = [&2u16.to_be_bytes()[..], &entry(1, 4, 0), &entry(CONTENT_IDENTIFIER, length, 44)].concat();
        [APPLE, b"\0\x01MM", &directory, &[0; 4], &text].concat()
    }

    /// A JPEG with that content identifier in its maker note, and nothing to see.
    pub(in crate::client) fn a_still(identifier: Option<&str>) -> Vec<u8> {
        let note = identifier.map(apple_note).unwrap_or_default();
        let length = u32::try_from(note.len()).unwrap();
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let tiff = [
            &b"MM\0*\0\0\0\x08"[..],
            &[0, 1],
            &entry(0x8769, 4, 1, 26),
            &[0; 4],
            &[0, 1],
            &entry(0x927c, 7, length, 44),
            &[0; 4],
            &note,
        ]
        .concat();
        let segment = [b"Exif\0\0", &tiff[..]].concat();
        let size = u16::try_from(segment.len() + 2).unwrap();
        [&[0xff, 0xd8, 0xff, 0xe1][..], &size.to_be_bytes(), &segment, &[0xff, 0xd9]].concat()
    }

    #[test]
    fn both_halves_tell_the_same_identifier() {
        let dir = tempfile::tempdir().unwrap();
        let (still, moving) = (dir.path().join("1.jpg"), dir.path().join("1.mov"));
        std::fs::write(&still, a_still(Some("6b1c3d2e-AAAA"))).unwrap();
        std::fs::write(&moving, a_film(Some("6B1C3D2E-AAAA"), 3)).unwrap();
        assert_eq!(of_still(&still).as_deref(), Some("6B1C3D2E-AAAA"));
        let expected = Film { identifier: Some("6B1C3D2E-AAAA".to_owned()), seconds: Some(3.0) };
        assert_eq!(of_film(&moving), Some(expected));
    }

    #[test]
    fn files_without_one_have_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1");
        for bytes in [Vec::new(), b"hello".to_vec(), a_still(None)] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(of_still(&path), None);
            assert_eq!(of_film(&path), None);
        }
        assert_eq!(film(&film_header(&mut Cursor::new(a_film(None, 9))).unwrap()).seconds, Some(9.0));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, value: u8) {
            let mut damaged = a_film(Some("6B1C3D2E-AAAA"), 3);
            let place = at % damaged.len();
            damaged[place] = value;
            for bytes in [&bytes, &damaged] {
                if let Some(header) = film_header(&mut Cursor::new(bytes)) {
                    let _ = film(&header);
                }
                let _ = film(bytes);
            }
            let mut note = apple_note("6B1C3D2E-AAAA");
            let place = at % note.len();
            note[place] = value;
            let _ = maker_note(&note);
            let _ = maker_note(&[APPLE, &bytes].concat());
        }
    }
}
