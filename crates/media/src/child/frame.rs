//! The answer of a child: frames of one byte of kind, four bytes of length (big-endian) and that many bytes. Facts come
//! first, so that they survive a decoder that crashes over the pixels; then renditions; then one frame that ends the
//! answer. The worker writes them, the parent reads them as hostile: every length has a limit before anything is
//! allocated, every order but the right one is an error.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{
    facts::Facts,
    processed::{Outcome, Rendition, RenditionName},
    sniff::{Format, sniff},
};

const FACTS: u8 = 1;
const RENDITION: u8 = 2;
const SHOWN: u8 = 3;
const UNDECODABLE: u8 = 4;

const FACTS_LIMIT: u32 = 16 << 10;
/// Four times the largest preview at quality 80 with the largest profile.
const RENDITION_LIMIT: u32 = 16 << 20;
const PLACEHOLDER_LIMIT: u32 = 32;
const REASON_LIMIT: u32 = 512;

/// What the answer begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) format: Format,
    pub(super) facts: Facts,
}

/// An answer as far as it has arrived.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) known: Option<Known>,
    renditions: Vec<Rendition>,
    pub(super) outcome: Option<Outcome>,
}

/// How an answer can be wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the answer broke off")]
    Read(#[from] io::Error),
    #[error("the answer has a frame of {length} bytes of kind {kind}, which is too long or unknown")]
    TooLong { kind: u8, length: u32 },
    #[error("the answer is out of order")]
    Order,
    #[error("the answer has a frame that cannot be understood")]
    Malformed,
}

pub(super) fn write_known(out: &mut impl Write, known: &Known) -> io::Result<()> {
    write_frame(out, FACTS, &serde_json::to_vec(known)?)
}

pub(super) fn write_rendition(out: &mut impl Write, rendition: &Rendition) -> io::Result<()> {
    let mut payload = Vec::with_capacity(1 + rendition.bytes.len());
    payload.push(match rendition.name {
        RenditionName::Thumbnail => 0,
        RenditionName::Preview => 1,
        RenditionName::Poster => 2,
    });
    payload.extend(&rendition.bytes);
    write_frame(out, RENDITION, &payload)
}

pub(super) fn write_shown(out: &mut impl Write, placeholder: &[u8]) -> io::Result<()> {
    write_frame(out, SHOWN, placeholder)
}

pub(super) fn write_undecodable(out: &mut impl Write, reason: &str) -> io::Result<()> {
    let mut end = reason.len().min(REASON_LIMIT as usize);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    write_frame(out, UNDECODABLE, &reason.as_bytes()[..end])
}

fn write_frame(out: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    out.write_all(&[kind])?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(payload)
}

