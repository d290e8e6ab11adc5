//! The right to fetch a medium: CloudFront signed URLs and cookies, made and checked.
//!
//! The format is CloudFront's own, so that a real CloudFront can stand where our gateway stands by a change of
//! configuration. `app` signs ([`signed_url`], [`signed_cookies`]), the gateway verifies ([`authorise`]). This crate never reads
//! a clock, a file or the network: the time, the keys and the public address are arguments.
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
mod cookie;
mod encoding;
mod hash;
mod keyring;
mod policy;
mod presented;
mod sign;
mod url;
mod verify;
mod wildcard;
mod window;

pub use address::AddressRange;
pub use cookie::{SignedCookies, signed_cookies};
pub use hash::HashAlgorithm;
pub use keyring::{KeyId, KeyIdError, Keyring, KeyringError};
pub use p256::elliptic_curve::zeroize::Zeroizing;
pub use policy::{Form, Policy, PolicyError, Resource, ResourceError};
pub use sign::{SigningKey, SigningKeyError};
pub use url::{SignError, signed_url, without_signature};
pub use verify::{Denied, Fetch, authorise};
pub use window::{WindowError, WindowSigner};
