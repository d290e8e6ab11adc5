//! PicUp: a private photo and video cloud in one binary.
//!
//! This crate is the command line ([`cli`]), the configuration ([`config`]), the secrets ([`secrets`]) and the wiring of
//! the rooms into running roles ([`roles`]); what PicUp does is in the rooms themselves.

#![forbid(unsafe_code)]

mod cli;
mod client;
mod config;
mod doctor;
mod moving;
mod qr;
mod roles;
mod secrets;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // The child that looks at untrusted pictures starts here, before there is a thread, a runtime or anything to steal.
    if arguments.next().is_some_and(|command| command == picup_media::CHILD_COMMAND) {
        let request = arguments.next().unwrap_or_default();
        return picup_media::child_main(&request.to_string_lossy());
    }
    #[cfg(feature = "crash-points")]
    let _armed = fail::FailScenario::setup();
    cli::main()
}
