//! A load for a running PicUp, and what it cost: made for `bench/load` and `bench/pages`, which start everything it needs.
//!
//! ```sh
//! load scenarios --server http://127.0.0.1:8080 --metrics http://127.0.0.1:9090 --pid PID --users 300 --rounds 10 \
//!   --at-once 30 --password-file FILE
//! load pages --servers 10k=http://127.0.0.1:8081,30m=http://127.0.0.1:8082 --database mysql://root@127.0.0.1/ \
//!   --rounds 200 --password-file FILE
//! ```
//!
//! Users are `person001@example.org` and so on, as the seeding tool makes them. Tables are Markdown; times are those of the
//! client from before it sends until it has read the answer, its own share of the same processors included. With `--expose` a
//! Prometheus may ask for them meanwhile, as `client_request_duration_seconds`.

#![forbid(unsafe_code)]
#![allow(clippy::cast_precision_loss, reason = "figures to look at")]

mod exposed;
mod figures;
mod pages;
mod photo;
mod scenarios;
mod server;
mod user;

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};

const USAGE: &str = "say scenarios --server URL --metrics URL --pid PID --users N --rounds N --at-once N --password-file FILE \
     [--expose ADDR:PORT], or pages --servers NAME=URL,NAME=URL --database mysql://… --rounds N --password-file FILE";

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let what = words.next().context(USAGE)?;
    let mut said = Said(HashMap::new());
    while let Some(name) = words.next() {
        said.0.insert(name, words.next().context(USAGE)?);
    }
    let password: String = said.take("--password-file")?;
    let password = std::fs::read_to_string(Path::new(&password)).context("reading the password")?;
    let password = password.trim_end().to_owned();
    // One thread: what the client takes of the processors, it takes from the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match what.as_str() {
        "scenarios" => runtime.block_on(scenarios::run(scenarios::Plan {
            server: said.take("--server")?,
            metrics: said.take("--metrics")?,
            pid: said.take("--pid")?,
            users: said.take("--users")?,
            rounds: said.take("--rounds")?,
            at_once: said.take("--at-once")?,
            password,
            expose: if said.0.contains_key("--expose") { Some(said.take("--expose")?) } else { None },
        })),
        "pages" => {
            let (servers, database): (String, String) = (said.take("--servers")?, said.take("--database")?);
            runtime.block_on(pages::run(&servers, &database, said.take("--rounds")?, &password))
        }
        _ => bail!(USAGE),
    }
}

struct Said(HashMap<String, String>);

impl Said {
    fn take<T: FromStr>(&mut self, name: &str) -> anyhow::Result<T> {
        let value = self.0.remove(name).context(USAGE)?;
        value.parse().ok().with_context(|| format!("{name} cannot be {value}; {USAGE}"))
    }
}