/// Reads frames into `answer` until its outcome stands there. On an error `answer` keeps what arrived before it.
pub(super) async fn read(mut from: impl AsyncRead + Unpin, answer: &mut Answer) -> Result<(), FrameError> {
    while answer.outcome.is_none() {
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let limit = match kind {
            FACTS => FACTS_LIMIT,
            RENDITION => RENDITION_LIMIT,
            SHOWN => PLACEHOLDER_LIMIT,
            UNDECODABLE => REASON_LIMIT,
            _ => 0,
        };
        if limit == 0 || length > limit {
            return Err(FrameError::TooLong { kind, length });
        }
        let mut payload = Vec::new();
        (&mut from).take(u64::from(length)).read_to_end(&mut payload).await?;
        if payload.len() < length as usize {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        answer.accept(kind, payload)?;
    }
    Ok(())
}

impl Answer {
    fn accept(&mut self, kind: u8, payload: Vec<u8>) -> Result<(), FrameError> {
        if (kind == FACTS) != self.known.is_none() {
            return Err(FrameError::Order);
        }
        match kind {
            FACTS => {
                let known: Known = serde_json::from_slice(&payload).map_err(|_| FrameError::Malformed)?;
                self.known = Some(Known { facts: known.facts.bounded(), ..known });
            }
            RENDITION => {
                let rendition = parse_rendition(payload)?;
                if self.renditions.iter().any(|earlier| earlier.name == rendition.name) {
                    return Err(FrameError::Order);
                }
                self.renditions.push(rendition);
            }
            SHOWN if self.renditions.is_empty() => return Err(FrameError::Order),
            SHOWN => {
                let renditions = std::mem::take(&mut self.renditions);
                self.outcome = Some(Outcome::Shown { renditions, placeholder: payload });
            }
            _ => {
                let reason = String::from_utf8_lossy(&payload).chars().filter(|c| !c.is_control()).collect();
                self.outcome = Some(Outcome::Undecodable { reason });
            }
        }
        Ok(())
    }
}

/// One byte of name, then the rendition's own bytes, which must at least begin like the format its name promises: nothing else is ever stored as one.
fn parse_rendition(mut payload: Vec<u8>) -> Result<Rendition, FrameError> {
    let name = match payload.first() {
        Some(0) => RenditionName::Thumbnail,
        Some(1) => RenditionName::Preview,
        Some(2) => RenditionName::Poster,
        _ => return Err(FrameError::Malformed),
    };
    payload.drain(..1);
    if sniff(&payload) == name.format() { Ok(Rendition::new(name, payload)) } else { Err(FrameError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> (Answer, Result<(), FrameError>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut answer = Answer::default();
        let result = runtime.block_on(read(bytes, &mut answer));
        (answer, result)
    }

    fn known() -> Known {
        Known { format: Format::Jpeg, facts: Facts { width: Some(3), iso: Some(100), ..Facts::default() } }
    }

    fn sound() -> Vec<u8> {
        let mut bytes = Vec::new();
        write_known(&mut bytes, &known()).unwrap();
        write_rendition(&mut bytes, &preview()).unwrap();
        write_shown(&mut bytes, b"blur").unwrap();
        bytes
    }

    fn preview() -> Rendition {
        Rendition::new(RenditionName::Preview, b"\xff\xd8\xff\xe0 pixels".to_vec())
    }

    #[test]
    fn what_is_written_is_read() {
        let (answer, result) = parse(&sound());
        assert!(result.is_ok());
        assert_eq!(answer.known, Some(known()));
        let shown = Outcome::Shown { renditions: vec![preview()], placeholder: b"blur".to_vec() };
        assert_eq!(answer.outcome, Some(shown));
    }

    #[test]
    fn an_answer_that_breaks_off_keeps_its_facts() {
        let bytes = sound();
        let (answer, result) = parse(&bytes[..bytes.len() - 1]);
        assert!(matches!(result, Err(FrameError::Read(_))));
        assert_eq!((answer.known, answer.outcome), (Some(known()), None));
    }

    #[test]
    fn long_reasons_are_cut_between_letters() {
        let mut bytes = Vec::new();
        write_known(&mut bytes, &known()).unwrap();
        write_undecodable(&mut bytes, &format!("a{}", "é".repeat(1000))).unwrap();
        let (answer, _) = parse(&bytes);
        let Some(Outcome::Undecodable { reason }) = answer.outcome else { panic!("{answer:?}") };
        assert!(reason.len() <= REASON_LIMIT as usize && reason.ends_with('é') && !reason.contains('\u{fffd}'));
    }

    #[test]
    fn wrong_orders_and_sizes_are_refused() {
        let mut facts = Vec::new();
        write_known(&mut facts, &known()).unwrap();
        let mut picture = Vec::new();
        write_rendition(&mut picture, &preview()).unwrap();
        let mut text = Vec::new();
        let html = Rendition { bytes: b"<html>".to_vec(), ..preview() };
        write_rendition(&mut text, &html).unwrap();
        let order = |bytes: Vec<u8>| matches!(parse(&bytes).1, Err(FrameError::Order));
        assert!(order(picture.clone()));
        assert!(order([facts.clone(), facts.clone()].concat()));
        assert!(order([facts.clone(), picture.clone(), picture].concat()));
        assert!(order([facts.clone(), vec![SHOWN, 0, 0, 0, 0]].concat()));
        assert!(matches!(parse(&[facts.clone(), text].concat()).1, Err(FrameError::Malformed)));
        let huge = [facts, vec![RENDITION, 0xff, 0xff, 0xff, 0xff]].concat();
        assert!(matches!(parse(&huge).1, Err(FrameError::TooLong { .. })));
        assert!(matches!(parse(&[9, 0, 0, 0, 0]).1, Err(FrameError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (answer, result) = parse(&bytes);
            prop_assert_eq!(result.is_ok(), answer.outcome.is_some());
        }

        #[test]
        fn any_frames_end_in_an_answer_or_an_error(
            frames in proptest::collection::vec((0u8..6, proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
            with_facts in any::<bool>(),
        ) {
            let mut bytes = Vec::new();
            if with_facts {
                write_known(&mut bytes, &known()).unwrap();
            }
            for (kind, payload) in frames {
                write_frame(&mut bytes, kind, &payload).unwrap();
            }
            let (answer, result) = parse(&bytes);
            prop_assert_eq!(result.is_ok(), answer.outcome.is_some());
        }

        #[test]
        fn one_changed_byte_never_panics(at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut bytes = sound();
            let at = at.index(bytes.len());
            bytes[at] = value;
            let (answer, result) = parse(&bytes);
            prop_assert_eq!(result.is_ok(), answer.outcome.is_some());
        }
    }
}
