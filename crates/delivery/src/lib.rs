//! The right to fetch a medium: CloudFront signed URLs and cookies, and tokens, made and checked.
//!
//! The format is CloudFront's own, so that a real CloudFront can stand where our gateway stands by a change of
//! configuration. `app` signs ([`signed_url`], [`signed_cookies`]), the gateway verifies ([`authorise`]). The second way is a token
//! for one account ([`media_token`], [`TokenRing`]), which a CloudFront Function checks as we do ([`cloudfront_function`]). This crate
//! never reads a clock, a file or the network: the time, the keys and the public address are arguments.
//!
//! ```
//! use picup_delivery::{Fetch, Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SigningKey, authorise, signed_cookies};
//!
//! let key = SigningKey::generate(KeyId::parse("K1")?, &mut rand::rng());
//! let keyring = Keyring::from_pems([(key.id().clone(), key.public_key_pem().as_str())])?;
//! let policy = Policy::until(Resource::under("https://photos.example", "/media/ann/")?, 1_000);
//! let mut headers = http::HeaderMap::new();
//! for (name, value) in signed_cookies(&key, HashAlgorithm::Sha256, &policy, Form::Shortest).iter() {
//!     headers.append("cookie", format!("{name}={value}").parse()?);
//! }
//! let fetch = |path_and_query, now_epoch_s| Fetch {
//!     public_base: "https://photos.example",
//!     path_and_query,
//!     client: [192, 0, 2, 1].into(),
//!     now_epoch_s,
//!     may_verify: true,
//! };
//! assert!(authorise(&keyring, &headers, &fetch("/media/ann/1.jpg", 999)).is_ok());
//! assert!(authorise(&keyring, &headers, &fetch("/media/bob/1.jpg", 999)).is_err());
//! assert!(authorise(&keyring, &headers, &fetch("/media/ann/1.jpg", 1_000)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod address;
mod audience;
mod bearer;
mod cookie;
mod encoding;
mod function;
mod hash;
mod keyring;
mod policy;
mod presented;
mod proven;
mod sign;
mod token;
mod token_ring;
mod token_sign;
mod url;
mod verify;
mod wildcard;
mod window;

pub use address::AddressRange;
pub use audience::{Audience, AudienceError};
pub use cookie::{SignedCookies, signed_cookies};
pub use function::{FunctionError, cloudfront_function};
pub use hash::HashAlgorithm;
pub use keyring::{KeyId, KeyIdError, Keyring, KeyringError};
pub use p256::elliptic_curve::zeroize::Zeroizing;
pub use policy::{Form, Policy, PolicyError, Resource, ResourceError};
pub use sign::{SigningKey, SigningKeyError};
pub use token::TokenTerms;
pub use token_ring::{TokenKey, TokenKeyError, TokenRing, TokenRingError};
pub use token_sign::{TokenError, TokenSecret, TokenSecretError, TokenSigner, media_token};
pub use url::{SignError, signed_url, without_signature};
pub use verify::{Denied, Fetch, authorise};
pub use window::{WindowError, WindowSigner};
