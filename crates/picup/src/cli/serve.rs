//! `picup serve`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use picup_delivery::Audience;
use picup_domain::ByteSize;
use picup_gateway::CacheSettings;

use super::{Failure, Place, block_on};
use crate::config::{self, BaseAddress, Config, Flags, ListenAddress, NamedFile};
use crate::roles::edge::{Edge, From};
use crate::roles::edge_keys::EdgeKeys;
use crate::roles::{NO_PUBLIC_BASE, Plays, Reload, Sockets};

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
    /// The roles this process plays: all of them; or gateway, edge, api, worker, or api,worker, with other processes for the rest
    #[arg(long, value_name = "LIST", default_value = "all", value_delimiter = ',')]
    roles: Vec<String>,
    #[command(flatten)]
    edge: EdgeArgs,
}

/// What an edge that stands alone is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of an edge alone (--roles edge)")]
struct EdgeArgs {
    /// Where photos and videos come from: file:DIR, s3://BUCKET (reached as [store] of the configuration says), or http(s)://HOST
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// A public key that signatures are accepted from; may be said several times, and the files are followed
    #[arg(long = "public-key", value_name = "ID=FILE")]
    public_keys: Vec<NamedFile>,
    /// A P-256 public key that tokens are accepted from; may be said several times, and the files are followed
    #[arg(long = "token-key", value_name = "ID=FILE")]
    token_keys: Vec<NamedFile>,
    /// A secret that tokens are accepted from, and could be made with here; a public key is safer. As --token-key
    #[arg(long = "token-secret", value_name = "ID=FILE")]
    token_secrets: Vec<NamedFile>,
    /// Whom tokens are for [default: delivery.token_audience of the configuration]
    #[arg(long, value_name = "NAME")]
    token_audience: Option<Audience>,
    /// The address that signed policies name, which tokens do not [default: public_base of the configuration]
    #[arg(long, value_name = "URL")]
    public_base: Option<String>,
    /// The folder of the cache, which is its alone
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// How much of the disk the cache may take
    #[arg(long, value_name = "SIZE", default_value = "10GB", value_parser = size)]
    cache_size: ByteSize,
    /// How much of it is in memory too
    #[arg(long, value_name = "SIZE", default_value = "64MB", value_parser = size)]
    cache_memory: ByteSize,
    /// The address of pages that show what is here, when it is another than this edge's, such as https://photos.example.org
    #[arg(long, value_name = "URL")]
    app_origin: Option<BaseAddress>,
    /// A file with the secret that an edge at --origin is shown: then it gives everything
    #[arg(long, value_name = "FILE")]
    origin_secret: Option<PathBuf>,
    /// A file with the secrets, one a line, of edges before this one, which then get everything here
    #[arg(long, value_name = "FILE")]
    edges_secret: Option<PathBuf>,
    /// Accept signatures over SHA-1 too, as signers make them that are not told otherwise
    #[arg(long)]
    sha1: bool,
}

fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|invalid: picup_domain::Invalid| invalid.advice)
}

