//! Speaks Vault's HTTP API, and OpenBao's: proves who it is, reads secrets, renews what was lent, and gives it back.
//!
//! `picup` makes [`Settings`] and [`Vault::open`]s them. What opens the vault is an [`Identity`], never a key to the keys: a service account,
//! a wrapped secret id, a certificate. A secret is read once ([`Vault::read_kv`], [`Vault::read_dynamic`]) or kept fresh ([`Vault::follow`]):
//! while Vault is away the last one that was good stays, until what it was lent for ends. Only spans of time by the monotonic clock count, so
//! that a clock that is wrong changes nothing.
//!
//! No secret is in an error, an event or a `Debug`, and all of them are wiped when they are dropped. Nothing here reads the environment, and
//! nothing is written to a disk.

#![forbid(unsafe_code)]

mod address;
mod aws;
mod door;
mod error;
mod file;
mod follow;
mod follow_kv;
mod follow_lease;
mod hidden;
mod inner;
mod keep;
mod kv;
mod lease;
mod login;
mod pace;
mod session;
mod settings;
mod standing;
mod unwrap;
mod vault;
mod wire;

pub use address::Address;
pub use aws::{AwsCredentials, AwsSource};
pub use error::{Error, Said};
pub use follow::{Follow, Secret, Wanted};
pub use hidden::{Hidden, Values};
pub use kv::{Kv, KvVersion};
pub use lease::Leased;
pub use settings::{Identity, Jwt, Settings, Timeouts};
pub use standing::Standing;
pub use vault::Vault;
