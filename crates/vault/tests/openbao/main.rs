//! All of it against a real OpenBao on loopback; what cannot be had here has a stand-in that says so.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

mod dynamic;
mod failures;
mod hygiene;
mod identities;
mod life;
mod secrets;
mod support;
mod tls;
mod wrapping;
