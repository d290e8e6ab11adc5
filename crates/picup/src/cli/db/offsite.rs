//! `picup db offsite`: a server elsewhere that follows the databases of several homes, each in a schema of its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use picup_database::servers::{Channel, Kind, Topology};
use serde::Deserialize;

use super::Failure;
use super::servers::{self, Address, File, Follower, LookArgs, VerifyArgs};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OffsiteCommand {
    /// Shows what `apply` would do, and what is not safe; exit code 1 when something is not.
    Plan {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        look: LookArgs,
    },
    /// Has the server follow what the file says and it does not follow yet; goes on where it was cut off.
    Apply {
        #[command(flatten)]
        which: Which,
    },
    /// Says how each channel is, and of each trouble what to do; exit code 1 when there is one.
    Status(StatusArgs),
    /// Compares all tables of a copy and its source at the same position; exit code 1 when one differs.
    Verify {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        verify: VerifyArgs,
    },
    /// Throws a channel's copy away and makes it anew, while the others go on.
    Rebuild(RebuildArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Which {
    /// The channel; all of the file without it
    #[arg(value_name = "CHANNEL")]
    channel: Option<String>,
    #[command(flatten)]
    file: File,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    file: File,
    /// Metrics for Prometheus, such as for node_exporter's textfile collector
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RebuildArgs {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: String,
    #[command(flatten)]
    file: File,
}

/// `offsite.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    offsite: Follower,
    channel: Vec<Home>,
    #[serde(default = "max_lag")]
    max_lag_seconds: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Home {
    name: String,
    url: Address,
    password_file: Option<PathBuf>,
    /// Where the off-site server finds it.
    address: Option<String>,
    /// A file on the off-site server's machine.
    tls_ca: Option<String>,
    schema: String,
    domain: Option<u32>,
    #[serde(default)]
    delay_seconds: u32,
}

const fn max_lag() -> u32 {
    300
}

pub(in crate::cli) fn run(command: &OffsiteCommand) -> Result<ExitCode, Failure> {
    match command {
        OffsiteCommand::Plan { which, look } => {
            servers::plan(&topology(&which.file.config)?, which.channel.as_deref(), look.json)
        }
        OffsiteCommand::Apply { which } => servers::apply(&topology(&which.file.config)?, which.channel.as_deref()),
        OffsiteCommand::Status(args) => servers::status(&topology(&args.file.config)?, args.look.json, args.prometheus),
        OffsiteCommand::Verify { which, verify } => {
            let topology = topology(&which.file.config)?;
            let all = topology.channels.iter().map(|channel| channel.name.as_str());
            let names: Vec<_> = which.channel.as_deref().map_or_else(|| all.collect(), |channel| vec![channel]);
            servers::verify(&topology, &names, verify)
        }
        OffsiteCommand::Rebuild(args) => servers::rebuild(&topology(&args.file.config)?, &args.channel, false),
    }
}

fn topology(file: &Path) -> Result<Topology, Failure> {
    let Description { offsite, channel, max_lag_seconds } = servers::read(file)?;
    check(&channel)?;
    servers::host(&offsite.host)?;
    let from = offsite.host;
    let channels = channel.into_iter().map(|home| {
        Ok(Channel {
            source: servers::server(home.url, home.password_file.as_deref(), file)?,
            name: home.name,
            address: home.address,
            schema: home.schema,
            domain: home.domain,
            delay: home.delay_seconds,
            tls_ca: home.tls_ca,
            from: from.clone(),
            semi_sync: false,
        })
    });
    Ok(Topology {
        kind: Kind::OffSite,
        target: servers::server(offsite.url, offsite.password_file.as_deref(), file)?,
        channels: channels.collect::<Result<_, Failure>>()?,
        reader: None,
        max_lag: Duration::from_secs(max_lag_seconds.into()),
        arguments: servers::arguments(file),
    })
}

/// Names that can be written anywhere, and nothing that two homes share.
fn check(homes: &[Home]) -> Result<(), Failure> {
    if homes.is_empty() {
        return Err(Failure::usage("the file names no home").next("add a [[channel]] for each"));
    }
    for (place, home) in homes.iter().enumerate() {
        servers::plain("channel", &home.name)?;
        servers::plain("schema", &home.schema)?;
        for other in &homes[..place] {
            let domain = home.domain.is_some() && other.domain == home.domain;
            for (same, what) in
                [(other.name == home.name, "name"), (other.schema == home.schema, "schema"), (domain, "domain")]
            {
                if same {
                    let told = format!("two channels have the same {what}: {} and {}", other.name, home.name);
                    return Err(Failure::usage(told).next("give each home its own"));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes(text: &str) -> Result<(), String> {
        let text = format!("[offsite]\nurl = \"mysql://root@off\"\n{text}");
        let description: Description = toml::from_str(&text).map_err(|error| error.to_string())?;
        check(&description.channel).map_err(|failure| failure.to_string())
    }

    #[test]
    fn two_homes_share_nothing() {
        let home = |name: &str, schema: &str, domain: u32| {
            format!(
                "[[channel]]\nname = \"{name}\"\nurl = \"mysql://root@{name}/picup\"\nschema = \"{schema}\"\ndomain = {domain}\n"
            )
        };
        let ada = home("ada", "home_ada", 11);
        homes(&(ada.clone() + &home("bob", "home_bob", 12))).unwrap();
        for (other, word) in
            [(home("ada", "b", 12), "name"), (home("bob", "home_ada", 12), "schema"), (home("bob", "b", 11), "domain")]
        {
            assert!(homes(&(ada.clone() + &other)).unwrap_err().contains(&format!("the same {word}")), "{word}");
        }
        assert!(homes("channel = []").unwrap_err().contains("channel"));
        assert!(homes(&home("a-b", "c", 1)).unwrap_err().contains("no good name"));
        assert!(homes(&(ada + "password = \"x\"\n")).unwrap_err().contains("unknown field"));
    }
}
