//! Everything PicUp remembers besides the bytes themselves: accounts, sessions, assets, albums, uploads, the timeline's
//! counts, jobs and events.
//!
//! `app` is the only caller, but for [`transfer`], which is about the database as a whole and which the command line calls. It
//! opens a [`Write`] or a [`Read`], calls the noun-first methods on it (`asset_insert`, `timeline_page`, `job_enqueue`, …), and
//! commits; several calls in one transaction stand or fall together. A [`Read`] has no method that writes, and a [`Write`] can
//! do all a [`Read`] can.
//!
//! SQL lives here and nowhere else. Ids, times and random values always come in as arguments: no statement asks the engine
//! for any, so the same statements give the same rows on every engine and every replica. Nothing here does remote I/O of
//! any other kind, and no transaction should be held across some.

#![forbid(unsafe_code)]

mod account;
mod admin;
mod album;
mod album_member;
mod api_key;
mod arrangement;
mod asset;
mod called;
mod check;
mod claim;
mod connection;
mod content;
pub mod copy;
mod credentials;
mod destination;
mod dialect;
mod edit;
mod engine;
mod error;
mod event;
mod family;
mod favourite;
mod installation;
mod invitation;
mod job;
mod metrics;
mod migrations;
mod motion;
mod moved;
mod object;
mod object_copy;
mod orphan;
mod pools;
mod position;
mod primary;
mod process;
mod replica;
mod replicas;
mod routing;
mod search;
mod seen;
pub mod servers;
mod session;
mod share;
mod statement;
mod system;
mod timeline;
pub mod transfer;
mod trash;
mod upload;
mod usage;

#[cfg(test)]
mod plan_tests;

pub use account::{Account, MOST_OPEN_UPLOADS, NewAccount};
pub use album::{AddOutcome, Album, AlbumAsset, AlbumCursor, NewAlbum};
pub use album_member::{AlbumMember, AlbumStanding};
pub use api_key::{ApiKey, NewApiKey};
pub use arrangement::Ordered;
pub use asset::{Asset, AssetFacts, Motion, NewAsset, Standing};
pub use called::Called;
pub use check::Check;
pub use claim::{Alone, Claim, Part};
pub use destination::{Destination, DestinationState, Drill, Pace};
pub use edit::AssetEdit;
pub use engine::{Place, Replication, Server, Settings};
pub use error::Error;
pub use event::{Event, NewEvent};
pub use invitation::Invitation;
pub use job::{FailedJob, Job, JobCounts, JobLease, NewJob};
pub use metrics::Metrics;
pub use moved::Moved;
pub use object::{Object, ObjectState};
pub use object_copy::{
    CopyClaim, CopyCount, CopyFailure, CopyMade, CopyState, DoomedCopy, FailingCopy, KeptCopy, ListedCopy,
};
pub use orphan::OrphanCount;
pub use replica::ReplicaReport;
pub use routing::{Database, Read, Write};
pub use search::{Camera, Reached, Search, Searched, Walk};
pub use seen::Seen;
pub use session::{NewSession, Rotation, Session};
pub use share::{NewShareLink, ShareLink, ShareLinkChange, SharedPlace};
pub use system::{AssetCounts, Vitals};
pub use timeline::{DayCount, Direction, TimelineAsset, TimelineCursor};
pub use trash::{TrashAsset, TrashCursor};
pub use upload::{NewUpload, Upload, UploadState};
pub use usage::{AlbumCount, Usage};
