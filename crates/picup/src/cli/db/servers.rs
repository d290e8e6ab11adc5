//! What `picup db replica` and `picup db offsite` have in common: files that describe servers are read, and each verb is one call
//! of the database room.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use picup_database::Server;
use picup_database::servers::{Error, Topology};
use picup_domain::{Clock, SystemClock};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::{Failure, block_on, listen_for_the_end, output, show};
use crate::client::Stop;
use crate::secrets;

/// How much a password that nobody has to remember holds; MySQL follows with no longer one than 32 letters.
const PASSWORD_BYTES: usize = 16;

#[derive(Debug, Args)]
pub(in crate::cli) struct LookArgs {
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// How many seconds the copy may take to come to where its source is, beyond its own delay
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(super) wait: u32,
    /// One line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The address of a server, without a password.
#[derive(Debug, Clone)]
pub(super) struct Address(String);

/// The server that follows others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Follower {
    pub(super) url: Address,
    pub(super) password_file: Option<PathBuf>,
    /// Where it comes from, as those see it.
    #[serde(default = "everywhere")]
    pub(super) host: String,
}

fn everywhere() -> String {
    "%".to_owned()
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A mistyped address may hold a password, so what was typed is not said again.
        let url = reqwest::Url::parse(text.trim()).ok();
        let url = url.filter(|url| matches!(url.scheme(), "mysql" | "mariadb") && url.has_host());
        let url = url.filter(|url| !url.username().is_empty());
        let url =
            url.ok_or_else(|| D::Error::custom("not the address of a server; write mysql://USER@HOST:PORT/NAME"))?;
        let holds = |key: &str| key.to_ascii_lowercase().contains("pass");
        if url.password().is_some() || url.query_pairs().any(|(key, _)| holds(&key)) {
            return Err(D::Error::custom(
                "a password does not belong here; write it into a file and name that in password_file",
            ));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// Reads a file that describes servers.
pub(super) fn read<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {shown}: {error}"))
            .next("name the file that describes the servers: --config FILE")
    })?;
    toml::from_str(&text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        Failure::usage(format!("{shown}, line {line}: {}", without_values(error.message())))
    })
}

/// What is wrong with a file, without what stands in it: that may be a password in the wrong place.
fn without_values(message: &str) -> String {
    let value = message.find(['"', '`']).filter(|_| message.starts_with("invalid "));
    match (value, message.rfind(", expected ")) {
        (Some(value), Some(expected)) if value < expected => {
            format!("{}…{}", &message[..value], &message[expected..])
        }
        _ => message.to_owned(),
    }
}

/// A server with the password in its file, which stands beside the file that names it unless its path is a whole one.
pub(super) fn server(address: Address, password_file: Option<&Path>, beside: &Path) -> Result<Server, Failure> {
    Ok(Server { url: address.0, password: password_file.map(|file| password(file, beside)).transpose()? })
}

pub(super) fn password(file: &Path, beside: &Path) -> Result<String, Failure> {
    let folder = beside.parent().unwrap_or(Path::new(""));
    Ok(secrets::password(&folder.join(file))?)
}

/// A name of a channel, a schema: what needs no quoting anywhere, nor in a configuration file.
pub(super) fn plain(what: &str, name: &str) -> Result<(), Failure> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=48).contains(&name.len())
        && name.bytes().all(letters)
        && !name.starts_with(|first: char| first.is_ascii_digit())
    {
        Ok(())
    } else {
        Err(Failure::usage(format!("'{name}' is no good name of a {what}"))
            .next("take small letters, digits and _, a letter first"))
    }
}

/// Whom a server lets in from where, as it spells them: no account is called otherwise, and none can be mistaken for SQL.
pub(super) fn account(name: &str, host: &str) -> Result<(), Failure> {
    let letters = |byte: u8, more: &[u8]| byte.is_ascii_alphanumeric() || more.contains(&byte);
    if !(1..=32).contains(&name.len()) || !name.bytes().all(|byte| letters(byte, b"_-.")) {
        return Err(Failure::usage(format!("'{name}' is no good name of a user"))
            .next("take letters, digits, _, - and ., 32 at most"));
    }
    self::host(host)
}

/// Hosts, as the accounts of a server spell them.
pub(super) fn host(host: &str) -> Result<(), Failure> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:%/".contains(&byte);
    if (1..=60).contains(&host.len()) && host.bytes().all(letters) {
        return Ok(());
    }
    Err(Failure::usage(format!("'{host}' is no good host of an account"))
        .next("write an address or a name, such as 192.0.2.7, 192.0.2.%, db.example.org or %"))
}

/// `--config FILE`, as it stands behind the commands in advice.
pub(super) fn arguments(file: &Path) -> String {
    format!("--config {}", file.display())
}

fn new_password() -> String {
    hex::encode(rand::random::<[u8; PASSWORD_BYTES]>())
}

pub(super) fn plan(topology: &Topology, channel: Option<&str>, json: bool) -> Result<ExitCode, Failure> {
    let plan = block_on(async { topology.plan(channel).await.map_err(failure) })?;
    show::plan(&plan, json)?;
    Ok(code(plan.objections.is_empty()))
}

