//! `picup db copy-to`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use picup_database::transfer::{Copied, copy_to};
use picup_database::{Error, Server};
use serde::Serialize;

use super::progress::Shown as Shows;
use super::{Failure, Place, Shown, failure, how, output, rows, shown, size, until_stopped};
use crate::config::{Config, DatabaseUrl};
use crate::secrets;

#[derive(Debug, Args)]
pub(in crate::cli) struct CopyArgs {
    /// An empty database of a MariaDB or MySQL server, such as mysql://picup@127.0.0.1:3306/picup
    // Read later: whoever reads arguments shows those that are wrong, and there may be a password in this one.
    #[arg(value_name = "URL")]
    url: String,
    /// The file that holds the password of the user in the URL; only you may be able to read it
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// No progress; the result is one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The result, for programs.
#[derive(Serialize)]
struct Done {
    how: &'static str,
    rows: u64,
    tables: Vec<Shown>,
    /// What is to be set for PicUp to use the copy.
    database: Setting,
}

#[derive(Serialize)]
struct Setting {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
}

pub(super) fn run(args: &CopyArgs) -> Result<(), Failure> {
    let url = args.url.parse::<DatabaseUrl>().map_err(|wrong| Failure::usage(format!("URL: {wrong}")))?;
    let config = args.place.load()?;
    let file = source(&config)?;
    let setting = setting(args, &url)?;
    let password = setting.password_file.as_deref().map(secrets::password).transpose()?;
    let server = Server { url: setting.url.clone(), password };
    let copied = until_stopped(async {
        let _lock = crate::roles::lock(&config.data_dir).await?;
        let mut shows = Shows::new(args.json);
        let copied = copy_to(&file, &server, &mut |stage, progress| shows.at(stage, progress)).await;
        copied.map_err(|error| refused(error, &setting.url))
    })?;
    tell(args, &config, copied, setting)
}

/// The SQLite file that is to be copied.
fn source(config: &Config) -> Result<PathBuf, Failure> {
    let place = config.data_dir.display();
    let Some(file) = config.database_file() else {
        return Err(Failure::usage(format!("the database of {place} is on a server already"))
            .next("from server to server, make a backup here and restore it there: picup db backup FILE"));
    };
    if !file.exists() {
        return Err(Failure::usage(format!("there is no PicUp in {place}")).next("name its folder: --data-dir DIR"));
    }
    Ok(file)
}

fn setting(args: &CopyArgs, url: &DatabaseUrl) -> Result<Setting, Failure> {
    let absolute = |file: &PathBuf| {
        std::path::absolute(file).with_context(|| format!("finding the password file {}", file.display()))
    };
    let password_file = args.password_file.as_ref().map(absolute).transpose()?;
    Ok(Setting { url: url.as_str().to_owned(), password_file })
}

fn refused(error: Error, url: &str) -> Failure {
    let occupied = matches!(error, Error::Occupied(_));
    let failure = failure(error, format!("copying to {url}"));
    if !occupied {
        return failure;
    }
    failure.next("name an empty database. On the server, DROP DATABASE and CREATE DATABASE empty this one, with all that is in it")
}

fn tell(args: &CopyArgs, config: &Config, copied: Copied, setting: Setting) -> Result<(), Failure> {
    let (said, how) = how(copied.by);
    if args.json {
        let (rows, tables) = (rows(&copied.tables), shown(&copied.tables));
        return Ok(output::json(&Done { how, rows, tables, database: setting })?);
    }
    output::line(&format!("{said}: {}; all of it read back, and the same", size(&copied.tables)));
    output::line("The SQLite file is as it was. What is written to it from now on is not in the copy: set this first.");
    output::line(&format!("\n# in {}", config.data_dir.join("picup.toml").display()));
    output::line(&lines(&setting));
    Ok(())
}

/// The lines of `picup.toml`.
fn lines(setting: &Setting) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let url = format!("[database]\nurl = {}", text(&setting.url));
    let file = |file: &Path| format!("{url}\npassword_file = {}", text(&file.to_string_lossy()));
    setting.password_file.as_deref().map_or_else(|| url.clone(), file)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Flags, load};

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        copy: CopyArgs,
    }

    #[test]
    fn an_address_that_is_none_is_refused_as_usage_and_not_said_again() {
        for url in ["picup.db", "mysql://picup:secret@db/picup"] {
            let refused = run(&Line::parse_from(["copy-to", url]).copy).unwrap_err();
            assert_eq!(format!("{:?}", refused.code()), format!("{:?}", std::process::ExitCode::from(2)), "{url}");
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
    }

    #[test]
    fn what_is_to_be_set_is_understood_as_settings() {
        let folder = tempfile::tempdir().unwrap();
        let password_file = Some(PathBuf::from("/srv/a \"quoted\" \\ place/pässword"));
        let setting = Setting { url: "mysql://picup@db.example.org/picup".to_owned(), password_file };
        std::fs::write(folder.path().join("picup.toml"), lines(&setting)).unwrap();
        let config = load(None, Flags { data_dir: Some(folder.path().to_owned()), ..Flags::default() }).unwrap();
        assert_eq!(config.database.url.unwrap().as_str(), setting.url);
        assert_eq!(config.database.password_file, setting.password_file);
    }
}
