//! The CloudFront Function that checks media tokens where a real CloudFront stands in our gateway's place: JavaScript, made from one
//! template, because what AWS runs there knows no Rust, and of signatures HMAC alone.

use crate::{Audience, KeyId};

const TEMPLATE: &str = include_str!("function.js.in");
/// What AWS takes at most.
const MAX_BYTES: usize = 10 * 1024;

/// Why no function was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// It would refuse everything.
    #[error("a function needs the id of one secret at least")]
    NoKey,
    /// More than AWS takes.
    #[error("with so many ids the function is larger than the 10 KB that CloudFront takes")]
    TooLarge,
}

/// The function for tokens of this audience, signed with HS256 by the secrets of these ids.
///
/// # Errors
/// [`FunctionError`] says what CloudFront could not use.
pub fn cloudfront_function(audience: &Audience, secrets: &[KeyId]) -> Result<String, FunctionError> {
    if secrets.is_empty() {
        return Err(FunctionError::NoKey);
    }
    // Both alphabets have no character that means anything within the quotes.
    let ids: Vec<_> = secrets.iter().map(|id| format!("'{id}'")).collect();
    let function = TEMPLATE.replace("@AUDIENCE@", &format!("'{audience}'"));
    let function = function.replace("@KEY_IDS@", &format!("[{}]", ids.join(", ")));
    if function.len() <= MAX_BYTES { Ok(function) } else { Err(FunctionError::TooLarge) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_it_is_told_and_nothing_that_the_runtime_lacks() {
        let ids = ["T1", "T_2-x"].map(|id| KeyId::parse(id).unwrap());
        let function = cloudfront_function(&Audience::default(), &ids).unwrap();
        assert!(function.contains("const AUDIENCE = 'picup-media';"), "{function}");
        assert!(function.contains("const KEY_IDS = ['T1', 'T_2-x'];"), "{function}");
        assert!(!function.contains('@'), "{function}");
        // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
        for lacking in ["?.", "??", "class ", "catch {", " of ", "async (", "...", "=== async", "#", "/u."] {
            let code = function.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(!code.clone().any(|line| line.contains(lacking)), "{lacking}");
        }
    }

    #[test]
    fn what_cloudfront_could_not_use_is_not_made() {
        assert_eq!(cloudfront_function(&Audience::default(), &[]), Err(FunctionError::NoKey));
        let many: Vec<_> = (0..100).map(|at| KeyId::parse(&format!("{at:064}")).unwrap()).collect();
        assert_eq!(cloudfront_function(&Audience::default(), &many), Err(FunctionError::TooLarge));
        assert!(cloudfront_function(&Audience::default(), &many[..10]).is_ok());
    }
}
