//! Every setting of PicUp, defined once: its name, type, default and what it means.
//!
//! The doc comments below are what `picup config template` prints, the types are what `picup config check` holds a file
//! against, and the fields are what [`crate::roles`] takes its plain values from. Settings come from one TOML file (of
//! `--config`, or `picup.toml` in the data folder) and from command-line flags, which win; never from environment variables, which leak into child
//! processes and logs. Only which role a pod has is told there by Kubernetes, and is no secret (`pod.rs`).

mod acme;
mod backup;
mod balance;
mod check;
mod delivery;
mod gateway;
mod pod;
mod reads;
mod rooms;
mod store;
mod units;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use confique::Layer as _;
use picup_domain::ByteSize;
use picup_gateway::AccessFormat;
use serde::Deserialize;

use backup::BackupConfig;
use delivery::DeliveryConfig;
use store::StoreConfig;

pub(crate) use acme::AcmeChallenge;
pub(crate) use backup::{DestinationConfig, Place};
pub(crate) use check::{Mistakes, load, read};
pub(crate) use delivery::{NamedFile, Right};
pub(crate) use gateway::{GatewayConfig, TlsConfig};
pub(crate) use units::{BaseAddress, DatabaseUrl, ListenAddress, parse_duration};

/// Settings of PicUp. Every line that begins with `#` shows a default: remove the `#` to change it.
/// Check the file with `picup config check --config FILE`. Flags on the command line win over this file.
#[derive(Debug, Clone, confique::Config)]
#[config(validate = Self::validate)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct Config {
    /// The folder where PicUp keeps its database, its keys and, on a file store, the photos and videos.
    /// A relative path starts where `picup` was started.
    #[config(default = "data")]
    pub(crate) data_dir: PathBuf,

    /// The address and port that people's browsers reach. `0.0.0.0:8080` lets the home network in.
    #[config(default = "127.0.0.1:8080", deserialize_with = units::address)]
    pub(crate) listen: SocketAddr,

    /// The address and port for `/metrics`, `/live` and `/ready`; keep it on loopback or a private network.
    /// Port 0 takes a free one and prints it; an empty text turns it off.
    #[config(default = "127.0.0.1:9090")]
    pub(crate) admin_listen: ListenAddress,

    /// The address under which people reach PicUp, such as `https://photos.example.org`: what signed cookies are made
    /// for and the printed link begins with. Without it, PicUp works at whatever address it is reached.
    pub(crate) public_base: Option<BaseAddress>,

    /// How long people stay signed in.
    #[config(nested)]
    pub(crate) session: SessionConfig,

    /// How photos and videos come to those who may see them.
    #[config(nested)]
    pub(crate) delivery: DeliveryConfig,

    /// People's accounts.
    #[config(nested)]
    pub(crate) accounts: AccountsConfig,

    /// The trash.
    #[config(nested)]
    pub(crate) trash: TrashConfig,

    /// Work in the background: making thumbnails and the like.
    #[config(nested)]
    pub(crate) worker: WorkerConfig,

    /// Thumbnails, previews and the programs that help to make them.
    #[config(nested)]
    pub(crate) media: MediaConfig,

    /// The most that one request may ask for.
    #[config(nested)]
    pub(crate) limits: LimitsConfig,

    /// The log, on standard error.
    #[config(nested)]
    pub(crate) log: LogConfig,

    /// The database.
    #[config(nested)]
    pub(crate) database: DatabaseConfig,

    /// The photos and videos themselves.
    #[config(nested)]
    pub(crate) store: StoreConfig,

    /// Photos and videos on their way out.
    #[config(nested)]
    pub(crate) edge: EdgeConfig,

    /// What stands before all else: who may ask, how often, and over what.
    #[config(nested)]
    pub(crate) gateway: GatewayConfig,

    /// Copies of the photos and videos, and of the database, at other places.
    #[config(nested)]
    pub(crate) backup: BackupConfig,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct EdgeConfig {
    /// A folder on this machine's disk, and nothing else's, in which what is often looked at is kept so that it need not come from the
    /// bucket each time. Without it, nothing is kept.
    pub(crate) cache_dir: Option<PathBuf>,

    /// How much of the disk that may take.
    #[config(default = "10GB", deserialize_with = units::size)]
    pub(crate) cache_size: ByteSize,

    /// How much of it is in memory, too.
    #[config(default = "64MB", deserialize_with = units::size)]
    pub(crate) cache_memory: ByteSize,

    /// The admin addresses of edges that stand alone, such as `http://10.0.0.5:9090`: they are told what was deleted for ever, so that
    /// they do not keep it.
    #[config(default = [])]
    pub(crate) told: Vec<BaseAddress>,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct SessionConfig {
    /// How long a signed-in browser that is not used stays signed in; each use starts it anew. At least 10 minutes.
    #[config(default = "30d", deserialize_with = units::duration)]
    #[config(validate(*refresh_life >= Duration::from_secs(600), "must be at least 10m"))]
    pub(crate) refresh_life: Duration,

    /// How long people go on looking at their photos, though their session cannot be renewed, while the primary of
    /// `database.replicas` is away. At most 24 hours.
    #[config(default = "1h", deserialize_with = units::duration)]
    #[config(validate(*read_grace <= Duration::from_secs(86_400), "must be at most 24h"))]
    pub(crate) read_grace: Duration,

    /// How long the signed cookies, or the token, that open photos hold before the page renews them; also how long a signed-out
    /// browser could still open them. From 10 minutes to 24 hours.
    #[config(default = "1h", deserialize_with = units::duration)]
    #[config(validate(
        (Duration::from_secs(600)..=Duration::from_secs(86_400)).contains(media_life), "must be from 10m to 24h"
    ))]
    pub(crate) media_life: Duration,

    /// Whether what opens photos and videos, cookies and shared addresses, is good only for the address (IPv4) or network (IPv6, /64)
    /// that it was given to, so that a copy opens nothing elsewhere. Off, because phones change their address on the way between
    /// networks, and photos fail then until the page has renewed what opens them; and CloudFront knows IPv4 alone.
    #[config(default = false)]
    pub(crate) media_bind_address: bool,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct AccountsConfig {
    /// How long the end of an account can be taken back before it is erased with all its photos. At most 90 days.
    #[config(default = "7d", deserialize_with = units::duration)]
    #[config(validate(*deletion_grace <= Duration::from_secs(90 * 86_400), "must be at most 90d"))]
    pub(crate) deletion_grace: Duration,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct TrashConfig {
    /// How many days photos stay in the trash, where they can be taken back, before they are deleted for ever. From 1 to 3650.
    #[config(default = 30, validate((1..=3650).contains(days), "must be from 1 to 3650"))]
    pub(crate) days: u32,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct WorkerConfig {
    /// How many photos or videos are worked on at once; 0 means one for each processor.
    #[config(default = 0, validate(*concurrency <= 256, "must be at most 256"))]
    pub(crate) concurrency: usize,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct MediaConfig {
    /// The short side of a thumbnail in the timeline, in pixels; smaller originals keep their size.
    #[config(default = 250, validate((64..=1024).contains(thumbnail_px), "must be from 64 to 1024"))]
    pub(crate) thumbnail_px: u32,

    /// The long side of a preview in the viewer, in pixels; smaller originals keep their size.
    #[config(default = 2048, validate((512..=8192).contains(preview_px), "must be from 512 to 8192"))]
    pub(crate) preview_px: u32,

    /// Pictures with more million pixels are kept and can be downloaded, but not shown.
    #[config(default = 256, validate((1..=2000).contains(max_megapixels), "must be from 1 to 2000"))]
    pub(crate) max_megapixels: u32,

    /// How long the work on one photo or video may take, in seconds.
    #[config(default = 60, validate((1..=3600).contains(deadline_seconds), "must be from 1 to 3600"))]
    pub(crate) deadline_seconds: u64,

    /// The program that takes stills from videos: an absolute path, or a name that is found in /usr/local/bin, /usr/bin or /bin.
    #[config(default = "ffmpeg")]
    pub(crate) ffmpeg: PathBuf,

    /// The program that tells a video's length and date; as `ffmpeg`.
    #[config(default = "ffprobe")]
    pub(crate) ffprobe: PathBuf,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct LimitsConfig {
    /// The largest file that may be uploaded.
    #[config(default = "100GB", deserialize_with = units::size)]
    pub(crate) upload: ByteSize,

    /// The largest body of a request that is not a part of a file.
    #[config(default = "1MiB", deserialize_with = units::size)]
    #[config(validate(request_body.get() >= 65_536, "must be at least 64KiB"))]
    pub(crate) request_body: ByteSize,

    /// How many wrong passwords one address may try at one account at once; as many come back in a quarter of an hour.
    /// Right ones are not counted, here and below.
    #[config(default = 10, validate((1..=100_000).contains(sign_in_tries), "must be from 1 to 100000"))]
    pub(crate) sign_in_tries: u32,

    /// The same for one address (IPv4) or network (IPv6, /64) and all accounts together. More for many people behind one
    /// address.
    #[config(default = 50, validate((1..=100_000).contains(sign_in_tries_address), "must be from 1 to 100000"))]
    pub(crate) sign_in_tries_address: u32,

    /// The same for one account from all addresses together, but for those it was signed in to from before.
    #[config(default = 100, validate((1..=100_000).contains(sign_in_tries_account), "must be from 1 to 100000"))]
    pub(crate) sign_in_tries_account: u32,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct LogConfig {
    /// `text` for people, `json` for programs that collect logs.
    #[config(default = "text")]
    pub(crate) format: LogFormat,

    /// `error`, `warn`, `info`, `debug` or `trace`; also for parts alone: `info,picup_database=debug`.
    #[config(default = "info", validate = units::log_level)]
    pub(crate) level: String,

    /// How the line of each request looks: `text`, `json`, or `combined`, which is nginx's with the time that it took behind it.
    /// Without this, as `format` has it. `level = "info,access=off"` writes none.
    #[config(deserialize_with = units::access_format)]
    pub(crate) access_format: Option<AccessFormat>,

    /// The file that these lines go to, in the place of standard error. It is opened anew after a SIGUSR1 or SIGHUP, for programs that
    /// move full logs away.
    pub(crate) access_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct DatabaseConfig {
    /// The database of a MariaDB (from 10.11) or MySQL (from 8.4) server, instead of a SQLite file in the data folder, such as
    /// `mysql://picup@db.example.org:3306/picup?ssl-mode=VERIFY_IDENTITY`. It must exist, and be PicUp's alone.
    pub(crate) url: Option<DatabaseUrl>,

    /// The file with the password of the user in `url`, on its first line; only the user who runs PicUp may read it. A new
    /// password in it is taken within seconds, without a restart.
    pub(crate) password_file: Option<PathBuf>,

    /// Servers that replicate the one in `url` and answer reads, written as it is; the same user and password must be good
    /// there. `picup db replica` sets one up.
    #[config(default = [])]
    pub(crate) replicas: Vec<DatabaseUrl>,

    /// A replica that is further behind is not asked until it has caught up. From 1 to 60 seconds.
    #[config(default = "5s", deserialize_with = units::duration)]
    #[config(validate((Duration::from_secs(3)..=Duration::from_secs(60)).contains(max_lag), "must be from 3s to 60s"))]
    pub(crate) max_lag: Duration,

    /// How long a connection to a server is used before it is replaced. From 1 minute to 24 hours; well under the lease where
    /// credentials are short-lived.
    #[config(default = "30m", deserialize_with = units::duration)]
    #[config(validate(
        (Duration::from_secs(60)..=Duration::from_secs(86_400)).contains(max_lifetime), "must be from 1m to 24h"
    ))]
    pub(crate) max_lifetime: Duration,

    /// How many connections read at once (one more writes), on each server.
    #[config(default = 4, validate((1..=64).contains(readers), "must be from 1 to 64"))]
    pub(crate) readers: u32,
}

/// What the command line sets, over the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--data-dir`.
    pub(crate) data_dir: Option<PathBuf>,
    /// `--listen`.
    pub(crate) listen: Option<SocketAddr>,
    /// `--admin-listen`.
    pub(crate) admin_listen: Option<ListenAddress>,
}

type Layer = <Config as confique::Config>::Layer;

impl Flags {
    fn into_layer(self) -> Layer {
        let mut layer = Layer::empty();
        layer.data_dir = self.data_dir;
        layer.listen = self.listen;
        layer.admin_listen = self.admin_listen;
        layer
    }
}

impl Config {
    /// Rules between settings, which no single one of them can break.
    fn validate(&self) -> Result<(), String> {
        let admin = self.admin_listen.address();
        if self.listen.port() != 0 && admin == Some(self.listen) {
            return Err(format!("listen and admin_listen are both {}; give them different ports", self.listen));
        }
        if self.media.preview_px < self.media.thumbnail_px {
            return Err("media.preview_px is smaller than media.thumbnail_px; make the preview the larger".to_owned());
        }
        if self.database.password_file.is_some() && self.database.url.is_none() {
            return Err(
                "database.password_file is of no use without database.url; a SQLite file has no password".to_owned()
            );
        }
        if !self.database.replicas.is_empty() && self.database.url.is_none() {
            return Err(
                "database.replicas are of no use without database.url: nothing replicates a SQLite file".to_owned()
            );
        }
        if self.edge.cache_dir.as_deref().is_some_and(|folder| backup::are_nested(folder, &self.data_dir)) {
            return Err("edge.cache_dir is in the data folder, or around it; name a folder beside it".to_owned());
        }
        self.delivery.validate(&self.session)?;
        self.gateway.validate(self.public_base())?;
        self.store.validate()?;
        if let Some(Place::Folder(folder)) = &self.store.url
            && backup::are_nested(folder, &self.data_dir)
            && *folder != self.objects()
        {
            return Err("store.url is in the data folder, or around it; name a folder beside it".to_owned());
        }
        self.backup.validate(&self.store, &self.data_dir)?;
        let mut servers: Vec<String> = self.database.url.iter().map(DatabaseUrl::server).collect();
        for replica in self.database.replicas.iter().map(DatabaseUrl::server) {
            if servers.first() == Some(&replica) {
                return Err(format!("database.replicas names {replica}, which is the primary in database.url"));
            }
            if servers.contains(&replica) {
                return Err(format!("database.replicas names {replica} twice"));
            }
            servers.push(replica);
        }
        Ok(())
    }

    /// The public address, such as `https://photos.example.org`, when one is set.
    pub(crate) fn public_base(&self) -> Option<&str> {
        self.public_base.as_ref().map(BaseAddress::as_str)
    }

    /// Whether processes on one data folder, or on several, may write to the store at the same time: a bucket.
    pub(crate) fn store_is_shared(&self) -> bool {
        matches!(self.store.url, Some(Place::Bucket(_)))
    }

    /// The file with every setting as a comment, at its default, with what it means.
    pub(crate) fn template() -> String {
        let template = confique::toml::template::<Self>(confique::toml::FormatOptions::default());
        // The commented setting below it says the same.
        let mut lines: Vec<&str> = template.lines().filter(|line| !line.starts_with("# Default value: ")).collect();
        lines.dedup_by(|line, before| *line == "#" && *before == "#");
        let kept = lines.iter().zip(lines.iter().skip(1).chain([&""]));
        // The empty comment that led to the default leads nowhere now.
        let settings = kept
            .filter(|(line, next)| **line != "#" || next.starts_with("# "))
            .fold(String::new(), |text, (line, _)| text + line + "\n");
        // A destination is a section that nobody has by default, so all of it is prose.
        let destination = confique::toml::template::<DestinationConfig>(confique::toml::FormatOptions::default());
        let destination = destination.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n");
        format!(
            "{settings}\n# A destination of copies has a section like this:\n# [backup.destinations.NAME]\n{}",
            destination.collect::<String>()
        )
    }
}

/// The folder where commands keep what they remember between runs, after the XDG Base Directory Specification:
/// `$XDG_STATE_HOME/picup`, or `~/.local/state/picup`. None for a user without a home.
#[allow(clippy::disallowed_methods, reason = "where a user keeps such files is told by the environment alone")]
pub(crate) fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("picup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_the_defaults_hold() {
        let config = load(None, Flags::default()).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.admin_listen.address(), Some("127.0.0.1:9090".parse().unwrap()));
        assert_eq!(config.session.refresh_life, Duration::from_secs(30 * 86_400));
        assert_eq!(config.limits.upload.get(), 100_000_000_000);
        assert_eq!(config.log.format, LogFormat::Text);
        assert!(config.public_base.is_none());
    }

    #[test]
    fn the_template_read_back_is_the_defaults() {
        let template = Config::template();
        assert!(template.contains("#listen = \"127.0.0.1:8080\""), "{template}");
        let uncommented: String = template
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with([' ', '#']) && !setting.ends_with('=') && !setting.is_empty() => {
                    format!("{setting}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let read = read(&uncommented, Flags::default()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", load(None, Flags::default()).unwrap()));
    }

    #[test]
    fn flags_win_over_the_file() {
        let flags = Flags { listen: Some("0.0.0.0:1".parse().unwrap()), ..Flags::default() };
        let config = read("listen = '127.0.0.1:2'\ndata_dir = '/srv/picup'", flags).unwrap();
        assert_eq!(config.listen, "0.0.0.0:1".parse().unwrap());
        assert_eq!(config.data_dir, PathBuf::from("/srv/picup"));
    }

    #[test]
    fn a_token_is_not_given_where_rights_are_bound_to_an_address() {
        let bound = |right: &str| {
            let text = format!("session.media_bind_address = true\ndelivery.right = '{right}'");
            read(&text, Flags::default()).map(drop).map_err(|mistakes| mistakes.to_string())
        };
        bound("cookies").unwrap();
        let told = bound("token").unwrap_err();
        assert!(told.contains("a token is good for every address"), "{told}");
    }

    #[test]
    fn rules_between_settings_are_told_too() {
        let mistakes = read("admin_listen = '127.0.0.1:8080'", Flags::default()).unwrap_err();
        assert!(mistakes.to_string().contains("different ports"), "{mistakes}");
        let replicas = |list: &str| {
            let text = format!("database.url = 'mysql://picup@DB1.example.org/picup'\ndatabase.replicas = [{list}]");
            read(&text, Flags::default()).map(drop).map_err(|mistakes| mistakes.to_string())
        };
        replicas("'mysql://picup@db1.example.org:3307/picup', 'mysql://picup@db2.example.org/picup'").unwrap();
        let told = replicas("'mysql://picup@db1.example.org:3306/picup'").unwrap_err();
        assert!(told.contains("db1.example.org:3306, which is the primary"), "{told}");
        let told = replicas("'mysql://picup@db2/picup', 'mariadb://other@db2:3306/picup'").unwrap_err();
        assert!(told.contains("db2:3306 twice"), "{told}");
    }
}
