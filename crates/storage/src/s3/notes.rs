//! What a bucket keeps of an upload beside its parts: empty objects below `staging/{upload}/` whose names say how far it is, so
//! that one listing tells all of it, to every process and after every crash. The service's own list of parts tells which
//! arrived; only these notes tell with which hash.

use std::collections::BTreeMap;
use std::fmt;

use crate::PartStored;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// An upload of so many bytes takes parts, under this id of the service's. The note's content is the object's key.
    Begun { bytes: u64, multipart: String },
    /// A stream comes in, under this id of the service's. The note's content is the object's key.
    Receiving { multipart: String },
    /// A part has this length and hash if it has arrived.
    Part(PartStored),
    /// The stream has ended with this length. The note's content is the tags of its parts, a line each.
    Whole { bytes: u64 },
    /// The service was, or is just being, asked to make the object.
    Completing,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |multipart: &str| BASE64_URL_SAFE_NO_PAD.encode(multipart);
        match self {
            Self::Begun { bytes, multipart } => write!(f, "begun.{bytes}.{}", text(multipart)),
            Self::Receiving { multipart } => write!(f, "receiving.{}", text(multipart)),
            Self::Part(part) => write!(f, "part.{}.{}.{}", part.number, part.bytes, part.sha256),
            Self::Whole { bytes } => write!(f, "whole.{bytes}"),
            Self::Completing => f.write_str("completing"),
        }
    }
}

impl Note {
    /// The note of that name; `None` for any other object.
    fn parse(name: &str) -> Option<Self> {
        let multipart = |text: &str| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let mut pieces = name.split('.');
        let kind = pieces.next()?;
        let mut piece = || pieces.next();
        let note = match kind {
            "begun" => Self::Begun { bytes: piece()?.parse().ok()?, multipart: multipart(piece()?)? },
            "receiving" => Self::Receiving { multipart: multipart(piece()?)? },
            "part" => Self::Part(PartStored {
                number: piece()?.parse().ok()?,
                bytes: piece()?.parse().ok()?,
                sha256: piece()?.parse().ok()?,
            }),
            "whole" => Self::Whole { bytes: piece()?.parse().ok()? },
            "completing" => Self::Completing,
            _ => return None,
        };
        // Only what is written here: neither `+5` nor anything behind it.
        (note.to_string() == name).then_some(note)
    }
}

/// All notes of one upload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// The size of the upload and the service's id for it.
    pub(super) begun: Option<(u64, String)>,
    /// The service's id for the stream.
    pub(super) receiving: Option<String>,
    /// What the parts have to be, by number.
    pub(super) parts: BTreeMap<u32, PartStored>,
    /// How long the stream was that has ended.
    pub(super) whole: Option<u64>,
    /// Whether the service was asked to make the object.
    pub(super) completing: bool,
    /// The names of all notes, those nobody knows among them.
    names: Vec<String>,
}

impl Notes {
    pub(super) fn add(&mut self, name: &str) {
        self.names.push(name.to_owned());
        match Note::parse(name) {
            Some(Note::Begun { bytes, multipart }) => self.begun = Some((bytes, multipart)),
            Some(Note::Receiving { multipart }) => self.receiving = Some(multipart),
            // Of two that were announced at once, every process takes the same.
            Some(Note::Part(part)) => _ = self.parts.entry(part.number).or_insert(part),
            Some(Note::Whole { bytes }) => self.whole = Some(bytes),
            Some(Note::Completing) => self.completing = true,
            None => {}
        }
    }

    /// The names of all that was announced of a part.
    pub(super) fn of_part(&self, number: u32) -> impl Iterator<Item = &str> {
        let is_its = move |name: &&str| matches!(Note::parse(name), Some(Note::Part(part)) if part.number == number);
        self.names.iter().map(String::as_str).filter(is_its)
    }

    /// The names in the order in which they may go, so that what is left of them tells the truth: first that there is an
    /// upload, and only then how far it is.
    pub(super) fn in_order_of_removal(&self) -> [Vec<&str>; 2] {
        let is_detail = |name: &&str| matches!(Note::parse(name), Some(Note::Part(_) | Note::Completing));
        let (details, first) = self.names.iter().map(String::as_str).partition(is_detail);
        [first, details]
    }

    /// The note with the object's key, if anything is staged.
    pub(super) fn with_key(&self) -> Option<(Note, &str)> {
        if let Some((bytes, multipart)) = &self.begun {
            return Some((Note::Begun { bytes: *bytes, multipart: multipart.clone() }, multipart));
        }
        self.receiving.as_deref().map(|multipart| (Note::Receiving { multipart: multipart.to_owned() }, multipart))
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::Sha256;
    use proptest::prelude::*;

    use super::*;

    fn notes() -> Vec<Note> {
        let part = PartStored { number: 7, bytes: 5, sha256: Sha256::of(b"bytes") };
        vec![
            Note::Begun { bytes: 0, multipart: "2~x/+ =.é".to_owned() },
            Note::Receiving { multipart: "abc".to_owned() },
            Note::Part(part),
            Note::Whole { bytes: 12 },
            Note::Completing,
        ]
    }

    #[test]
    fn names_are_read_back_and_need_no_escaping() {
        for note in notes() {
            let name = note.to_string();
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)), "{name}");
            assert_eq!(Note::parse(&name), Some(note));
        }
    }

    #[test]
    fn how_far_an_upload_is_goes_last() {
        let mut all = Notes::default();
        for note in notes().iter().rev() {
            all.add(&note.to_string());
        }
        all.add("what.is.this");
        let [first, details] = all.in_order_of_removal();
        assert_eq!((first.len(), details.len()), (4, 2));
        assert!(all.completing && all.whole == Some(12) && all.parts.len() == 1);
    }

    proptest! {
        #[test]
        fn no_name_panics_or_means_two_things(name in "(begun|receiving|part|whole|completing)?[.+a-zA-Z0-9_-]{0,90}|.*") {
            if let Some(note) = Note::parse(&name) {
                prop_assert_eq!(note.to_string(), name);
            }
        }
    }
}
