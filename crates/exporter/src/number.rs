//! The numbers of a log: plain decimals, `-` or nothing where there is no value, and several times in one field.

/// A value that is no number, where one was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoNumber;

/// One number, not negative; `None` when nginx had none.
pub(crate) fn number(value: &[u8]) -> Result<Option<f64>, NoNumber> {
    match value {
        b"" | b"-" => Ok(None),
        _ => decimal(value).map(Some).ok_or(NoNumber),
    }
}

/// The sum of the times of a request's servers: a comma stands between those that were tried one after another, a colon where the request
/// was passed on within nginx. `-` is a server that gave no time; `None` when none has.
pub(crate) fn sum(value: &[u8]) -> Result<Option<f64>, NoNumber> {
    let mut sum = None;
    for part in value.split(|byte| *byte == b',' || *byte == b':') {
        if let Some(time) = number(part.trim_ascii())? {
            sum = Some(sum.unwrap_or(0.0) + time);
        }
    }
    Ok(sum)
}

fn decimal(value: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mut digits, mut point) = (0_u64, None);
    // Fifteen digits and a power of ten of as many are exact, so their quotient is the nearest number.
    let short = value.len() <= 16
        && value.iter().enumerate().all(|(at, byte)| match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + u64::from(byte - b'0');
                true
            }
            b'.' => point.replace(at).is_none(),
            _ => false,
        });
    let count = value.len() - usize::from(point.is_some());
    if short && (1..=15).contains(&count) {
        let behind = point.map_or(0, |at| value.len() - at - 1);
        #[expect(clippy::cast_precision_loss, reason = "fifteen digits at most")]
        return Some(digits as f64 / POWERS[behind]);
    }
    // Others than nginx write 1e-05 too.
    let number: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_several_servers_are_summed() {
        let close = |value: &str, expected: f64| (sum(value.as_bytes()).unwrap().unwrap() - expected).abs() < 1e-12;
        assert!(close("0.010, 0.020 : 0.030", 0.06));
        assert!(close("-, 0.250", 0.25));
        assert!(close("0.000", 0.0));
        assert_eq!(sum(b"-"), Ok(None));
        assert_eq!(sum(b"-, - : -"), Ok(None));
        assert_eq!(sum(b""), Ok(None));
        assert_eq!(sum(b"0.1, x"), Err(NoNumber));
    }

    #[test]
    fn only_what_can_be_added_to_a_counter_is_a_number() {
        for wrong in ["x", "-1", "NaN", "inf", "1.2.3", ".", "1,5", "0x10", "1e999", " 1"] {
            assert_eq!(number(wrong.as_bytes()), Err(NoNumber), "{wrong}");
        }
        assert_eq!(number(b"1e-05"), Ok(Some(1e-5)));
        assert_eq!(number(b"123456789012345678"), Ok(Some(123_456_789_012_345_678.0)));
    }

    proptest! {
        #[test]
        fn a_decimal_is_the_nearest_number(text in "[0-9]{1,12}(\\.[0-9]{1,6})?") {
            prop_assert_eq!(number(text.as_bytes()), Ok(Some(text.parse().unwrap())));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..24), text in "[0-9.,:e -]{0,24}") {
            for value in [&bytes[..], text.as_bytes()] {
                for found in [number(value), sum(value)].into_iter().flatten().flatten() {
                    prop_assert!(found >= 0.0 && (found.is_finite() || found > 1e300));
                }
            }
        }
    }
}
