//! Whether the lines of late fit the format, and what is said when they do not: the shape of a line, never what is in it.

use std::time::Duration;

/// How many lines are looked back on.
const LINES: u32 = 100;

/// A warning is written at most so often.
const BETWEEN: Duration = Duration::from_secs(60);

/// A shape is no longer than this, in characters.
const LONGEST_SHAPE: usize = 120;

/// The last hundred lines.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// A bit for each; the last is the lowest, and set when it did not fit.
    misfits: u128,
    seen: u32,
    unsaid: u64,
    said: Option<Duration>,
}

impl Recent {
    pub(crate) fn fit(&mut self) {
        self.push(0);
    }

    /// A line that does not fit: how many there are to tell of, when it is time to.
    pub(crate) fn misfit(&mut self, now: Duration) -> Option<u64> {
        self.push(1);
        self.unsaid += 1;
        if self.said.is_some_and(|said| now < said + BETWEEN) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }

    fn push(&mut self, bit: u128) {
        self.misfits = (self.misfits << 1 | bit) & ((1 << LINES) - 1);
        self.seen = (self.seen + 1).min(LINES);
    }

    /// Whether at least half of the last hundred lines fit, or there are none yet.
    pub(crate) fn fits(&self) -> bool {
        self.misfits.count_ones() * 2 <= self.seen
    }
}

/// What a line looks like: a letter `a` for letters, `9` for digits, `?` for what is not ASCII, once for several of them; the rest as it is.
pub(crate) fn shape(line: &[u8]) -> String {
    let mut shape = String::new();
    let mut last = None;
    for byte in line {
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => 'a',
            b'0'..=b'9' => '9',
            0x80.. | ..b' ' | 0x7F => '?',
            other => char::from(*other),
        };
        if last == Some(kind) && matches!(kind, 'a' | '9' | '?') {
            continue;
        }
        if shape.len() == LONGEST_SHAPE {
            shape.push('…');
            break;
        }
        shape.push(kind);
        last = Some(kind);
    }
    shape
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shape_tells_nothing_that_a_line_has() {
        let line = r#"192.0.2.7 - - [11/Oct/2026:22:14:15 +0000] "GET /a?token=hunter2 HTTP/1.1" 200 "é""#;
        assert_eq!(shape(line.as_bytes()), r#"9.9.9.9 - - [9/a/9:9:9:9 +9] "a /a?a=a9 a/9.9" 9 "?""#);
    }

    #[test]
    fn most_of_the_last_hundred_lines_decide() {
        let mut recent = Recent::default();
        assert!(recent.fits());
        recent.misfit(Duration::ZERO);
        assert!(!recent.fits());
        for _ in 0..100 {
            recent.fit();
        }
        assert!(recent.fits());
        for _ in 0..50 {
            recent.misfit(Duration::ZERO);
        }
        assert!(recent.fits());
        recent.misfit(Duration::ZERO);
        assert!(!recent.fits());
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute() {
        let mut recent = Recent::default();
        let second = Duration::from_secs;
        let told: Vec<_> = [0, 1, 59, 60, 61].map(|at| recent.misfit(second(at))).into();
        assert_eq!(told, [Some(1), None, None, Some(3), None]);
    }

    proptest! {
        #[test]
        fn shapes_are_short_and_have_neither_names_nor_numbers(line in prop::collection::vec(any::<u8>(), 0..400)) {
            let shape = shape(&line);
            prop_assert!(shape.chars().count() <= LONGEST_SHAPE + 1);
            prop_assert!(shape.chars().all(|it| it == '…' || it == 'a' || it == '9' || (it.is_ascii() && !it.is_ascii_alphanumeric())));
        }
    }
}
