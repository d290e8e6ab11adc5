//! PicUp.

#![forbid(unsafe_code)]

fn main() {}
