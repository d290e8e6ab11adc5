//! Use cases and jobs across the rooms below.

#![forbid(unsafe_code)]
