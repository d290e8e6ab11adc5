//! `picup media-key`: the keys that open media, and how one follows another.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use picup_delivery::{KeyId, SigningKey};
use picup_domain::{Clock, SystemClock};
use serde::Serialize;

use super::media_token::{self, FunctionArgs, TokenArgs};
use super::{Failure, Place, output};
use crate::secrets::media_keys::{self, MediaKeys};

#[derive(Debug, Subcommand)]
pub(super) enum MediaKeyCommand {
    /// Lists the keys: the one that signs, the next one, and those whose signatures still open.
    List(ListArgs),
    /// Makes the next key and prints its public half, for a CDN and for edges; it signs nothing yet.
    Prepare(PlaceArgs),
    /// Has the next key sign from now on; what the old one signed still opens.
    Switch(PlaceArgs),
    /// Forgets an old key: what it signed opens nothing any more.
    Retire(RetireArgs),
    /// Makes a token that opens the photos of one account for a while, at edges and here.
    Token(TokenArgs),
    /// Prints the CloudFront Function that checks such tokens, for those that are signed with a secret.
    Function(FunctionArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The result as JSON, with the public keys
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct RetireArgs {
    /// Which, by its ID
    #[arg(value_name = "ID", value_parser = KeyId::parse)]
    id: KeyId,
    /// Also one that signed in the last 24 hours: open pages show no photos until they renew their session, within five minutes
    #[arg(long)]
    early: bool,
    #[command(flatten)]
    place: Place,
}

/// One key, as it is told.
#[derive(Debug, Serialize)]
struct Told {
    id: String,
    state: &'static str,
    /// When an old one may be retired.
    retire_after: Option<jiff::Timestamp>,
    public_key: String,
}

pub(super) fn run(command: MediaKeyCommand) -> Result<ExitCode, Failure> {
    match command {
        MediaKeyCommand::List(args) => list(&args),
        MediaKeyCommand::Prepare(args) => {
            let key = media_keys::prepare(&args.place.load_begun()?.data_dir)?;
            output::text_of(&key.public_key_pem());
            eprintln!(
                "{} is known from now on, and signs nothing yet. Give this public key to the CDN and to every edge under that ID, then: \
                 picup media-key switch",
                key.id()
            );
            Ok(ExitCode::SUCCESS)
        }
        MediaKeyCommand::Switch(args) => {
            let key = media_keys::switch(&args.place.load_begun()?.data_dir)?;
            output::line(&format!("{} signs from now on; a PicUp that is running follows within seconds", key.id()));
            eprintln!("In 24 hours nothing that the old one signed holds any more; then: picup media-key retire ID");
            Ok(ExitCode::SUCCESS)
        }
        MediaKeyCommand::Retire(args) => {
            media_keys::retire(&args.place.load_begun()?.data_dir, &args.id, args.early)?;
            output::line(&format!("{} opens nothing any more", args.id));
            eprintln!("Take it from the CDN and from every edge too.");
            Ok(ExitCode::SUCCESS)
        }
        MediaKeyCommand::Token(args) => media_token::token(args),
        MediaKeyCommand::Function(args) => media_token::function(args),
    }
}

fn list(args: &ListArgs) -> Result<ExitCode, Failure> {
    let keys = MediaKeys::load_or_create(&args.place.load_begun()?.data_dir)?;
    let ours = |key: &SigningKey, state| Told {
        id: key.id().to_string(),
        state,
        retire_after: None,
        public_key: key.public_key_pem(),
    };
    let mut told = vec![ours(&keys.signs, "signs")];
    told.extend(keys.next.as_ref().map(|key| ours(key, "next")));
    told.extend(keys.old.iter().map(|key| Told {
        id: key.id.to_string(),
        state: "old",
        retire_after: jiff::Timestamp::from_second(key.ends().seconds()).ok(),
        public_key: key.public_pem.clone(),
    }));
    if args.json {
        output::json(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = jiff::Timestamp::from_second(SystemClock.now().seconds()).ok();
    for key in told {
        let when = match key.retire_after {
            Some(after) if Some(after) <= now => "; may be retired".to_owned(),
            Some(after) => format!("; may be retired after {after}"),
            None => String::new(),
        };
        output::line(&format!("{}  {}{when}", key.id, key.state));
    }
    Ok(ExitCode::SUCCESS)
}
