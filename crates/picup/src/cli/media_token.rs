//! `picup media-key token` and `function`: the second way to photos, for operators: to try what an edge or CloudFront answers, and to have
//! a CloudFront Function check what PicUp's edges check.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use picup_delivery::{Audience, KeyId, TokenSigner, TokenTerms, cloudfront_function, media_token};
use picup_domain::{Clock, SystemClock};

use super::{Failure, Place, output};
use crate::config::{Config, parse_duration};
use crate::secrets;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = clap::ArgGroup::new("end").required(true))]
pub(super) struct TokenArgs {
    /// The account whose photos it opens, by its ID: the OWNER of /media/OWNER/…
    #[arg(long, value_name = "ACCOUNT")]
    owner: String,
    /// How long it opens, such as 1h; at most 24h
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, group = "end")]
    lasting: Option<Duration>,
    /// Until when it opens, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", group = "end")]
    until: Option<jiff::Timestamp>,
    /// Whom it is for [default: delivery.token_audience of the configuration]
    #[arg(long, value_name = "NAME")]
    audience: Option<Audience>,
    /// A P-256 private key, in PEM; without it, PicUp's own
    #[arg(long, value_name = "FILE", requires = "key_id", conflicts_with = "secret_file")]
    private_key: Option<PathBuf>,
    /// A file with a secret, for what checks no other tokens, such as a CloudFront Function
    #[arg(long, value_name = "FILE", requires = "key_id")]
    secret_file: Option<PathBuf>,
    /// What that key or secret is called where the token is checked
    #[arg(long, value_name = "ID", value_parser = KeyId::parse)]
    key_id: Option<KeyId>,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "Examples:
  curl -H \"Authorization: Bearer $(picup media-key token --owner ACCOUNT --for 10m)\" https://photos.example/media/ACCOUNT/…
  picup media-key token --owner ACCOUNT --for 1h --secret-file /etc/picup/token-secret --key-id T1";

#[derive(Debug, Args)]
pub(super) struct FunctionArgs {
    /// The ID of a secret that it looks up in its KeyValueStore; may be said several times [default: those of delivery.token_secrets]
    #[arg(long = "key-id", value_name = "ID", value_parser = KeyId::parse)]
    key_ids: Vec<KeyId>,
    /// Whom tokens are for [default: delivery.token_audience of the configuration]
    #[arg(long, value_name = "NAME")]
    audience: Option<Audience>,
    #[command(flatten)]
    place: Place,
}

/// Prints a token.
pub(super) fn token(args: TokenArgs) -> Result<ExitCode, Failure> {
    let config = args.place.load()?;
    let audience = args.audience.unwrap_or(config.delivery.token_audience);
    let now = SystemClock.now();
    let until = match (args.until, args.lasting) {
        (Some(until), _) => until.as_second().max(0).unsigned_abs(),
        (None, lasting) => now.plus(lasting.unwrap_or_default()).epoch_s(),
    };
    if until <= now.epoch_s() {
        return Err(Failure::usage("that time has passed; nothing would open"));
    }
    let terms = TokenTerms {
        audience: &audience,
        owner: &args.owner,
        issued_at_epoch_s: now.epoch_s(),
        expires_at_epoch_s: until,
    };
    let made = match (args.private_key, args.secret_file, args.key_id) {
        (Some(file), _, Some(id)) => media_token(TokenSigner::Key(&secrets::private_key(&file, id)?), &terms),
        (None, Some(file), Some(id)) => media_token(TokenSigner::Secret(&secrets::token_secret(&file, id)?), &terms),
        (None, None, Some(_)) => {
            return Err(Failure::usage("PicUp's own key has an ID of its own")
                .next("leave --key-id out, or name a key with --private-key or --secret-file"));
        }
        _ => {
            let own = secrets::media_keys::MediaKeys::load_or_create(&args.place.load_begun()?.data_dir)?;
            media_token(TokenSigner::Key(&own.signs), &terms)
        }
    };
    output::line(&made.map_err(|error| Failure::usage(error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}

/// Prints the function.
pub(super) fn function(args: FunctionArgs) -> Result<ExitCode, Failure> {
    let Config { delivery, .. } = args.place.load()?;
    let audience = args.audience.unwrap_or(delivery.token_audience);
    let configured = || delivery.token_secrets.into_iter().map(|secret| secret.id).collect();
    let ids = if args.key_ids.is_empty() { configured() } else { args.key_ids };
    let function = cloudfront_function(&audience, &ids).map_err(|error| {
        Failure::usage(error.to_string()).next("name it with --key-id ID, as in the KeyValueStore of the function")
    })?;
    output::text_of(&function);
    Ok(ExitCode::SUCCESS)
}
