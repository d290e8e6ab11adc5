//! The list of an upload's stored parts, beside its bytes: one line a part, written after the part's bytes are on disk.
//!
//! The list itself is not forced to disk. A power cut may lose its last lines; those parts then count as not arrived and are
//! sent again. It can never list a part whose bytes are not on disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use crate::PartStored;
pub(super) use crate::uploads::WHOLE;

/// The longest list there can be: 10,000 parts, 100 bytes each, and as much again for lines a power cut tore.
const LONGEST: u64 = 2_000_000;

/// Adds a part to the list. It begins with a line break, so that a torn line before it spoils no other.
pub(super) fn append(list: &mut File, part: &PartStored) -> io::Result<()> {
    let PartStored { number, bytes, sha256 } = part;
    list.write_all(format!("\n{number} {bytes} {sha256}\n").as_bytes())
}

/// Reads the list.
pub(super) fn read(list: &File) -> io::Result<BTreeMap<u32, PartStored>> {
    let mut text = Vec::new();
    list.take(LONGEST).read_to_end(&mut text)?;
    Ok(parse(&text))
}

/// The parts in a list; a line that is not whole is no part.
fn parse(text: &[u8]) -> BTreeMap<u32, PartStored> {
    let whole_lines = text.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &text[..end]);
    let lines = whole_lines.split(|byte| *byte == b'\n');
    lines.filter_map(|line| parse_line(std::str::from_utf8(line).ok()?)).map(|part| (part.number, part)).collect()
}

fn parse_line(line: &str) -> Option<PartStored> {
    let mut words = line.split(' ');
    let (number, bytes, sha256) = (words.next()?, words.next()?, words.next()?);
    let part = PartStored { number: number.parse().ok()?, bytes: bytes.parse().ok()?, sha256: sha256.parse().ok()? };
    words.next().is_none().then_some(part)
}

#[cfg(test)]
mod tests {
    use picup_domain::Sha256;
    use proptest::prelude::*;

    use super::*;

    fn part(number: u32) -> PartStored {
        PartStored { number, bytes: 1 << 24, sha256: Sha256::of(&number.to_le_bytes()) }
    }

    fn list(parts: &[PartStored]) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        for part in parts {
            append(&mut file, part).unwrap();
        }
        let mut text = Vec::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn reads_what_it_wrote() {
        let parts = [part(3), part(1), part(2)];
        assert_eq!(parse(&list(&parts)).into_values().collect::<Vec<_>>(), [part(1), part(2), part(3)]);
        assert!(parse(b"").is_empty());
    }

    proptest! {
        /// However a power cut tears the end of the list, it names no part that was not stored, and later lines still count.
        #[test]
        fn a_torn_list_invents_nothing(cut in 0usize..160, zeros in 0usize..20) {
            let mut text = list(&[part(1), part(2)]);
            text.truncate(cut);
            text.extend(std::iter::repeat_n(0, zeros));
            text.extend(list(&[part(3)]));
            let read = parse(&text);
            prop_assert!(read.values().all(|p| *p == part(p.number)));
            prop_assert_eq!(read.get(&3), Some(&part(3)));
        }

        #[test]
        fn never_panics(text: Vec<u8>) {
            parse(&text);
        }
    }
}
