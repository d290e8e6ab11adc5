//! `picup sign`: signs an address, or makes the cookies that open it, as CloudFront's own tools do. For operators: to try what a CDN or
//! an edge answers, and to give somebody one address.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use picup_delivery::{
    self as delivery, AddressRange, HashAlgorithm, KeyId, Policy, Resource, SigningKey, signed_cookies, signed_url,
};
use picup_domain::{Clock, SystemClock};

use super::{Failure, Place, output};
use crate::config::parse_duration;
use crate::roles::NO_PUBLIC_BASE;
use crate::secrets;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = clap::ArgGroup::new("end").required(true))]
pub(super) struct SignArgs {
    /// The address, percent-encoded as it will be asked for
    #[arg(long, value_name = "URL")]
    url: String,
    /// How long it opens, such as 1h or 7d
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, group = "end")]
    lasting: Option<Duration>,
    /// Until when it opens, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", group = "end")]
    until: Option<jiff::Timestamp>,
    /// The same, in seconds since 1970
    #[arg(long, value_name = "EPOCH", group = "end")]
    expires: Option<u64>,
    /// From when on it opens
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    /// For whom it opens: an IP address, or a range such as 192.0.2.0/24
    #[arg(long, value_name = "CIDR")]
    ip: Option<AddressRange>,
    /// What else the signature opens: an address in which * stands for anything and ? for one character
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// How the policy is sent; without it, canned where that is possible
    #[arg(long, value_enum)]
    policy: Option<Form>,
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
  picup sign --url https://photos.example/media/OWNER/ASSET/view/preview.1.webp --for 1h
  picup sign --url https://cdn.example/a.mp4 --expires 1893456000 --private-key key.pem --key-id K2JCJMDEHXQW5F
  picup sign --url https://cdn.example/a/1.jpg --resource 'https://cdn.example/a/*' --for 1h --cookies";

/// How a policy is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// As its end alone: of one address, with no other condition
    Canned,
    /// Whole
    Custom,
}

/// What is signed over.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hash {
    /// What CloudFront takes a signature for that does not say; PicUp's own gateway refuses it
    Sha1,
    Sha256,
}

pub(super) fn run(args: &SignArgs) -> Result<ExitCode, Failure> {
    let (key, own) = match (&args.private_key, &args.key_id) {
        (Some(file), Some(id)) => (secrets::private_key(file, id.clone())?, false),
        _ => (own_key(args)?, true),
    };
    let policy = policy(args)?;
    let longest = SystemClock.now().plus(secrets::media_keys::LONGEST).epoch_s();
    if own && policy.expires_at_epoch_s > longest {
        return Err(Failure::usage(
            "with PicUp's own key nothing holds for longer than 24 hours, so that keys can be changed",
        )
        .next("write --for 24h, or less"));
    }
    let hash = match args.hash {
        Hash::Sha1 => HashAlgorithm::Sha1,
        Hash::Sha256 => HashAlgorithm::Sha256,
    };
    let form = if args.policy == Some(Form::Custom) { delivery::Form::Custom } else { delivery::Form::Shortest };
    // Both say what is wrong with an address, so that cookies are never made for one that they do not open.
    let signed = signed_url(&key, hash, &args.url, &policy, form).map_err(|error| Failure::usage(error.to_string()))?;
    if args.cookies {
        for (name, value) in signed_cookies(&key, hash, &policy, form).iter() {
            output::line(&format!("{name}={value}"));
        }
    } else {
        output::line(&signed);
    }
    Ok(ExitCode::SUCCESS)
}

/// PicUp's own key, for what its own gateway opens.
fn own_key(args: &SignArgs) -> Result<SigningKey, Failure> {
    let config = args.place.load_begun()?;
    let base = config.public_base().unwrap_or(NO_PUBLIC_BASE);
    if !args.url.starts_with(&format!("{base}/")) {
        return Err(Failure::usage(format!("PicUp's own gateway opens what is signed for {base}/… alone")).next(
            "sign that address, and ask for it wherever PicUp is reached; set public_base so that both are the same; or name \
             another key with --private-key",
        ));
    }
    if matches!(args.hash, Hash::Sha1) {
        return Err(
            Failure::usage("PicUp's own gateway opens nothing that is signed over SHA-1").next("leave --hash out")
        );
    }
    Ok(secrets::media_keys::MediaKeys::load_or_create(&config.data_dir)?.signs)
}

fn policy(args: &SignArgs) -> Result<Policy, Failure> {
    let text = args.resource.as_deref().unwrap_or(&args.url);
    let resource = Resource::parse(text).map_err(|error| Failure::usage(format!("{text}: {error}")))?;
    let now = SystemClock.now();
    let until = match (args.until, args.expires) {
        (Some(until), _) => seconds(until),
        (None, Some(expires)) => expires,
        (None, None) => now.plus(args.lasting.unwrap_or_default()).epoch_s(),
    };
    if until <= now.epoch_s() {
        return Err(Failure::usage("that time has passed; nothing would open"));
    }
    let from = args.from.map(seconds);
    if from.is_some_and(|from| from >= until) {
        return Err(Failure::usage("it would end before it begins; give an earlier --from"));
    }
    let policy = Policy { not_before_epoch_s: from, addresses: args.ip, ..Policy::until(resource, until) };
    if args.policy == Some(Form::Canned) && (args.resource.is_some() || from.is_some() || args.ip.is_some()) {
        return Err(Failure::usage(
            "a canned policy is of one address and its end alone; leave out --resource, --from and --ip",
        ));
    }
    Ok(policy)
}

fn seconds(at: jiff::Timestamp) -> u64 {
    at.as_second().max(0).unsigned_abs()
}
