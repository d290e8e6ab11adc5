//! Bytes to facts and renditions, in a child process.
//!
//! An original is hostile until proven otherwise: decoders of pictures and videos are where photo servers are broken
//! into, and where they hang or eat all memory. So the process that holds keys and database connections never decodes.
//! [`Media::process`] starts a child for each original, hands it nothing but an open file, and reads an answer that it
//! trusts no more than the file; [`child_main`] is what runs on the other side. The child process is also the place
//! where a sandbox goes.
//!
//! Used by `app`, which stores what comes out. This crate never opens a path of its own accord, never writes a file and
//! knows nothing of accounts, keys or stores.

#![deny(unsafe_code)]

mod check;
mod child;
mod decode;
mod encode;
mod facts;
mod metrics;
mod placeholder;
mod processed;
mod raster;
mod scale;
mod settings;
mod sniff;
mod video;

pub use check::Check;
pub use child::{Children, Error, Media, SANDBOX, child_main};
pub use facts::{CaptureSource, Captured, Facts, Orientation};
pub use metrics::Metrics;
pub use processed::{Outcome, Processed, Rendition, RenditionName};
pub use settings::{CHILD_COMMAND, Settings};
pub use sniff::{Format, Kind};
