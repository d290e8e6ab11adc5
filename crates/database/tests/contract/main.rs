//! What every engine must do, told through the public API alone: a later engine runs this suite unchanged by giving
//! [`fresh::fresh`] another way to make an empty database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod account;
mod album;
mod api_key;
mod asset;
mod destination;
mod edit;
mod event;
mod favourite;
mod fresh;
mod installation;
mod job;
mod keyset;
mod many;
mod object;
mod object_copy;
mod orphan;
mod search;
mod session;
mod system;
mod timeline;
mod transaction;
mod trash;
mod upload;
