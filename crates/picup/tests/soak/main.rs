//! Use and abuse at once: pages, the API, photos, uploads and events from clients that behave, while others drip, flood, reset and hang,
//! each from an address of its own. What the process takes must stay flat, and who behaves is always answered.
//!
//! Ten seconds of it are one of the tests. `make soak` runs it for as long as it is told, on the release, and holds the lines of memory and
//! latency against bounds as well:
//! `cargo test --workspace --locked --test soak -- --minutes 60 --binary target/release/picup`

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]
#![allow(dead_code, reason = "modules of the whole-PicUp tests are used here in part")]

#[path = "../whole/app.rs"]
mod app;
#[path = "../whole/books.rs"]
mod books;
#[path = "../whole/client.rs"]
mod client;
mod hostile;
mod polite;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use picup_testkit::{PicupProcess, ProcessBuilder, free_address, fresh_folder, run};
use tokio::task::JoinSet;
use tokio::time::Instant;

use app::{BINARY, PASSWORD, email, eventually, prepare, write_private};
use polite::Polite;
use watch::{Seen, Window, Windows};

/// What it is to be like.
struct Wish {
    length: Duration,
    binary: PathBuf,
    /// A window of the measurement.
    window: Duration,
}

impl Wish {
    /// As the arguments say; others are those of tests.
    fn of(arguments: &[String]) -> Self {
        let after = |name: &str| arguments.iter().position(|given| given == name).and_then(|at| arguments.get(at + 1));
        let minutes = after("--minutes").map(|minutes| minutes.parse::<u64>().expect("--minutes takes a number"));
        let binary =
            after("--binary").map_or(BINARY.into(), |path| std::fs::canonicalize(path).expect("--binary is there"));
        match minutes {
            Some(minutes) => {
                Self { length: Duration::from_secs(60 * minutes), binary, window: Duration::from_secs(10) }
            }
            None => Self { length: Duration::from_secs(10), binary, window: Duration::from_millis(500) },
        }
    }

    fn is_long(&self) -> bool {
        self.length > Duration::from_secs(60)
    }
}

fn main() -> ExitCode {
    let wish = Wish::of(&std::env::args().collect::<Vec<_>>());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let problems = runtime.block_on(soak(&wish));
    for problem in &problems {
        println!("soak: {problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A PicUp with an account, and where its figures are.
async fn start(wish: &Wish, data: PathBuf) -> (PicupProcess, SocketAddr) {
    let admin = free_address();
    let password = data.with_file_name("password");
    write_private(&password, PASSWORD);
    prepare(&data, "log.level = \"warn\"\n");
    let process = ProcessBuilder::new(&wish.binary, &data).arg("--admin-listen").arg(admin.to_string());
    let server = process.start().await.unwrap();
    let mail = email("ada");
    let arguments = ["user", "create", &mail, "--password-file", password.to_str().unwrap(), "--data-dir"];
    let made = run(&wish.binary, arguments.into_iter().chain([data.to_str().unwrap()])).await.unwrap();
    assert!(made.status.success(), "{}", made.stderr);
    (server, admin)
}

/// Everything at once for a while. Gives what was wrong.
async fn soak(wish: &Wish) -> Vec<String> {
    let folder = fresh_folder();
    let data = folder.path().join("data");
    let (mut server, admin) = start(wish, data.clone()).await;
    let (polite, pid) = (Polite::sign_in(server.address()).await, server.id().as_raw_nonzero().get());
    let before = Seen::of(pid);

    let (mut load, began) = (JoinSet::new(), Instant::now());
    polite.begin(&mut load).await;
    hostile::begin(&mut load, server.address());
    let mut windows = Windows::default();
    println!("{}", Window::HEAD);
    while began.elapsed() < wish.length {
        tokio::time::sleep(wish.window).await;
        let window = Window { at: began.elapsed(), seen: Seen::of(pid), times: polite.times() };
        if wish.is_long() {
            println!("{window}");
        }
        windows.0.push(window);
    }
    load.shutdown().await;

    let mut problems = polite.problems();
    // Whoever hung on is gone, and what they had with them.
    let quiet = eventually("the end of what clients had", async || {
        let text = reqwest::get(format!("http://{admin}/metrics")).await.ok()?.text().await.ok()?;
        let none = |name: &str| text.lines().any(|line| line == format!("{name} 0"));
        (none("http_server_active_requests") && Seen::of(pid).files <= before.files + watch::FILES).then_some(())
    });
    problems.extend(quiet.await.err());
    problems.extend(windows.problems(&before, wish.is_long()));
    println!("{}", windows.summary(&before, &Seen::of(pid), polite.answered()));
    let done = eventually("the end of all work", async || books::at_rest(&data).await.then_some(()));
    problems.extend(done.await.err());
    if !server.terminate().await.unwrap().success() || server.output().text().contains("panicked") {
        problems.push(format!("it ended badly:\n{}", server.output().text()));
    }
    books::audit(&data).await;
    problems
}
