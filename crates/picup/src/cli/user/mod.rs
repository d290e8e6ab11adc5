//! `picup user`: accounts, made and changed by somebody who holds the data directory. Works beside a running `picup serve`.

mod change;
mod delete;
mod invite;
mod key;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use picup_app::App;
use picup_app::account::{self, Account, NewAccount};
use picup_domain::{AccountRole, ByteSize, DisplayName, Email, Password, Timestamp};
use serde::Serialize;

use super::{Failure, Place, block_on, output, password, require_begun};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Makes an account.
    Create(CreateArgs),
    /// Lists the accounts.
    List(ListArgs),
    /// Makes a link that makes an account.
    Invite(invite::InviteArgs),
    /// Makes an API key for a program, such as a phone's uploader.
    Key(key::KeyArgs),
    /// Lists an account's API keys, or revokes one.
    Keys(key::KeysArgs),
    /// Sets a new password and signs the account out everywhere.
    Password(change::PasswordArgs),
    /// Changes how much an account may keep; also to less than it keeps: nothing goes then, and nothing more fits.
    Quota(change::QuotaArgs),
    /// Signs an account out everywhere and keeps it out.
    Disable(change::OneArgs),
    /// Lets a disabled account in again.
    Enable(change::OneArgs),
    /// Makes an account an admin, or no longer one.
    Admin(change::AdminArgs),
    /// Marks an account to be erased with all its photos when the grace is over; or erases it at once.
    Delete(delete::DeleteArgs),
    /// Takes a deletion back.
    Keep(change::OneArgs),
    /// Shows what accounts keep; with --verify, counts anew and puts right what is wrong.
    Usage(usage::UsageArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The address to sign in with
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// The file that holds the password, - for standard input; without it you are asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// May manage other accounts
    #[arg(long)]
    admin: bool,
    /// The most it may keep, such as 10GB; no limit without it
    #[arg(long, value_name = "SIZE")]
    quota: Option<ByteSize>,
    /// The name to be called by; without it, what stands before the @
    #[arg(long, value_name = "NAME", value_parser = DisplayName::new)]
    name: Option<DisplayName>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: UserCommand) -> Result<ExitCode, Failure> {
    match command {
        UserCommand::Create(args) => create(args),
        UserCommand::List(args) => list(&args),
        UserCommand::Invite(args) => invite::run(args),
        UserCommand::Key(args) => key::create(args),
        UserCommand::Keys(args) => key::keys(&args),
        UserCommand::Password(args) => change::password(&args),
        UserCommand::Quota(args) => change::quota(&args),
        UserCommand::Disable(args) => change::disabled(&args, true),
        UserCommand::Enable(args) => change::disabled(&args, false),
        UserCommand::Admin(args) => change::admin(&args),
        UserCommand::Delete(args) => delete::run(&args),
        UserCommand::Keep(args) => change::keep(&args),
        UserCommand::Usage(args) => return usage::run(&args),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `work` on the use cases over the data directory of a PicUp, whether or not one is serving it.
fn with_app<T>(config: &Config, work: impl AsyncFnOnce(&App) -> Result<T, Failure>) -> Result<T, Failure> {
    require_begun(config)?;
    with_new_app(config, work)
}

/// As [`with_app`]; the data directory is made when it is not there.
fn with_new_app<T>(config: &Config, work: impl AsyncFnOnce(&App) -> Result<T, Failure>) -> Result<T, Failure> {
    block_on(async {
        let app = crate::roles::offline(config).await?;
        work(&app).await
    })
}

/// The account with that address.
async fn find(app: &App, email: &Email) -> Result<Account, Failure> {
    let accounts = account::list(app).await.context("cannot look the account up")?;
    accounts.into_iter().find(|account| account.email == *email).ok_or_else(|| {
        Failure::from(anyhow::anyhow!("there is no account {email}")).next("see who there is with: picup user list")
    })
}

fn create(args: CreateArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let text = password::read(args.password_file.as_deref(), &format!("A password for {}: ", args.email))?;
    let invalid = |invalid: picup_domain::Invalid| Failure::usage(invalid.to_string());
    let new = NewAccount {
        name: match args.name {
            Some(name) => name,
            None => DisplayName::new(args.email.as_str().split('@').next().unwrap_or_default())
                .map_err(|error| Failure::usage(error.to_string()).next("give the account a name: --name NAME"))?,
        },
        password: Password::new(&text).map_err(invalid)?,
        role: if args.admin { AccountRole::Admin } else { AccountRole::Member },
        quota: args.quota,
        email: args.email,
    };
    let said = format!(
        "made the {} account {}, {}",
        new.role.as_str(),
        new.email,
        new.quota.map_or_else(|| "no quota".to_owned(), |quota| format!("quota {quota}"))
    );
    let led = with_new_app(&config, async |app| {
        account::create(app, new).await.context("cannot make the account")?;
        let accounts = account::list(app).await.context("cannot look at the accounts")?;
        Ok(accounts.iter().any(|account| account.role == AccountRole::Admin))
    })?;
    output::line(&said);
    if !led {
        eprintln!("warning: nobody administers this PicUp yet; let an account do that: picup user admin EMAIL on");
    }
    Ok(())
}

/// An account, for programs.
#[derive(Serialize)]
struct Listed {
    email: String,
    name: String,
    role: &'static str,
    quota_bytes: Option<u64>,
    used_bytes: u64,
    disabled: bool,
    /// RFC 3339; absent when it is to stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_after: Option<String>,
}

/// A moment as RFC 3339 text in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default().to_string()
}

impl From<Account> for Listed {
    fn from(account: Account) -> Self {
        Self {
            email: account.email.to_string(),
            name: account.name.as_str().to_owned(),
            role: account.role.as_str(),
            quota_bytes: account.quota.limit.map(ByteSize::get),
            used_bytes: account.quota.used.get(),
            disabled: account.disabled_at.is_some(),
            delete_after: account.delete_after.map(moment),
        }
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let accounts = with_app(&config, async |app| Ok(account::list(app).await.context("cannot list the accounts")?))?;
    let accounts: Vec<Listed> = accounts.into_iter().map(Listed::from).collect();
    if args.json {
        return Ok(output::json(&accounts)?);
    }
    if accounts.is_empty() {
        output::line("no accounts yet; make one with: picup user create EMAIL --admin");
    }
    let size = |bytes| ByteSize::new(bytes).unwrap_or_default().to_string();
    let width = accounts.iter().map(|account| account.email.chars().count()).max().unwrap_or_default();
    for account in accounts {
        let quota = account.quota_bytes.map_or_else(|| "no quota".to_owned(), |quota| format!("of {}", size(quota)));
        output::line(&format!(
            "{:width$}  {:6}  {:>9} {:<11}  {}{}{}",
            account.email,
            account.role,
            size(account.used_bytes),
            quota,
            account.name,
            if account.disabled { "  (disabled)" } else { "" },
            account.delete_after.map_or_else(String::new, |at| format!("  (to be erased after {at})"))
        ));
    }
    Ok(())
}
