//! Starts real services for tests; fault-injecting proxy; samples.

#![forbid(unsafe_code)]
