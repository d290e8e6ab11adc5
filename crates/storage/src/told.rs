//! What is told of an error of a service, or of the libraries that speak to it: enough to act on, never more than a line or two.
//! An answer may hold what was signed, and an address may carry the right to what it names; neither is told. Called where such
//! errors become this room's own.

use std::error::Error;

/// The most that is told, in bytes.
const LONGEST: usize = 400;

/// An error with its causes, in a text that may be logged and shown.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Many libraries repeat their cause in their own text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    let mut text = without_queries(&without_answer(&text));
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// Leaves of an answer (XML, or a page of HTML) its code, if there is one.
fn without_answer(text: &str) -> String {
    let Some((before, answer)) = text.split_once('<') else { return text.to_owned() };
    let code = answer.split_once("Code>").and_then(|(_, rest)| word(rest.split_once('<')?.0.trim()));
    format!("{}{}", before, code.unwrap_or_default()).trim_end().trim_end_matches(':').to_owned()
}

/// Only what a code or a region can be: answers may hold anything.
pub(crate) fn word(text: &str) -> Option<String> {
    let plain = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    plain.then(|| text.to_owned())
}

/// Addresses without what stands behind their question mark.
pub(crate) fn without_queries(text: &str) -> String {
    let end = |rest: &str| rest.find(|c: char| c.is_whitespace() || "\"')>".contains(c)).unwrap_or(rest.len());
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at);
        let (address, after) = address.split_at(end(address));
        plain = plain + before + address.split('?').next().unwrap_or_default();
        rest = after;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> String {
        told(&*Box::<dyn Error>::from(text))
    }

    #[test]
    fn of_an_answer_only_its_code_is_told() {
        let answer = "error performing PUT http://host/key - 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch\
                      </Code><StringToSign>AWS4-HMAC secret</StringToSign></Error>";
        assert_eq!(of(answer), "error performing PUT http://host/key - 403 Forbidden: SignatureDoesNotMatch");
        assert_eq!(of("502 Bad Gateway: <html><body>secret</body></html>"), "502 Bad Gateway");
        assert_eq!(of("404: <Code>two words</Code>"), "404");
    }

    #[test]
    fn addresses_are_told_without_the_right_that_they_carry() {
        let address = "https://bucket.host/key?partNumber=1&X-Amz-Signature=secret";
        assert_eq!(of(&format!("error for url ({address}): reset")), "error for url (https://bucket.host/key): reset");
        assert_eq!(of(&format!("{address} \"{address}\"")), "https://bucket.host/key \"https://bucket.host/key\"");
        assert_eq!(of("what?"), "what?");
    }

    #[test]
    fn causes_are_told_once() {
        let cause = std::io::Error::other(std::io::Error::other("no route"));
        assert_eq!(told(&crate::Error::Io { doing: "connect", source: cause }), "connect: no route");
    }

    proptest! {
        #[test]
        fn no_text_is_long_or_has_a_signature(before in ".{0,600}", after in ".{0,20}") {
            let text = of(&format!("{before} http://h/k?X-Amz-Signature=secret {after}"));
            prop_assert!(text.len() <= LONGEST + 4 && !text.contains("secret"), "{}", text);
        }
    }
}
