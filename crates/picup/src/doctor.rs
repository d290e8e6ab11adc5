//! `picup doctor`: looks whether everything PicUp needs is there and well, and says what to do where it is not.
//!
//! Each room is asked through its own `check()`; here are only the questions about what lies between them: the data
//! directory, the keys, the clock and the port. Looking makes nothing that is not there. Called by [`crate::cli`].

mod backup;
mod certificate;

use std::fmt::Write;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use picup_api::wire;
use picup_database::Database;
use picup_domain::{SystemClock, Timestamp};
use picup_media::Media;
use picup_storage::{Place, Storage};
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::config::Config;
use crate::roles::cdn::Cdn;
use crate::roles::unopened;

/// 2026-01-01T00:00:00Z: a clock that shows an earlier time was never set.
const BEFORE_PICUP: i64 = 1_767_225_600;
/// How far the clock may stand behind the last write: time servers step clocks back a little.
const STEP_BACK_SECONDS: i64 = 120;
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What was looked at, in words joined by hyphens.
    name: String,
    /// Whether it is as it should be.
    ok: bool,
    /// What was found; where it is not as it should be, what to do.
    advice: String,
}

/// All answers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Diagnosis {
    /// Whether every check is well.
    pub(crate) healthy: bool,
    /// In the order they were made.
    pub(crate) checks: Vec<Check>,
}

