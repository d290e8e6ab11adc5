//! From pixels to the two formats renditions have: JPEG for what is looked at large, WebP for thumbnails. Called by the
//! child. What comes out holds pixels and, if the original had one, its colour profile; no other metadata can get in,
//! because none is ever handed over.

mod jpeg;
mod webp;

pub(crate) use jpeg::jpeg;
pub(crate) use webp::webp;
