//! `picup backup recovery-key`.

use std::process::ExitCode;

use clap::Args;
use picup_storage::{SealIdentity, SealRecipient};

use super::{Place, output};
use crate::cli::{Failure, no_picup};
use crate::secrets;

#[derive(Debug, Args)]
pub(in crate::cli) struct KeyArgs {
    /// Use the public half of a key made elsewhere (`age-keygen`), instead of making one
    #[arg(long, value_name = "age1…")]
    recipient: Option<SealRecipient>,
    /// Replace a recovery key there is: what was written before is still opened by that one alone
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &KeyArgs) -> Result<ExitCode, Failure> {
    let config = args.place.load()?;
    // It may be made before the first start.
    if !config.data_dir.exists() {
        return Err(no_picup(&config));
    }
    let data_dir = config.data_dir;
    if let Some(there) = secrets::recovery_recipient(&data_dir)?
        && !args.replace
    {
        return Err(Failure::from(anyhow::anyhow!("there is a recovery key already, for {there}")).next(
            "keep using it. If it is lost, make another with --replace, and copy everything anew to a fresh destination",
        ));
    }
    let made = args.recipient.is_none().then(SealIdentity::generate);
    let recipient = match (&args.recipient, &made) {
        (Some(recipient), _) => recipient.clone(),
        (None, Some(key)) => key.recipient(),
        (None, None) => return Err(Failure::usage("name a recipient, or none")),
    };
    secrets::keep_recovery_recipient(&data_dir, &recipient)?;
    if let Some(key) = made {
        output::line(
            "# The recovery key of this PicUp's backups. It is shown this once and kept nowhere: write it down, or print it,",
        );
        output::line(
            "# and keep it away from this machine. Whoever has it and can read the backup can open all of it.",
        );
        output::line(&format!("# public key: {recipient}"));
        output::line(&key.reveal());
    } else {
        output::line(&format!("backups are sealed to {recipient} from now on"));
    }
    eprintln!("A PicUp that is running takes it at its next start.");
    Ok(ExitCode::SUCCESS)
}