pub(super) fn apply(topology: &Topology, channel: Option<&str>) -> Result<ExitCode, Failure> {
    let tell = &mut |done: &str| output::line(done);
    let plan = block_on(async { topology.apply(channel, &mut new_password, tell).await.map_err(failure) })?;
    show::applied(&plan);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn status(topology: &Topology, json: bool, metrics: bool) -> Result<ExitCode, Failure> {
    let now = SystemClock.now();
    let status = block_on(async {
        let looked = topology.status(now).await;
        if metrics && looked.is_err() {
            // Whoever is alerted by them must hear of it, too.
            output::text_of(&show::metrics_of_nothing(now));
        }
        looked.map_err(failure)
    })?;
    if metrics {
        output::text_of(&show::metrics(&status, now));
    } else {
        show::status(&status, json)?;
    }
    Ok(code(status.healthy))
}

/// Compares one channel after the other. Whoever interrupts it, or ends it, has the channel go on.
pub(super) fn verify(topology: &Topology, channels: &[&str], args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let wait = Duration::from_secs(args.wait.into());
    let stop = Arc::<Stop>::default();
    let compared = block_on(async {
        listen_for_the_end(Arc::clone(&stop))?;
        let mut all = Vec::new();
        for channel in channels {
            let Some(compared) = stop.unless(topology.verify(channel, wait)).await else {
                topology.go_on(channel).await.map_err(failure)?;
                return Err(Failure::from(anyhow::anyhow!("it was interrupted; the copy goes on")));
            };
            all.push(compared.map_err(failure)?);
        }
        Ok(all)
    })?;
    show::comparisons(&compared, args.json)?;
    Ok(code(compared.iter().all(picup_database::servers::Comparison::is_equal)))
}

pub(super) fn rebuild(topology: &Topology, channel: &str, discard_writes: bool) -> Result<ExitCode, Failure> {
    let tell = &mut |done: &str| output::line(done);
    let rebuilt =
        block_on(async { topology.rebuild(channel, discard_writes, &mut new_password, tell).await.map_err(failure) })?;
    show::applied(&rebuilt);
    Ok(ExitCode::SUCCESS)
}

fn code(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn failure(error: Error) -> Failure {
    let next = match &error {
        Error::Away { .. } => Some("see that it runs, and that address, user and password in the file are right"),
        Error::Refused { .. } => Some("put right what it says, and run it again: it goes on where it stopped"),
        Error::TooLate { .. } => Some("see how far behind it is with `status`; --wait SECONDS gives it more time"),
        Error::Unsafe(_) | Error::Senseless(_) => None,
    };
    let failure = Failure::from(anyhow::Error::new(error));
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}

/// The file that describes the servers.
#[derive(Debug, Args)]
pub(in crate::cli) struct File {
    /// The file that describes the servers
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Holder {
        url: Address,
    }

    #[test]
    fn an_address_names_a_user_and_no_password() {
        let read = |url: &str| toml::from_str::<Holder>(&format!("url = \"{url}\"")).map(|holder| holder.url.0);
        assert_eq!(read("mysql://root@db:3306/picup").unwrap(), "mysql://root@db:3306/picup");
        for bad in
            ["mysql://root:secret@db/picup", "mysql://root@db/picup?password=secret", "mysql://db/picup", "secret"]
        {
            let told = read(bad).unwrap_err().message().to_owned();
            assert!(!told.contains("secret") && told.contains("address") || told.contains("password_file"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_without_what_stands_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("servers.toml");
        for (text, line, says) in [
            ("\nurl = \"mysql://adm:Secr3t@db/picup\"\n", 2, "password_file"),
            ("url = \"mysql://adm@db/picup?PASSWORD=Secr3t\"", 1, "password_file"),
            ("# one\n# two\nurl = \"mysql://adm:Secr3t@db/picup", 3, "string"),
            ("url = \"mysql://adm@db/picup\"\n\nurl = \"Secr3t\"", 3, "duplicate"),
            ("url = { Secr3t = 1 }", 1, "invalid type"),
        ] {
            std::fs::write(&file, text).unwrap();
            let told = read::<Holder>(&file).unwrap_err().to_string();
            assert!(told.contains(&format!("servers.toml, line {line}: ")) && told.contains(says), "{told}");
            assert!(!told.contains("Secr3t") && !told.contains("adm"), "{told}");
        }
        for (message, told) in [
            ("invalid type: string \"Secr3t\", expected u32", "invalid type: string …, expected u32"),
            ("invalid type: integer `7`, expected path string", "invalid type: integer …, expected path string"),
            ("unknown field `password`, expected `url`", "unknown field `password`, expected `url`"),
        ] {
            assert_eq!(without_values(message), told);
        }
    }

    #[test]
    fn names_need_no_quoting() {
        for (name, good) in
            [("ada", true), ("home_2", true), ("", false), ("2nd", false), ("a-b", false), ("A", false), ("a`b", false)]
        {
            assert_eq!(plain("channel", name).is_ok(), good, "{name}");
        }
        for (name, host, good) in [
            ("picup", "%", true),
            ("PicUp-reader.2", "192.0.2.0/255.255.255.0", true),
            ("picup", "2001:db8::%", true),
            ("{secret}", "%", false),
            ("a'b", "%", false),
            ("", "%", false),
            ("picup", "", false),
            ("picup", "a'b", false),
            ("picup", "{secret}", false),
        ] {
            assert_eq!(account(name, host).is_ok(), good, "{name}@{host}");
        }
    }
}
