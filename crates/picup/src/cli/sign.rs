//! `picup sign`: signs an address, or makes the cookies that open it, as CloudFront's own tools do. For operators: to try what a CDN or
//! an edge answers, and to give somebody one address.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use picup_delivery::{AddressRange, HashAlgorithm, KeyId, Policy, Resource, signed_cookies, signed_url};
use picup_domain::{Clock, SystemClock};

use super::{Failure, Place, output};
use crate::config::parse_duration;
use crate::secrets;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SignArgs {
    /// The address, percent-encoded as it will be asked for
    #[arg(value_name = "URL")]
    url: String,
    /// How long it opens, such as 1h or 7d
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, required_unless_present = "until", conflicts_with = "until")]
    lasting: Option<Duration>,
    /// Until when it opens, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<jiff::Timestamp>,
    /// From when on it opens
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// For whom it opens: an IP address, or a range such as 192.0.2.0/24
    #[arg(long, value_name = "RANGE")]
    address: Option<AddressRange>,
    /// What else the signature opens: an address in which * stands for anything and ? for one character
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// The cookies that open it, instead of the address with its signature
    #[arg(long)]
    cookies: bool,
    /// The private key, in PEM; without it, PicUp's own
    #[arg(long, value_name = "FILE", requires = "key_id")]
    private_key: Option<PathBuf>,
    /// What that key is called where the address is checked: CloudFront's ID of the public key
    #[arg(long, value_name = "ID", value_parser = KeyId::parse, requires = "private_key")]
    key_id: Option<KeyId>,
    /// What is signed over
    #[arg(long, value_enum, default_value_t = Hash::Sha256)]
    hash: Hash,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "Examples:
  picup sign https://photos.example/media/OWNER/ASSET/view/preview.1.webp --for 1h
  picup sign https://cdn.example/a.mp4 --for 7d --private-key key.pem --key-id K2JCJMDEHXQW5F
  picup sign https://cdn.example/a/1.jpg --resource 'https://cdn.example/a/*' --for 1h --cookies";

/// What is signed over.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hash {
    /// What CloudFront takes a signature for that does not say; PicUp's own gateway refuses it
    Sha1,
    Sha256,
}

pub(super) fn run(args: &SignArgs) -> Result<ExitCode, Failure> {
    let key = match (&args.private_key, &args.key_id) {
        (Some(file), Some(id)) => secrets::private_key(file, id.clone())?,
        _ => secrets::media_keys::MediaKeys::load_or_create(&args.place.load_begun()?.data_dir)?.signs,
    };
    let policy = policy(args)?;
    let hash = match args.hash {
        Hash::Sha1 => HashAlgorithm::Sha1,
        Hash::Sha256 => HashAlgorithm::Sha256,
    };
    // Both say what is wrong with an address, so that cookies are never made for one that they do not open.
    let signed = signed_url(&key, hash, &args.url, &policy).map_err(|error| Failure::usage(error.to_string()))?;
    if args.cookies {
        for (name, value) in signed_cookies(&key, hash, &policy).iter() {
            output::line(&format!("{name}={value}"));
        }
    } else {
        output::line(&signed);
    }
    Ok(ExitCode::SUCCESS)
}

fn policy(args: &SignArgs) -> Result<Policy, Failure> {
    let text = args.resource.as_deref().unwrap_or(&args.url);
    let resource = Resource::parse(text).map_err(|error| Failure::usage(format!("{text}: {error}")))?;
    let now = jiff::Timestamp::from_second(SystemClock.now().seconds())
        .map_err(|_| Failure::usage("this machine's clock is not set"))?;
    let until = match (args.until, args.lasting) {
        (Some(until), _) => until,
        (None, lasting) => now
            .checked_add(lasting.unwrap_or_default())
            .map_err(|_| Failure::usage("that is longer than any time there is; write for example 7d"))?,
    };
    if until <= now {
        return Err(Failure::usage(format!("{until:.0} has passed; nothing would open")));
    }
    if args.from.is_some_and(|from| from >= until) {
        return Err(Failure::usage("it would end before it begins; give an earlier --from"));
    }
    Ok(Policy {
        not_before_epoch_s: args.from.map(seconds),
        addresses: args.address,
        ..Policy::until(resource, seconds(until))
    })
}

fn seconds(at: jiff::Timestamp) -> u64 {
    at.as_second().max(0).unsigned_abs()
}
