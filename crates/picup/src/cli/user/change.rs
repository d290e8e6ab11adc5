//! `picup user password`, `quota`, `disable`, `enable`, `admin` and `keep`: one change of one account each.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use clap::{Args, ValueEnum};
use picup_app::admin::{self, Actor, Changes};
use picup_app::{account, deletion};
use picup_domain::{AccountRole, ByteSize, Email, Password};

use super::{Failure, Place, find, output, with_app};

#[derive(Debug, Args)]
pub(in crate::cli) struct OneArgs {
    /// The account's address
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PasswordArgs {
    /// The account's address
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// The file that holds the new password, - for standard input; without it you are asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct QuotaArgs {
    /// The account's address
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// The most it may keep, such as 10GB; `none` for no limit
    #[arg(value_name = "SIZE|none")]
    quota: Limit,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AdminArgs {
    /// The account's address
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// Whether it may manage other accounts
    #[arg(value_enum)]
    switch: Switch,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// A size, or none.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<ByteSize>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|size| Self(Some(size))).map_err(|invalid: picup_domain::Invalid| invalid.advice)
    }
}

pub(super) fn password(args: &PasswordArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let question = format!("A new password for {}: ", args.email);
    let text = crate::cli::password::read(args.password_file.as_deref(), &question)?;
    let password = Password::new(&text).map_err(|invalid| Failure::usage(invalid.to_string()))?;
    with_app(&config, async |app| {
        let id = find(app, &args.email).await?.id;
        Ok(account::reset_password(app, Actor::Operator, id, &password).await.context("cannot set the password")?)
    })?;
    output::line(&format!("{} has a new password and is signed out everywhere", args.email));
    Ok(())
}

pub(super) fn quota(args: &QuotaArgs) -> Result<(), Failure> {
    let changes = Changes { quota: Some(args.quota.0), ..Changes::default() };
    let after = update(&args.email, &args.place, changes)?;
    let quota = after.limit.map_or_else(|| "no quota".to_owned(), |quota| format!("a quota of {quota}"));
    let full = match after.remaining() {
        Some(0) => " and is full: nothing more fits",
        _ => "",
    };
    output::line(&format!("{} has {quota}, keeps {}{full}", args.email, after.used));
    Ok(())
}

pub(super) fn disabled(args: &OneArgs, disabled: bool) -> Result<(), Failure> {
    update(&args.email, &args.place, Changes { disabled: Some(disabled), ..Changes::default() })?;
    output::line(&match disabled {
        true => format!("{} is disabled and signed out everywhere", args.email),
        false => format!("{} may sign in again", args.email),
    });
    Ok(())
}

pub(super) fn admin(args: &AdminArgs) -> Result<(), Failure> {
    let (role, called) = match args.switch {
        Switch::On => (AccountRole::Admin, "an admin"),
        Switch::Off => (AccountRole::Member, "a member"),
    };
    update(&args.email, &args.place, Changes { role: Some(role), ..Changes::default() })?;
    output::line(&format!("{} is {called} now", args.email));
    Ok(())
}

pub(super) fn keep(args: &OneArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    with_app(&config, async |app| {
        let id = find(app, &args.email).await?.id;
        Ok(deletion::take_back(app, Actor::Operator, id).await.context("cannot keep the account")?)
    })?;
    output::line(&format!("{} stays", args.email));
    Ok(())
}

fn update(email: &Email, place: &Place, changes: Changes) -> Result<picup_domain::Quota, Failure> {
    let config = place.load()?;
    with_app(&config, async |app| {
        let id = find(app, email).await?.id;
        let after = admin::update(app, Actor::Operator, id, changes).await.context("cannot change the account")?;
        Ok(after.quota)
    })
}
