//! `picup user delete`: the end of an account, after the grace or at once.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use clap::Args;
use picup_app::admin::Actor;
use picup_app::deletion::{self, When};
use picup_domain::Email;

use super::{Failure, Place, find, moment, output, with_app};

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    /// The account's address
    #[arg(value_name = "EMAIL", value_parser = Email::new)]
    email: Email,
    /// Without a grace: it cannot be taken back
    #[arg(long)]
    now: bool,
    /// Does not ask; only with --now, which asks for the address to be typed again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &DeleteArgs) -> Result<(), Failure> {
    let config = args.place.load()?;
    let when = if args.now { When::Now } else { When::AfterGrace };
    let after = with_app(&config, async |app| {
        let id = find(app, &args.email).await?.id;
        if args.now && !args.yes {
            confirm(&args.email)?;
        }
        Ok(deletion::request(app, Actor::Operator, id, when).await.context("cannot delete the account")?)
    })?;
    output::line(&match when {
        When::Now => format!("{} is being erased by the PicUp that is running, or by the next that starts", args.email),
        When::AfterGrace => {
            let (email, at) = (&args.email, moment(after));
            format!("{email} is to be erased after {at}; take it back with: picup user keep {email}")
        }
    });
    Ok(())
}

/// Asks for the address to be typed: a slip of the finger does not type one.
fn confirm(email: &Email) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to ask at whether this is meant").next("say so with --yes"));
    }
    eprint!("{email} and all its photos go for good. Type the address to go on: ");
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).context("cannot read from the terminal")?;
    match Email::new(&typed) {
        Ok(typed) if typed == *email => Ok(()),
        _ => Err(Failure::usage("that is not the address; nothing was changed")),
    }
}
