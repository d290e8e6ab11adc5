//! `picup backup run`: copies what waits until nothing does. Where a PicUp is running, that one copies, and this looks on.

use std::process::ExitCode;
use std::time::Duration;

use picup_app::backup;
use picup_database::CopyState;
use picup_domain::ByteSize;
use tokio_util::sync::CancellationToken;

use super::show::{Shown, behind};
use super::{StatusArgs, failure, opened, output, until_stopped};
use crate::cli::Failure;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// So often in a row nothing has changed, and nobody is making a copy: then it ends.
const PATIENCE: u32 = 50;

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let reports = until_stopped(async {
        let config = args.place.load()?;
        let app = opened(&args.place).await?;
        let stop = CancellationToken::new();
        let lock = crate::roles::try_lock(&config.data_dir)?;
        let work = match &lock {
            Some(_) => {
                backup::enlist(&app).await.map_err(failure)?;
                Some(tokio::spawn(backup::run(app.clone(), stop.clone())))
            }
            None => None,
        };
        let reports = until_done(&app, args.json).await;
        stop.cancel();
        if let Some(work) = work {
            let _ = work.await;
        }
        reports
    })?;
    let behind = reports.iter().any(|report| behind(report) > 0);
    if args.json {
        let shown: Vec<Shown> = reports.iter().map(Shown::from).collect();
        output::json(&serde_json::json!({ "destinations": shown }))?;
    } else {
        reports.iter().for_each(|report| output::text_of(&super::show::text(report)));
    }
    Ok(if behind { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn until_done(app: &picup_app::App, json: bool) -> Result<Vec<backup::DestinationReport>, Failure> {
    let (mut stuck, mut told) = (0, None);
    loop {
        let reports = backup::report(app).await.map_err(failure)?;
        let sum = |state| reports.iter().map(|report| report.count(state).0).sum::<u64>();
        let bytes: u64 = reports.iter().map(|report| report.count(CopyState::Waiting).1).sum();
        let (waiting, failing) = (sum(CopyState::Waiting), sum(CopyState::Failing));
        let enrolled = reports.iter().all(|report| report.enrolled);
        if enrolled && waiting == 0 && failing == 0 {
            return Ok(reports);
        }
        let now = (waiting, failing, sum(CopyState::Kept));
        stuck = if told == Some(now) && !backup::is_at_work(app).await.map_err(failure)? { stuck + 1 } else { 0 };
        if stuck >= PATIENCE {
            return Ok(reports);
        }
        if !json && told != Some(now) {
            eprintln!("{waiting} copies wait ({}), {failing} failed", ByteSize::new(bytes).unwrap_or_default());
        }
        told = Some(now);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
