//! What tests of more than one room need: a real picup process, a network that fails on command, and pictures.
//!
//! For tests only. It depends on no other crate of the workspace, so that every one of them may use it; it sees picup as
//! its users do, as a program and a port. Everything it starts is stopped when it is dropped.

#![forbid(unsafe_code)]

mod amazon;
mod amazon_flaws;
mod amazon_parts;
mod authority;
mod database_make;
mod database_server;
pub mod engine;
mod fault_proxy;
mod function;
mod garage_server;
mod http_stand_in;
pub mod immich;
mod listening;
mod nginx_server;
mod openbao;
mod openbao_process;
mod output;
mod pebble;
mod process;
mod prometheus_server;
mod rclone_server;
mod renewal_stand_in;
mod s3_behind;
mod s3_keys;
mod s3_rights;
mod s3_server;
mod s3_serving;
pub mod samples;
pub mod signers;
pub mod sslyze;
mod sts_stand_in;
mod token_review_stand_in;

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

pub use amazon_flaws::Flaw;
pub use authority::Authority;
pub use database_server::{DatabaseServer, ReplicaThread};
pub use fault_proxy::{Direction, Fault, FaultProxy};
pub use function::{FunctionAnswer, FunctionRequest, run_function};
pub use garage_server::GarageServer;
pub use http_stand_in::{Answers, Asked, HttpStandIn, Told};
pub use nginx_server::NginxServer;
pub use openbao::OpenBao;
pub use output::Output;
pub use pebble::{Pebble, PebbleBuilder};
pub use process::{Finished, PicupProcess, ProcessBuilder, run};
pub use prometheus_server::PrometheusServer;
pub use rclone_server::RcloneServer;
pub use renewal_stand_in::RenewalStandIn;
pub use s3_server::S3Server;
pub use sts_stand_in::{AwsCaller, StsStandIn};
pub use tempfile::TempDir;
pub use token_review_stand_in::TokenReviewStandIn;

/// Why a test's surroundings could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A process ended before it was ready.
    #[error("{program} ended before it was ready ({status}); it said:\n{output}")]
    Ended {
        /// Which program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it had printed.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {seconds} s; the process said:\n{output}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// What the process had printed.
        output: String,
    },
    /// The photographs are not on this machine.
    #[error("no sample photographs in {0}; fetch them with: scripts/fetch-samples")]
    NoPhotographs(std::path::PathBuf),
    /// Immich's uploader is not on this machine.
    #[error("no @immich/cli in {0}; install it with: scripts/tools")]
    NoImmichCli(std::path::PathBuf),
    /// The sloppy S3 store is not on this machine.
    #[error("no rclone at {0}; install it with: scripts/tools")]
    NoRclone(std::path::PathBuf),
    /// sslyze is not on this machine.
    #[error("no sslyze in {0}; install it with: scripts/tools")]
    NoSslyze(std::path::PathBuf),
    /// AWS's signers are not on this machine.
    #[error("no signers of AWS's in {0}; install them with: scripts/tools")]
    NoSigners(std::path::PathBuf),
    /// A program ended badly.
    #[error("{program} ended with {status}; it said:\n{output}")]
    Failed {
        /// Which program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it had printed.
        output: String,
    },
    /// Garage is not on this machine.
    #[error("no Garage at {0}; build it with: scripts/garage")]
    NoGarage(std::path::PathBuf),
    /// OpenBao is not on this machine.
    #[error("no OpenBao at {0}; install it with: scripts/openbao")]
    NoOpenBao(std::path::PathBuf),
}

impl Error {
    fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        |source| Self::Io { doing: doing.into(), source }
    }
}

/// An address on loopback that nobody listens on at this moment.
///
/// # Panics
/// When this process has asked for ten thousand.
#[must_use]
pub fn free_address() -> SocketAddr {
    // Not one of those that the system gives to whoever connects: it might until somebody listens there, or listens again.
    const PORTS: std::ops::Range<u64> = 10_000..32_000;
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let any = RandomState::new().build_hasher().finish();
        let port = u16::try_from(PORTS.start + any % (PORTS.end - PORTS.start)).expect("it is one of these");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if !given.contains(&port) && TcpListener::bind(address).is_ok() {
            given.insert(port);
            return address;
        }
        assert!(given.len() < 10_000, "one process has asked for ten thousand ports");
    }
}

/// A fresh folder, removed when dropped.
///
/// # Panics
/// When the system's folder for temporary files cannot be written.
#[must_use]
pub fn fresh_folder() -> TempDir {
    tempfile::Builder::new().prefix("picup-test-").tempdir().expect("temporary files can be made")
}
