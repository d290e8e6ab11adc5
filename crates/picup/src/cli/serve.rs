//! `picup serve`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, block_on};
use crate::config::{Flags, ListenAddress};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    place: Place,
    /// The address and port for browsers [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The address and port for metrics and health; empty for none [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR:PORT")]
    admin_listen: Option<ListenAddress>,
    /// The roles this process plays, from api, worker, edge and gateway
    #[arg(long, value_name = "LIST", default_value = "all", value_delimiter = ',')]
    roles: Vec<String>,
}

pub(super) fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    check_roles(&args.roles)?;
    let flags = Flags { listen: args.listen, admin_listen: args.admin_listen, ..Flags::default() };
    let config = args.place.load_with(flags)?;
    let file = args.place.file(&config)?;
    block_on(async move { crate::roles::serve(config, file).await.map_err(Failure::from) })?;
    Ok(ExitCode::SUCCESS)
}

/// One process plays all roles for now; a list that asks for less would silently leave something undone.
fn check_roles(roles: &[String]) -> Result<(), Failure> {
    const KNOWN: [&str; 5] = ["all", "api", "worker", "edge", "gateway"];
    let roles: BTreeSet<&str> = roles.iter().map(|role| role.trim()).collect();
    if let Some(unknown) = roles.iter().find(|role| !KNOWN.contains(role)) {
        return Err(Failure::usage(format!("'{unknown}' is not a role"))
            .next("leave --roles out, or name roles from api, worker, edge and gateway"));
    }
    let whole = roles.contains("all") || ["api", "worker", "gateway"].iter().all(|role| roles.contains(role));
    if whole {
        return Ok(());
    }
    let asked: Vec<&str> = roles.into_iter().collect();
    Err(Failure::usage(format!(
        "this version plays all roles in one process, and cannot play {} alone",
        asked.join(",")
    ))
    .next("leave --roles out, or name all of them: --roles api,worker,gateway"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_roles_together_are_played() {
        let check = |list: &str| check_roles(&list.split(',').map(str::to_owned).collect::<Vec<_>>());
        for fine in ["all", "api,worker,gateway", "gateway, api,worker", "api,worker,edge,gateway"] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for refused in ["api", "edge", "api,worker", ""] {
            assert!(check(refused).unwrap_err().to_string().contains("next: leave --roles out"), "{refused}");
        }
        assert!(check("all,chef").unwrap_err().to_string().contains("'chef' is not a role"));
    }
}
