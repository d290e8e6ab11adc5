//! Replicas and off-site copies on real servers: set up from nothing while writes come in, broken in every way that is known, named
//! and mended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod engine;
mod homes;
mod offsite;
mod replica;
mod tls;
mod trouble;
mod writes;

use std::time::{Duration, Instant};

use picup_database::servers::{Channel, Error, Kind, Plan, Status, Topology};
use picup_database::{Database, Metrics, Server, Settings};
use picup_domain::Timestamp;
use picup_testkit::DatabaseServer;

/// How long something may take to come about.
const PATIENCE: Duration = Duration::from_secs(60);
/// "Now", where a test does not look at time: long after any heartbeat.
const NOW: Timestamp = Timestamp::from_micros(1_900_000_000_000_000);

fn at(url: &str) -> Server {
    Server { url: url.to_owned(), password: None }
}

/// A server of a home, with PicUp's tables.
async fn home(number: u32, options: &[String]) -> (DatabaseServer, Database) {
    let server = engine::start(number, 0, options);
    server.say("CREATE DATABASE picup").unwrap();
    let database = Database::open(&Settings::mysql(server.url("picup")), Metrics::default()).await.unwrap();
    (server, database)
}

fn channel(name: &str, source: &DatabaseServer, schema: &str) -> Channel {
    Channel {
        name: name.to_owned(),
        source: at(&source.url("picup")),
        address: None,
        schema: schema.to_owned(),
        domain: None,
        delay: 0,
        tls_ca: None,
        from: "%".to_owned(),
        semi_sync: false,
    }
}

fn replica_of(primary: &DatabaseServer, replica: &DatabaseServer) -> Topology {
    Topology {
        kind: Kind::Replica,
        target: at(&replica.url("")),
        channels: vec![channel("", primary, "picup")],
        reader: None,
        max_lag: Duration::from_secs(30),
        arguments: "--config replica.toml".to_owned(),
    }
}

/// Applies it with passwords of its own.
async fn apply(topology: &Topology) -> Result<Plan, Error> {
    topology.apply(None, &mut new_password(), &mut |done| println!("{done}")).await
}

fn new_password() -> impl FnMut() -> String + Send {
    let mut number = 0;
    move || {
        number += 1;
        format!("a 'new\\ password {number}")
    }
}

/// Waits until the status is as wanted, and gives it.
async fn until(topology: &Topology, wanted: impl Fn(&Status) -> bool) -> Status {
    let begun = Instant::now();
    loop {
        let status = topology.status(NOW).await.unwrap();
        if wanted(&status) {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the server's finding with that number, or those words, is there, and gives its remedy.
async fn named(topology: &Topology, code: Option<u64>, words: &str) -> String {
    let is_it = |finding: &picup_database::servers::Finding| {
        finding.ill && finding.code == code && finding.what.contains(words)
    };
    let all = |status: &Status| {
        let of_channels = status.channels.iter().flat_map(|channel| channel.findings.clone());
        status.findings.iter().cloned().chain(of_channels).collect::<Vec<_>>()
    };
    let status = until(topology, |status| !status.healthy && all(status).iter().any(is_it)).await;
    all(&status).into_iter().find(is_it).unwrap().remedy
}

/// What an [`Error::Unsafe`] objects to.
fn objections<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Unsafe(all)) => all.iter().map(|objection| format!("{objection}\n")).collect(),
        other => panic!("nothing was objected to: {other:?}"),
    }
}
