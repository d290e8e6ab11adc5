//! nginx's access log to Prometheus metrics, for those who keep nginx: the names, labels and YAML file of prometheus-nginxlog-exporter.
//!
//! `picup nginx-exporter` makes [`Settings`], of a file or of flags, and an [`Exporter`] of them, which it lets [`serve`]. A line comes from
//! a file (`follow`) or by syslog (`syslog`), is taken apart by the format that nginx was given (`format`, `json`), and grows some series
//! (`tally`, `series`), which are told as text (`encode`). Memory is bounded whatever clients send: sets of label values are folded into
//! `other` beyond a number, and quantiles are kept in buckets (`window`). What is in a line is never logged, and no query becomes a label.

#![forbid(unsafe_code)]

mod check;
mod encode;
mod exporter;
mod follow;
mod format;
mod json;
mod labels;
mod number;
mod recent;
mod relabel;
mod series;
mod serve;
mod settings;
mod statement;
mod syslog;
mod tally;
mod wanted;
mod window;
mod yaml;

pub use check::{Fit, check};
pub use exporter::{Error, Exporter};
pub use format::FormatError;
pub use relabel::Relabel;
pub use serve::serve;
pub use settings::{BUCKETS, MAX_SERIES, Mistake, Namespace, Parser, Settings, Syslog};
