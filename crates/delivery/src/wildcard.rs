//! Does a policy's Resource cover a URL? `*` is zero or more characters and `?` exactly one, anywhere.
//!
//! This runs before the signature is checked, on text a stranger may have chosen, so it never backtracks: a set of
//! states is kept as bits and each character of the URL moves all of them at once. The work is
//! (length of the URL) × (length of the pattern ÷ 64).

const WORD: usize = u64::BITS as usize;

/// Whether the whole of `text` matches `pattern`, byte by byte.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let Some(literal) = pattern.iter().position(|byte| matches!(byte, b'*' | b'?')) else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(&pattern[..literal]) else { return false };
    match &pattern[literal..] {
        b"*" => true,
        wild => States::new(wild).run(rest),
    }
}

/// State `i` is "the first `i` tokens of the pattern are used up", a token being a byte or `?`. A `*` is no token: it
/// lets the state it follows stay where it is on any byte.
struct States {
    accepts: Vec<[u64; 256]>,
    stays: Vec<u64>,
    last: usize,
}

impl States {
    fn new(pattern: &[u8]) -> Self {
        let words = pattern.len() / WORD + 1;
        let mut states = Self { accepts: vec![[0; 256]; words], stays: vec![0; words], last: 0 };
        for &token in pattern {
            let (word, bit) = (states.last / WORD, 1 << (states.last % WORD));
            match token {
                b'*' => states.stays[word] |= bit,
                b'?' => {
                    states.accepts[word].iter_mut().for_each(|byte| *byte |= bit);
                    states.last += 1;
                }
                byte => {
                    states.accepts[word][usize::from(byte)] |= bit;
                    states.last += 1;
                }
            }
        }
        states
    }

    fn run(&self, text: &[u8]) -> bool {
        let mut active = vec![0_u64; self.stays.len()];
        active[0] = 1;
        for &byte in text {
            let mut carry = 0;
            for (word, states) in active.iter_mut().enumerate() {
                let advanced = *states & self.accepts[word][usize::from(byte)];
                *states = (advanced << 1) | carry | (*states & self.stays[word]);
                carry = advanced >> (WORD - 1);
            }
        }
        active[self.last / WORD] & (1 << (self.last % WORD)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, spelled out; exponential, for short inputs only.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => naive(rest, text) || (!text.is_empty() && naive(pattern, &text[1..])),
            (Some((b'?', rest)), Some((_, text))) => naive(rest, text),
            (Some((byte, rest)), Some((first, text))) => byte == first && naive(rest, text),
            _ => false,
        }
    }

    #[test]
    fn covers_a_folder() {
        assert!(matches("https://a/media/1/*", "https://a/media/1/"));
        assert!(matches("https://a/media/1/*", "https://a/media/1/x/y?z"));
        assert!(!matches("https://a/media/1/*", "https://a/media/12/x"));
        assert!(!matches("https://a/media/1/*", "https://a/media/1"));
        assert!(matches("https://a/x.jpg", "https://a/x.jpg"));
        assert!(!matches("https://a/x.jpg", "https://a/x.jpg2"));
    }

    #[test]
    fn a_pattern_made_to_explode_does_not() {
        let pattern = "*a".repeat(500) + "b";
        let text = "a".repeat(2_000);
        assert!(!matches(&pattern, &text));
        assert!(matches(&pattern, &(text + "b")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{0,9}", text in "[ab]{0,12}") {
            prop_assert_eq!(matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn agrees_across_the_boundary_of_a_word(before in 55_usize..75, pattern in "[ab?]{0,4}\\*[ab]{0,3}", text in "[ab]{0,9}") {
            let pattern = format!("?{}{pattern}", "a".repeat(before));
            let text = format!("b{}{text}", "a".repeat(before));
            prop_assert_eq!(matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
