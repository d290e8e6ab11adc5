//! Messages on a TCP connection (RFC 6587): each with its length before it, or each on a line of its own; every message tells which.

/// The longest message, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// What stands at the beginning of what has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A message: where it is, and how much is done with it.
    Whole { begin: usize, end: usize, used: usize },
    /// More has to arrive.
    Part,
    /// No message will come of it.
    Broken,
}

/// Looks for the first message.
pub(crate) fn first(arrived: &[u8]) -> Frame {
    let digits = arrived.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return match memchr::memchr(b'\n', arrived) {
            Some(at) => Frame::Whole { begin: 0, end: at, used: at + 1 },
            None if arrived.len() > LONGEST => Frame::Broken,
            None => Frame::Part,
        };
    }
    let length = std::str::from_utf8(&arrived[..digits]).ok().and_then(|text| text.parse::<usize>().ok());
    match (length, arrived.get(digits)) {
        (Some(length), None) if length <= LONGEST => Frame::Part,
        (Some(length), Some(b' ')) if length <= LONGEST => {
            let (begin, end) = (digits + 1, digits + 1 + length);
            if arrived.len() < end { Frame::Part } else { Frame::Whole { begin, end, used: end } }
        }
        _ => Frame::Broken,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_with_a_length_and_on_lines_are_told_apart() {
        assert_eq!(first(b"5 <1>ab<2>"), Frame::Whole { begin: 2, end: 7, used: 7 });
        assert_eq!(first(b"<1>ab\n<2>"), Frame::Whole { begin: 0, end: 5, used: 6 });
        assert_eq!([first(b"5 <1>a"), first(b"5"), first(b"<1>a"), first(b"")], [(); 4].map(|()| Frame::Part));
        assert_eq!(
            [first(b"99999 x"), first(b"5x"), first(b"99999999999999999999999 x")],
            [(); 3].map(|()| Frame::Broken)
        );
        assert_eq!(first(&vec![b'x'; LONGEST + 1]), Frame::Broken);
    }

    proptest! {
        #[test]
        fn what_is_used_has_arrived(arrived in "[0-9<> a\n]{0,20}") {
            if let Frame::Whole { begin, end, used } = first(arrived.as_bytes()) {
                prop_assert!(begin <= end && end <= used && used <= arrived.len() && used > 0);
            }
        }
    }
}
