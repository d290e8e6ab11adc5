//! `picup user key` and `picup user keys`: a program's right to act for an account, made, listed and revoked by whoever holds
//! the data directory.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use picup_app::api_key::{self, ApiKey, NewApiKey};
use picup_domain::{ApiKeyId, ApiKeyName, Email, Scopes};
use serde::Serialize;

use super::{Failure, Place, find, moment, output, with_app};

#[derive(Debug, Args)]
pub(in crate::cli) struct KeyArgs {
    /// The account it acts for
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// What it may do: upload, read or edit; several with commas between them
    #[arg(long, value_name = "SCOPES", value_parser = scopes)]
    scope: Scopes,
    /// What the key is known by, such as phone
    #[arg(long, value_name = "NAME", value_parser = ApiKeyName::new)]
    name: ApiKeyName,
    /// How many days it holds; without it, until it is revoked
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct KeysArgs {
    /// The account
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// Revokes the key with that id, at once
    #[arg(long, value_name = "ID")]
    revoke: Option<uuid::Uuid>,
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// A key, for programs.
#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    scopes: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Only of one that was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

fn scopes(text: &str) -> Result<Scopes, picup_domain::Invalid> {
    Scopes::parse(&text.replace(',', " "))
}

impl From<ApiKey> for Listed {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.as_str().to_owned(),
            scopes: key.scopes.words(),
            created_at: moment(key.created_at),
            last_used_at: key.last_used_at.map(moment),
            expires_at: key.expires_at.map(moment),
            token: None,
        }
    }
}

pub(super) fn create(args: KeyArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let (key, token) = with_app(&config, async |app| {
        let account = find(app, &args.email).await?;
        let life = args.days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
        let new = NewApiKey { name: args.name, scopes: args.scope, expires_at: life.map(|life| app.now().plus(life)) };
        Ok(api_key::create(app, account.id, new).await.context("cannot make the key")?)
    })?;
    if args.json {
        return Ok(output::json(&Listed { token: Some(token), ..key.into() })?);
    }
    output::line(&token);
    let until = key.expires_at.map_or_else(|| "it is revoked".to_owned(), moment);
    eprintln!(
        "this is shown once; it may {} for {} until {until}; to revoke it: picup user keys {} --revoke {}",
        key.scopes.words().replace(' ', " and "),
        args.email,
        args.email,
        key.id
    );
    Ok(())
}

/// Revokes one, if that is asked for, and lists the others.
pub(super) fn keys(args: &KeysArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let keys = with_app(&config, async |app| {
        let account = find(app, &args.email).await?;
        if let Some(id) = args.revoke {
            api_key::revoke(app, account.id, ApiKeyId::from(id)).await.context("cannot revoke the key")?;
        }
        Ok(api_key::list(app, account.id).await.context("cannot list the keys")?)
    })?;
    let keys: Vec<Listed> = keys.into_iter().map(Listed::from).collect();
    if args.json {
        return Ok(output::json(&keys)?);
    }
    if keys.is_empty() {
        output::line("no keys");
    }
    for key in keys {
        let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
        let ends = key.expires_at.map_or_else(String::new, |at| format!(", ends {at}"));
        output::line(&format!("{}  {:<16}  {:<20}  {used}{ends}", key.id, key.scopes, key.name));
    }
    Ok(())
}