pub(super) fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let roles = check_roles(&args.roles)?;
    let sockets = Sockets::take()?;
    let flags = Flags { listen: args.listen, admin_listen: args.admin_listen, ..Flags::default() };
    let mut config = args.place.load_with(flags.clone())?;
    // The file that was read, and no other: one that is away for a moment is no file without rules.
    let file = args.place.file(&config)?;
    let place = Place { config: file.exists().then(|| file.clone()), ..args.place.clone() };
    let reload: Reload = Box::new(move || Ok(place.read_with(flags.clone())?));
    if roles == Roles::Edge {
        let edge = edge(args.edge, &mut config)?;
        block_on(
            async move { crate::roles::edge::serve(&config, edge, reload, sockets).await.map_err(Failure::from) },
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.edge.is_said() {
        return Err(Failure::usage(
            "an edge's options (--origin, its keys and secrets, --public-base, --app-origin, --cache-dir, --sha1) are of an edge alone",
        )
        .next("leave them out, or say --roles edge"));
    }
    let plays = match roles {
        Roles::Gateway => {
            if config.gateway.balance.upstreams.is_empty() {
                return Err(Failure::usage(
                    "a gateway that stands alone needs gateway.balance.upstreams in the configuration",
                )
                .next("name the processes that answer: upstreams = [\"http://10.0.0.5:8080\"]"));
            }
            block_on(
                async move { crate::roles::balance::serve(&config, reload, sockets).await.map_err(Failure::from) },
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        Roles::Some(plays) => plays,
        Roles::Edge | Roles::All => Plays::ALL,
    };
    block_on(async move { crate::roles::serve(config, file, reload, plays, sockets).await.map_err(Failure::from) })?;
    Ok(ExitCode::SUCCESS)
}

impl EdgeArgs {
    fn is_said(&self) -> bool {
        let said = [self.origin.is_some(), self.public_base.is_some(), self.cache_dir.is_some(), self.sha1];
        let chained = self.app_origin.is_some() || self.origin_secret.is_some() || self.edges_secret.is_some();
        said.contains(&true) || chained || self.token_audience.is_some() || self.has_keys()
    }

    fn has_keys(&self) -> bool {
        [&self.public_keys, &self.token_keys, &self.token_secrets].iter().any(|keys| !keys.is_empty())
    }
}

fn edge(args: EdgeArgs, config: &mut Config) -> Result<Edge, Failure> {
    let missing =
        |what: &str| Failure::usage(format!("an edge needs {what}")).next("picup serve --help tells what it means");
    let has_keys = args.has_keys();
    let origin = args.origin.ok_or_else(|| missing("--origin"))?;
    let folder = args.cache_dir.ok_or_else(|| missing("--cache-dir"))?;
    if !has_keys && args.edges_secret.is_none() {
        return Err(missing("--public-key, --token-key, --token-secret or --edges-secret"));
    }
    let base = match &args.public_base {
        Some(base) => base.parse::<BaseAddress>().map_err(Failure::usage)?.as_str().to_owned(),
        // A token names no address.
        None if args.public_keys.is_empty() => NO_PUBLIC_BASE.to_owned(),
        None => config.public_base().ok_or_else(|| missing("--public-base"))?.to_owned(),
    };
    let cache = CacheSettings {
        folder,
        disk_bytes: args.cache_size.get(),
        memory_bytes: args.cache_memory.get(),
        process: rand::random(),
    };
    let keys = EdgeKeys {
        public_keys: args.public_keys,
        sha1: args.sha1,
        token_keys: args.token_keys,
        token_secrets: args.token_secrets,
        token_audience: args.token_audience.unwrap_or_else(|| config.delivery.token_audience.clone()),
    };
    Ok(Edge {
        origin: origin_of(&origin, config)?,
        keys,
        public_base: base,
        cache,
        app_origin: args.app_origin.map(|origin| origin.as_str().to_owned()),
        origin_secret: args.origin_secret,
        edges_secret: args.edges_secret,
    })
}

fn origin_of(text: &str, config: &mut Config) -> Result<From, Failure> {
    if let Some(folder) = text.strip_prefix("file:") {
        return Ok(From::Folder(folder.into()));
    }
    if text.starts_with("s3://") {
        config.store.url = Some(text.parse().map(config::Place::Bucket).map_err(Failure::usage)?);
        return Ok(From::Store);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(From::Http(text.to_owned()));
    }
    Err(Failure::usage(format!("'{text}' is no origin; write file:DIR, s3://BUCKET or http(s)://HOST")))
}

/// What this process is.
#[derive(Debug, PartialEq, Eq)]
enum Roles {
    All,
    Edge,
    Gateway,
    Some(Plays),
}

/// One process plays all roles; or several do, each its own.
fn check_roles(roles: &[String]) -> Result<Roles, Failure> {
    const KNOWN: [&str; 5] = ["all", "api", "worker", "edge", "gateway"];
    let roles: BTreeSet<&str> = roles.iter().map(|role| role.trim()).collect();
    if let Some(unknown) = roles.iter().find(|role| !KNOWN.contains(role)) {
        return Err(Failure::usage(format!("'{unknown}' is not a role"))
            .next("leave --roles out, or name roles from api, worker, edge and gateway"));
    }
    if roles.iter().eq(&["edge"]) {
        return Ok(Roles::Edge);
    }
    let whole = roles.contains("all") || ["api", "worker", "gateway"].iter().all(|role| roles.contains(role));
    if whole {
        return Ok(Roles::All);
    }
    if roles.iter().eq(&["gateway"]) {
        return Ok(Roles::Gateway);
    }
    if !roles.is_empty() && roles.iter().all(|role| matches!(*role, "api" | "worker")) {
        return Ok(Roles::Some(Plays {
            requests: roles.contains("api"),
            work: roles.contains("worker"),
            alone: false,
        }));
    }
    let asked: Vec<&str> = roles.into_iter().collect();
    Err(Failure::usage(format!("one process does not play {}", asked.join(","))).next(
        "leave --roles out for all of them in one process, or give each process its own: gateway; edge; api; worker; or api,worker",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_roles_are_played_together_or_each_by_a_process_of_its_own() {
        let check = |list: &str| check_roles(&list.split(',').map(str::to_owned).collect::<Vec<_>>());
        for fine in ["all", "api,worker,gateway", "gateway, api,worker", "api,worker,edge,gateway"] {
            assert_eq!(check(fine).unwrap(), Roles::All, "{fine}");
        }
        assert_eq!(check("edge").unwrap(), Roles::Edge);
        assert_eq!(check("gateway").unwrap(), Roles::Gateway);
        for (list, requests, work) in [("api", true, false), ("worker", false, true), ("worker,api", true, true)] {
            assert_eq!(check(list).unwrap(), Roles::Some(Plays { requests, work, alone: false }), "{list}");
        }
        for refused in ["api,gateway", "edge,gateway", "edge,worker", ""] {
            assert!(check(refused).unwrap_err().to_string().contains("next: leave --roles out"), "{refused}");
        }
        assert!(check("all,chef").unwrap_err().to_string().contains("'chef' is not a role"));
    }
}
