//! `picup user invite`: a link that makes an account.

use anyhow::Context;
use clap::Args;
use picup_app::admin::Actor;
use picup_app::invitation::{self, MOST_DAYS, NewInvitation, USUAL_DAYS};
use picup_domain::{AccountRole, ByteSize, Email};
use serde::Serialize;

use super::{Failure, Place, moment, output, with_app};

#[derive(Debug, Args)]
pub(in crate::cli) struct InviteArgs {
    /// The address the new account must have; without it, the guest chooses
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Option<Email>,
    /// May manage other accounts
    #[arg(long)]
    admin: bool,
    /// The most it may keep, such as 10GB; no limit without it
    #[arg(long, value_name = "SIZE")]
    quota: Option<ByteSize>,
    /// How many days the link holds, 1 to 30
    #[arg(long, value_name = "N", default_value_t = USUAL_DAYS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DAYS)))]
    days: u32,
    /// One line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// A link, for programs.
#[derive(Serialize)]
struct Made {
    link: String,
    expires_at: String,
}

pub(super) fn run(args: InviteArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let new = NewInvitation {
        role: if args.admin { AccountRole::Admin } else { AccountRole::Member },
        email: args.email,
        quota: args.quota,
        days: args.days,
    };
    let made = with_app(&config, async |app| {
        Ok(invitation::invite(app, Actor::Operator, new).await.context("cannot make the invitation")?)
    })?;
    let made = Made { link: made.link, expires_at: moment(made.invitation.expires_at) };
    if args.json {
        return Ok(output::json(&made)?);
    }
    output::line(&made.link);
    if made.link.starts_with('/') {
        eprintln!("put the address of your PicUp before it (with `public_base` in the configuration it stands there)");
    }
    eprintln!("it makes one account, once, until {}", made.expires_at);
    Ok(())
}
