//! The HTTP API: routes, extractors, problem+json, OpenAPI and wire types.
//!
//! A handler takes its arguments apart, calls one use case of `app`, and puts the answer together; it decides nothing and
//! speaks no SQL. `picup` mounts [`router`] behind the gateway, in the same process.

#![forbid(unsafe_code)]

pub mod wire;
