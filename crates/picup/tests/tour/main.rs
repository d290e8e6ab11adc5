//! `make tour`: every capability of `docs/coverage.md` shown on a real PicUp, one row each with its figure and its time.
//!
//! Not part of `cargo test` (the manifest says `test = false`): it is a demonstration with figures, built for release. It
//! fails when a row fails, and when its rows are not those of the coverage page.

#![forbid(unsafe_code)]

mod keeping;
mod off_site;
mod replicas;
mod several;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use steps::Stage;

/// How far a capability has come, as the coverage page says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Works,
    Begun,
    NotBuilt,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Begun => "begun",
            Self::NotBuilt => "not built",
        }
    }
}

const PHOTOS: &str = "photos and videos with albums and quota";
const DELIVERY: &str = "private CDN URLs by signature and by token";
const FRONT: &str = "front with TLS, HTTP/2, limits, allow list, static files";
const METRICS: &str = "front metrics and log exporter";
const BALANCING: &str = "balancing over several servers";
const REPLICAS: &str = "read replicas";
const OFF_SITE: &str = "multi-source off-site copy";
const BACKUP: &str = "second-provider backup";
const LIGHT: &str = "light";
const SAFE: &str = "safe";

/// The rows of the coverage page, then the two promises below its table.
const ROWS: [(&str, State); 12] = [
    (PHOTOS, State::Works),
    (DELIVERY, State::Works),
    (FRONT, State::Works),
    (METRICS, State::Works),
    ("vault identity for apps and pipelines", State::NotBuilt),
    (BACKUP, State::Works),
    (BALANCING, State::Works),
    (REPLICAS, State::Works),
    (OFF_SITE, State::Works),
    ("cluster with private or public endpoint", State::NotBuilt),
    (LIGHT, State::Works),
    (SAFE, State::Works),
];

#[tokio::main]
async fn main() -> ExitCode {
    let mut failed = compare_with_page();
    let mut stage = match Stage::set().await {
        Ok(stage) => stage,
        Err(error) => {
            eprintln!("the tour could not begin: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    println!("{:<6} {:<58} {:>6}  figure", "", "capability", "time");
    for (capability, state) in ROWS {
        let begin = Instant::now();
        let result = match capability {
            PHOTOS => stage.photos().await,
            DELIVERY => stage.delivery().await,
            FRONT => stage.front().await,
            METRICS => stage.metrics().await,
            BACKUP => keeping::second_provider().await,
            BALANCING => several::balancing().await,
            REPLICAS => replicas::read_replicas().await,
            OFF_SITE => off_site::off_site_copy().await,
            LIGHT => stage.light().await,
            SAFE => stage.safe().await,
            _ => {
                println!("{:<6} {capability:<58} {:>6}  not built yet", "-", "");
                continue;
            }
        };
        let seconds = format!("{:.1} s", begin.elapsed().as_secs_f64());
        let begun = if state == State::Begun { " (begun: see docs/coverage.md)" } else { "" };
        match result {
            Ok(figure) => println!("{:<6} {capability:<58} {seconds:>6}  {figure}{begun}", "PASS"),
            Err(error) => {
                failed = true;
                println!("{:<6} {capability:<58} {seconds:>6}  {error:#}", "FAIL");
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether the page and the rows here say different things; prints what.
fn compare_with_page() -> bool {
    let page = include_str!("../../../../docs/coverage.md");
    let mut differ = false;
    let on_page: Vec<(&str, &str)> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("**"))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            Some((*cells.first()?, cells.get(2)?.split("**").nth(1)?))
        })
        .collect();
    let here = ROWS.iter().filter(|(name, _)| ![LIGHT, SAFE].contains(name)).map(|(name, state)| (*name, state.word()));
    for row in here.clone().filter(|row| !on_page.contains(row)) {
        println!("docs/coverage.md lacks the row '{}' with state '{}'", row.0, row.1);
        differ = true;
    }
    for row in on_page.iter().filter(|row| !here.clone().any(|known| known == **row)) {
        println!("the tour lacks the row '{}' with state '{}'", row.0, row.1);
        differ = true;
    }
    differ
}
