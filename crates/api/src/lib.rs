//! The HTTP API: routes, extractors, problem+json, OpenAPI, wire types.

#![forbid(unsafe_code)]
