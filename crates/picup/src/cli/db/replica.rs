//! `picup db replica`: a server that follows PicUp's database and answers reads in its place.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use picup_database::servers::{Account, Channel, Kind, Topology};
use serde::Deserialize;

use super::Failure;
use super::servers::{self, Address, File, Follower, LookArgs, VerifyArgs};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReplicaCommand {
    /// Shows what `apply` would do, and what is not safe; exit code 1 when something is not.
    Plan {
        #[command(flatten)]
        file: File,
        #[command(flatten)]
        look: LookArgs,
    },
    /// Makes an empty server a replica, or sets right what is missing; goes on where it was cut off.
    Apply {
        #[command(flatten)]
        file: File,
    },
    /// Says how the replica is, and of each trouble what to do; exit code 1 when there is one.
    Status {
        #[command(flatten)]
        file: File,
        #[command(flatten)]
        look: LookArgs,
    },
    /// Compares all tables of the replica and its primary at the same position; exit code 1 when one differs.
    Verify {
        #[command(flatten)]
        file: File,
        #[command(flatten)]
        verify: VerifyArgs,
    },
    /// Throws the replica's copy away and makes it anew. Never touches what is no replica of that primary.
    Rebuild(RebuildArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RebuildArgs {
    #[command(flatten)]
    file: File,
    /// Also when somebody has written on the replica: that is lost
    #[arg(long)]
    discard_writes: bool,
}

/// `replica.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    primary: Primary,
    replica: Follower,
    reader: Option<Reader>,
    #[serde(default = "max_lag")]
    max_lag_seconds: u32,
    #[serde(default)]
    semi_sync: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Primary {
    url: Address,
    password_file: Option<PathBuf>,
    /// Where the replica finds it.
    address: Option<String>,
    /// A file on the replica's machine.
    tls_ca: Option<String>,
}

/// Whom PicUp reads it as.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reader {
    name: String,
    host: String,
    password_file: PathBuf,
}

const fn max_lag() -> u32 {
    30
}

pub(in crate::cli) fn run(command: &ReplicaCommand) -> Result<ExitCode, Failure> {
    match command {
        ReplicaCommand::Plan { file, look } => servers::plan(&topology(&file.config)?, None, look.json),
        ReplicaCommand::Apply { file } => servers::apply(&topology(&file.config)?, None),
        ReplicaCommand::Status { file, look } => servers::status(&topology(&file.config)?, look.json, false),
        ReplicaCommand::Verify { file, verify } => servers::verify(&topology(&file.config)?, &[""], verify),
        ReplicaCommand::Rebuild(args) => servers::rebuild(&topology(&args.file.config)?, "", args.discard_writes),
    }
}

fn topology(file: &Path) -> Result<Topology, Failure> {
    let Description { primary, replica, reader, max_lag_seconds, semi_sync } = servers::read(file)?;
    servers::host(&replica.host)?;
    let source = servers::server(primary.url, primary.password_file.as_deref(), file)?;
    let schema = source.url.split('?').next().and_then(|url| url.rsplit_once('/')).map(|(_, name)| name.to_owned());
    let reader = reader.map(|reader| {
        servers::account(&reader.name, &reader.host)?;
        let password = servers::password(&reader.password_file, file)?;
        Ok::<_, Failure>(Account { name: reader.name, host: reader.host, password })
    });
    let channel = Channel {
        name: String::new(),
        source,
        address: primary.address,
        schema: schema.unwrap_or_default(),
        domain: None,
        delay: 0,
        tls_ca: primary.tls_ca,
        from: replica.host,
        semi_sync,
    };
    Ok(Topology {
        kind: Kind::Replica,
        target: servers::server(replica.url, replica.password_file.as_deref(), file)?,
        channels: vec![channel],
        reader: reader.transpose()?,
        max_lag: Duration::from_secs(max_lag_seconds.into()),
        arguments: servers::arguments(file),
    })
}
