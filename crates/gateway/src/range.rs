//! The `Range` header (RFC 9110 §14.2): which bytes of a medium are asked for.
//!
//! One range is honoured. Several are answered with the whole medium, which the RFC allows and which costs no more than
//! it is worth; a header with a silly number of them is an attack, and refused.

use std::ops::Range;

/// No player or download tool asks for as many.
const MAX_RANGES: usize = 16;

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it, with 200: no range, one we cannot read, or several.
    Whole,
    /// These bytes, with 206; never empty and always within the medium.
    Part(Range<u64>),
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
    let mut specs = list.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    match (specs.next(), specs.next()) {
        (Some(spec), None) => one(spec, size),
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
            ("bytes=0-0,-1", Asked::Whole),
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
                Asked::Whole => prop_assert!(false, "a single good range is never ignored"),
            }
        }

        #[test]
        fn a_part_is_never_empty_nor_outside(header in "(bytes=)?[0-9, -]{0,30}", size: u64) {
            if let Asked::Part(range) = parse(&header, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        #[test]
        fn never_panics(header in "\\PC{0,60}", size: u64) {
            parse(&header, size);
        }
    }
}
