//! Object stores: files and memory.

#![forbid(unsafe_code)]