impl Diagnosis {
    fn new(checks: Vec<Check>) -> Self {
        Self { healthy: checks.iter().all(|check| check.ok), checks }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for check in &self.checks {
            let mark = if check.ok { "ok  " } else { "FAIL" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{mark}  {:width$}  {}", check.name, check.advice);
        }
        let failed = self.checks.iter().filter(|check| !check.ok).count();
        let _ = match failed {
            0 => writeln!(text, "healthy"),
            _ => writeln!(text, "{failed} of {} checks failed", self.checks.len()),
        };
        text
    }
}

fn well(name: &str, found: impl Into<String>) -> Check {
    Check { name: name.replace(' ', "-"), ok: true, advice: found.into() }
}

fn ill(name: &str, advice: impl Into<String>) -> Check {
    Check { ok: false, ..well(name, advice) }
}

fn check(name: &str, ok: bool, advice: String) -> Check {
    Check { ok, ..well(name, advice) }
}

/// Looks at everything.
pub(crate) async fn examine(config: &Config, now: Timestamp) -> Diagnosis {
    let scheme = if config.gateway.tls.is_on() { "https" } else { "http" };
    let listener = listener(config.listen, scheme).await;
    let mut checks = vec![data_directory(config), secrets(config), clock(config, now), listener];
    checks.extend(certificate::certificate(config, now));
    checks.extend(database(config).await);
    checks.extend(storage(config).await);
    checks.extend(backup::backup(config).await);
    checks.extend(media(config).await);
    Diagnosis::new(checks)
}

fn data_directory(config: &Config) -> Check {
    let name = "data-directory";
    let shown = config.data_dir.display();
    match std::fs::metadata(&config.data_dir) {
        Ok(metadata) if !metadata.is_dir() => ill(name, format!("{shown} is not a folder; name one with --data-dir")),
        Ok(metadata) => match metadata.permissions().mode() & 0o777 {
            mode if mode & 0o022 != 0 => {
                ill(name, format!("other users may write in {shown} (mode {mode:o}); run: chmod 700 {shown}"))
            }
            mode => well(name, format!("{shown} (mode {mode:o})")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => ill(
            name,
            format!("{shown} is not there; name the right one, or make it with: picup serve --data-dir {shown}"),
        ),
        Err(error) => ill(name, format!("cannot look at {shown}: {error}; run this as the user who runs PicUp")),
    }
}

fn secrets(config: &Config) -> Check {
    let problems = crate::secrets::problems(&config.data_dir);
    if !problems.is_empty() {
        return ill("secrets", problems.join("; "));
    }
    well("secrets", "no key can be read by others")
}

fn clock(config: &Config, now: Timestamp) -> Check {
    let last_write = config
        .database_file()
        .and_then(|file| std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok())
        .and_then(|modified| modified.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    judge_clock(now.seconds(), last_write)
}

fn judge_clock(now: i64, last_write: Option<i64>) -> Check {
    let remedy =
        "sessions and signed addresses need the right time; set the clock, for example with: timedatectl set-ntp true";
    if now < BEFORE_PICUP {
        return ill("clock", format!("the clock was never set; {remedy}"));
    }
    match last_write {
        Some(last) if last > now + STEP_BACK_SECONDS => {
            ill("clock", format!("the clock stands {} s behind the last write to the database; {remedy}", last - now))
        }
        _ => well("clock", "plausible"),
    }
}

/// Whether the port is free for PicUp, or PicUp is the one that has it.
async fn listener(address: SocketAddr, scheme: &str) -> Check {
    let name = "listen-address";
    match TcpListener::bind(address) {
        Ok(_) => well(name, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if is_picup(address, scheme).await {
                well(name, format!("PicUp answers at {address}"))
            } else {
                ill(name, format!("another program has {address}; stop it, or choose another port with --listen"))
            }
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            ill(name, format!("{address} needs more rights; choose a port above 1023"))
        }
        Err(error) => ill(name, format!("cannot listen on {address}: {error}; choose an address of this machine")),
    }
}

async fn is_picup(mut address: SocketAddr, scheme: &str) -> bool {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    // It is asked by its address, for which its certificate is not made; nothing secret is said.
    let builder = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIME).tls_danger_accept_invalid_certs(true);
    let Ok(client) = builder.build() else { return false };
    match client.get(format!("{scheme}://{address}/live")).send().await {
        Ok(answer) => answer.json::<wire::Health>().await.is_ok(),
        Err(_) => false,
    }
}

async fn database(config: &Config) -> Vec<Check> {
    if let Some(path) = config.database_file().filter(|path| !path.exists()) {
        let shown = path.display();
        return vec![ill("database", format!("{shown} is not there; `picup serve` makes it, or restore a backup"))];
    }
    let settings = match config.database_settings() {
        Ok(settings) => settings,
        Err(error) => return vec![ill("database", format!("{error:#}"))],
    };
    match Database::open_to_look(&settings).await {
        Ok(database) => {
            let mut checks = database.check().await;
            if let Some(replication) = &settings.replication {
                checks.extend(database.check_replication(replication).await);
            }
            database.close().await;
            checks.into_iter().map(|it| check(it.name, it.ok, it.advice)).collect()
        }
        Err(error) => vec![ill("database", format!("{:#}", unopened(config, error)))],
    }
}

async fn storage(config: &Config) -> Vec<Check> {
    if let Some(path) = config.store_folder().filter(|path| !path.exists()) {
        let shown = path.display();
        return vec![ill("storage", format!("{shown} is not there; `picup serve` makes it, or restore a backup"))];
    }
    let mut settings = match config.storage_settings() {
        Ok(settings) => settings,
        Err(error) => return vec![ill("storage", format!("{error:#}"))],
    };
    // Nothing goes through it here, and the one of the data folder is not to be made by looking.
    let spool = tempfile::tempdir();
    if let (Place::S3(bucket), Ok(spool)) = (&mut settings.place, &spool) {
        bucket.spool = spool.path().to_owned();
    }
    match Storage::open(settings, picup_storage::Metrics::default()).await {
        Ok(storage) => {
            let mut checks = storage.check().await;
            // Of a bucket that cannot be written there is no more to say.
            if checks.iter().all(|check| check.ok) {
                checks.extend(storage.check_parts(config.public_base()).await);
                match Cdn::of(config, Arc::new(SystemClock)) {
                    Ok(Some(cdn)) => checks.push(storage.check_cdn(&cdn.signs()).await),
                    Ok(None) if config.reads_elsewhere() => checks.push(storage.check_reads().await),
                    Ok(None) => {}
                    Err(error) => return vec![ill("storage-reads", format!("{error:#}"))],
                }
            }
            checks.into_iter().map(|it| check(it.name, it.ok, it.advice)).collect()
        }
        Err(error) => vec![ill("storage", error.to_string())],
    }
}

async fn media(config: &Config) -> Vec<Check> {
    match config.media_settings() {
        Ok(settings) => {
            let media = Media::new(settings, picup_media::Metrics::register(&mut Registry::default()));
            media.check().await.into_iter().map(|it| check(it.name, it.ok, it.advice)).collect()
        }
        Err(error) => vec![ill("media", format!("cannot find PicUp's own program file: {error}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};

    fn config(data_dir: &std::path::Path) -> Config {
        load(None, Flags { data_dir: Some(data_dir.to_owned()), ..Flags::default() }).unwrap()
    }

    #[test]
    fn the_line_for_programs_is_the_contract() {
        let diagnosis = Diagnosis::new(vec![well("media child", "fine"), ill("clock", "set it")]);
        assert_eq!(
            serde_json::to_string(&diagnosis).unwrap(),
            r#"{"healthy":false,"checks":[{"name":"media-child","ok":true,"advice":"fine"},{"name":"clock","ok":false,"advice":"set it"}]}"#
        );
        assert_eq!(diagnosis.table(), "ok    media-child  fine\nFAIL  clock        set it\n1 of 2 checks failed\n");
        assert!(Diagnosis::new(vec![well("a", "b")]).healthy);
    }

    #[test]
    fn the_data_directory_must_be_there_and_closed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |mode| {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            data_directory(&config(dir.path()))
        };
        assert!(at(0o700).ok && at(0o750).ok);
        assert!(at(0o777).advice.contains("chmod 700"));
        let missing = dir.path().join("missing");
        assert!(data_directory(&config(&missing)).advice.contains("picup serve --data-dir"));
        assert!(!missing.exists(), "looking made the folder");
    }

    #[test]
    fn a_clock_before_its_time_or_behind_the_last_write_is_wrong() {
        assert!(!judge_clock(0, None).ok);
        assert!(judge_clock(BEFORE_PICUP + 1000, Some(BEFORE_PICUP + 1060)).ok);
        assert!(judge_clock(BEFORE_PICUP + 1000, Some(BEFORE_PICUP + 4600)).advice.contains("3600 s behind"));
    }

    async fn served(answer: &'static str) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = axum::Router::new().route("/live", axum::routing::get(move || async move { answer }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    #[tokio::test]
    async fn a_port_is_free_ours_or_taken_by_another() {
        assert!(listener("127.0.0.1:0".parse().unwrap(), "http").await.ok);
        let ours = listener(served(r#"{"ok":true}"#).await, "http").await;
        assert!(ours.ok && ours.advice.starts_with("PicUp answers"), "{ours:?}");
        let taken = listener(served("hello").await, "http").await;
        assert!(!taken.ok && taken.advice.contains("another program"), "{taken:?}");
        let elsewhere = listener("192.0.2.1:8080".parse().unwrap(), "http").await;
        assert!(!elsewhere.ok && elsewhere.advice.contains("an address of this machine"), "{elsewhere:?}");
    }
}
