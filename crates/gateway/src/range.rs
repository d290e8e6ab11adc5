//! The `Range` header (RFC 9110 §14.2): which bytes of a medium are asked for.
//!
//! One range is honoured, and a few that do not overlap. Other lists are answered with the whole medium, which the RFC allows and
//! which costs no more than it is worth; a header with a silly number of them is an attack, and refused.

use std::ops::Range;

/// No player or download tool asks for as many.
const MAX_RANGES: usize = 16;
/// So many are given one by one; each costs the origin a question.
const MAX_PARTS: usize = 8;

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it, with 200: no range, one we cannot read, or too much at once.
    Whole,
    /// These bytes, with 206; never empty and always within the medium.
    Part(Range<u64>),
    /// The same of more than one, in the order they were asked for; none overlaps another.
    Parts(Vec<Range<u64>>),
    /// Nothing, with 416: all that is asked for lies outside.
    Outside,
}

/// Reads the header for a medium of `size` bytes.
pub(crate) fn parse(header: &str, size: u64) -> Asked {
    let Some((unit, list)) = header.split_once('=') else { return Asked::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    if list.split(',').count() > MAX_RANGES {
        return Asked::Outside;
    }
    // Empty elements of a list are ignored (RFC 9110 §5.6.1.2).
    let specs = list.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    let asked: Vec<Asked> = specs.map(|spec| one(spec, size)).collect();
    if asked.is_empty() || asked.contains(&Asked::Whole) {
        return Asked::Whole;
    }
    let parts = asked.into_iter().filter_map(|asked| match asked {
        Asked::Part(range) => Some(range),
        _ => None,
    });
    few(parts.collect())
}

/// What is left of a list without what lies outside.
fn few(mut parts: Vec<Range<u64>>) -> Asked {
    let mut sorted = parts.clone();
    sorted.sort_unstable_by_key(|range| range.start);
    let overlap = sorted.windows(2).any(|pair| pair[0].end > pair[1].start);
    match (parts.len(), overlap) {
        (0, _) => Asked::Outside,
        (1, _) => Asked::Part(parts.remove(0)),
        (2..=MAX_PARTS, false) => Asked::Parts(parts),
        _ => Asked::Whole,
    }
}

fn one(spec: &str, size: u64) -> Asked {
    let Some((first, last)) = spec.split_once('-') else { return Asked::Whole };
    let range = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => first..size,
        (Some(first), Some(last)) if first <= last => first..size.min(last.saturating_add(1)),
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Asked::Whole,
    };
    if range.is_empty() { Asked::Outside } else { Asked::Part(range) }
}

/// Digits alone; one too large for us is larger than any medium.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_the_rfc() {
        for (header, asked) in [
            ("bytes=0-499", Asked::Part(0..500)),
            ("bytes=500-999", Asked::Part(500..1000)),
            ("bytes=-500", Asked::Part(500..1000)),
            ("bytes=-5000", Asked::Part(0..1000)),
            ("bytes=999-", Asked::Part(999..1000)),
            ("Bytes= 0-0 ,", Asked::Part(0..1)),
            ("bytes=0-99999999999999999999999", Asked::Part(0..1000)),
            ("bytes=1000-", Asked::Outside),
            ("bytes=99999999999999999999999-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=0-0,-1", Asked::Parts(vec![0..1, 999..1000])),
            ("bytes=500-, 0-99", Asked::Parts(vec![500..1000, 0..100])),
            ("bytes=0-99,5000-", Asked::Part(0..100)),
            ("bytes=2000-,5000-", Asked::Outside),
            ("bytes=0-99,99-", Asked::Whole),
            ("bytes=0-99,x", Asked::Whole),
            ("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16", Asked::Whole),
            ("bytes=5-4", Asked::Whole),
            ("bytes=a-4", Asked::Whole),
            ("bytes=+1-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=1", Asked::Whole),
            ("bytes=--1", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("pages=1-2", Asked::Whole),
            ("bytes", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(parse(header, 1000), asked, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Outside);
        assert_eq!(parse("bytes=-1", 0), Asked::Outside);
        assert_eq!(parse(&format!("bytes={}", "0-0,".repeat(1000)), 1000), Asked::Outside);
    }

    /// The definition, byte by byte: is the byte at `position` asked for?
    fn asks_for(first: Option<u64>, last: Option<u64>, position: u64, size: u64) -> bool {
        match (first, last) {
            (Some(first), Some(last)) => first <= position && position <= last,
            (Some(first), None) => first <= position,
            (None, Some(suffix)) => position + suffix >= size,
            (None, None) => false,
        }
    }

    fn single_range() -> impl Strategy<Value = (Option<u64>, Option<u64>)> {
        prop_oneof![
            (0_u64..40, 0_u64..40).prop_map(|(first, more)| (Some(first), Some(first + more))),
            (0_u64..40).prop_map(|first| (Some(first), None)),
            (0_u64..40).prop_map(|suffix| (None, Some(suffix))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn agrees_with_the_definition(range in single_range(), size in 0_u64..32) {
            let (first, last) = range;
            let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
            let wanted: Vec<u64> = (0..size).filter(|&position| asks_for(first, last, position, size)).collect();
            match parse(&format!("bytes={}-{}", text(first), text(last)), size) {
                Asked::Part(range) => prop_assert_eq!(range.collect::<Vec<_>>(), wanted),
                Asked::Outside => prop_assert!(wanted.is_empty()),
                Asked::Whole | Asked::Parts(_) => prop_assert!(false, "a single good range is never ignored"),
            }
        }

        #[test]
        fn a_part_is_never_empty_nor_outside(header in "(bytes=)?[0-9, -]{0,30}", size: u64) {
            let parts = match parse(&header, size) {
                Asked::Part(range) => vec![range],
                Asked::Parts(parts) => parts,
                _ => Vec::new(),
            };
            for (at, range) in parts.iter().enumerate() {
                prop_assert!(range.start < range.end && range.end <= size);
                prop_assert!(parts[..at].iter().all(|other| other.end <= range.start || range.end <= other.start));
            }
        }

        #[test]
        fn never_panics(header in "\\PC{0,60}", size: u64) {
            parse(&header, size);
        }
    }
}
