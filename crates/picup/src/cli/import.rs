//! `picup import`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use picup_domain::{AlbumTitle, Email};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, block_on, output, password};
use crate::client::{Credentials, Import, ImportError, StatePlace, Stop, import};
use crate::config::BaseAddress;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Which PicUp, and who signs in there.
#[derive(Debug, Args)]
pub(super) struct SignInArgs {
    /// The PicUp, such as http://192.168.1.5:8080
    #[arg(long, value_name = "URL")]
    pub(super) server: BaseAddress,
    /// The account
    #[arg(long, value_name = "EMAIL", value_parser = Email::new, required_unless_present = "api_key_file")]
    email: Option<Email>,
    /// The file that holds its password, - for standard input; without it you are asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The file that holds an API key of the account, - for standard input; instead of --email and the password
    #[arg(long, value_name = "FILE", conflicts_with_all = ["email", "password_file"])]
    api_key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The folder with photos and videos, also in folders below it; or a single file
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    sign_in: SignInArgs,
    /// The album to put all of them in; made when there is none of that title
    #[arg(long, value_name = "NAME", value_parser = AlbumTitle::new)]
    album: Option<AlbumTitle>,
    /// Say what would be done, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// The file that remembers what has been hashed, for the next run [default: one for each folder, in your state folder]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Do not wait at the end until the server has verified everything
    #[arg(long)]
    no_wait: bool,
    /// How many files are sent at once, 1 to 32
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    parallel: u8,
    /// No progress; the last line is the result as JSON, and the one before it says whether the source may be deleted
    #[arg(long)]
    json: bool,
}

/// What `--json` prints before the numbers, which scripts find on the last line.
#[derive(Serialize)]
struct Verdict {
    may_delete_source: bool,
}

pub(super) fn run(args: ImportArgs) -> Result<ExitCode, Failure> {
    let state = args.state.map(StatePlace::File);
    let wish = Import {
        credentials: args.sign_in.credentials(args.dry_run)?,
        dry_run: args.dry_run,
        state: state.or_else(|| crate::config::state_folder().map(StatePlace::Folder)),
        wait: !args.no_wait,
        dir: args.dir,
        server: args.sign_in.server,
        album: args.album,
        parallel: usize::from(args.parallel),
        json: args.json,
        terminal: std::io::stderr().is_terminal(),
    };
    let stop = Arc::<Stop>::default();
    let report = block_on(async {
        listen_for_the_end(Arc::clone(&stop))?;
        import(wish, stop).await.map_err(failure)
    })?;
    for failure in &report.failures {
        eprintln!("{failure}");
    }
    if args.json {
        eprint!("{}", report.verdict);
        output::json(&Verdict { may_delete_source: report.may_delete_source })?;
        output::json(&report.counts)?;
    } else {
        output::text_of(&report.summary);
        output::text_of(&report.verdict);
    }
    Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl SignInArgs {
    /// Who signs in; a person may be asked for the password. What signs in nowhere asks for none.
    pub(super) fn credentials(&self, nowhere: bool) -> Result<Credentials, Failure> {
        if let Some(file) = &self.api_key_file {
            let key = password::read(Some(file), "")?;
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Failure::usage(format!("there is no API key in {}", file.display()))
                    .next("the file holds one line: picup_ and what follows it"));
            }
            return Ok(Credentials::Key(key));
        }
        let email = self.email.as_ref().map(ToString::to_string).unwrap_or_default();
        let question = format!("The password of {email} at {}: ", self.server.as_str());
        let ask = || password::read(self.password_file.as_deref(), &question);
        Ok(Credentials::Password { email, password: if nowhere { String::new() } else { ask()? } })
    }
}

/// Ctrl-C or SIGTERM ends the work and still reports; a second one leaves at once.
pub(super) fn listen_for_the_end(stop: Arc<Stop>) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if again {
                std::process::exit(INTERRUPTED);
            }
            eprintln!("stopping; once more leaves at once");
            stop.interrupt();
        }
    });
    Ok(())
}

pub(super) fn failure(error: ImportError) -> Failure {
    match error {
        ImportError::Folder(..) => {
            Failure::usage(error.to_string()).next("name a folder that is there and can be read")
        }
        ImportError::Credentials => {
            Failure::from(anyhow::Error::new(error)).next("check --email, and what is in the password file")
        }
        ImportError::Key => Failure::from(anyhow::Error::new(error)).next(
            "make a new one where PicUp runs, with `picup user key EMAIL --scope SCOPE --name NAME --data-dir DIR` \
             (the scope is upload for an import and read for an export), and write it into the file of --api-key-file",
        ),
        ImportError::NotNow(..) => Failure::from(anyhow::Error::new(error)).next("run it again later"),
        ImportError::SignIn(..) => Failure::from(anyhow::Error::new(error))
            .next("check --server, and that PicUp is running there: the address is the one a browser shows"),
    }
}
