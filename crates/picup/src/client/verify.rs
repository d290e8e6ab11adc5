//! Waits until the server has read everything back and proved it, so that the source may be deleted.
//!
//! What a server answers "duplicate" to is proved already. Of the rest the oldest are asked about, which are proved first,
//! until none is left or nothing has moved for long.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use picup_api::wire::{Asset, AssetState, MotionState};
use uuid::Uuid;

use super::api::Api;
use super::call::ApiError;
use super::progress::{LINE_EVERY, Progress};

/// Asked about at once.
const AT_ONCE: usize = 16;
/// The pause after a round in which nothing was new; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Given up when nothing has moved for so long: one photo or video may take minutes by itself.
const PATIENCE: Duration = Duration::from_secs(600);

/// Waits for `assets`, given in the order in which they were sent. Gives what is not proved, each with the reason.
pub(super) async fn wait(api: &Api, assets: Vec<Uuid>, progress: &Progress) -> Vec<String> {
    let total = assets.len();
    let mut open: VecDeque<Uuid> = assets.into();
    let mut unproved = Vec::new();
    let (mut pause, mut still, mut quiet) = (FIRST_PAUSE, Duration::ZERO, Duration::ZERO);
    while !open.is_empty() {
        let round: Vec<Uuid> = open.drain(..open.len().min(AT_ONCE)).collect();
        let asked = round.len();
        let asking = stream::iter(round).map(|id| async move { (id, api.get(&format!("/api/assets/{id}")).await) });
        let answers: Vec<(Uuid, Result<Asset, ApiError>)> = asking.buffered(AT_ONCE).collect().await;
        let mut waiting = Vec::new();
        for (id, answer) in answers {
            match answer.map(|asset| (judge(&asset), asset.file_name)) {
                Ok((Judged::Proved, _)) => {}
                Ok((Judged::Waiting, _)) => waiting.push(id),
                Ok((Judged::Damaged, name)) => unproved.push(format!("{name}: what the server has is damaged")),
                Err(error) if error.status() == 403 => {
                    unproved.push("this API key may not look; one with the scope `read` may".to_owned());
                    return unproved;
                }
                Err(error @ ApiError::Unreachable(_)) => {
                    unproved.push(format!("what was sent is not verified yet: {error}; run it again to know"));
                    return unproved;
                }
                Err(error) => unproved.push(format!("asset {id}: {error}")),
            }
        }
        if waiting.is_empty() {
            continue;
        }
        let moved = waiting.len() < asked;
        waiting.into_iter().rev().for_each(|id| open.push_front(id));
        (pause, still) = if moved { (FIRST_PAUSE, Duration::ZERO) } else { ((pause * 2).min(LONGEST_PAUSE), still) };
        if still >= PATIENCE {
            unproved.push(format!("{} photos are not verified yet, and nothing moves", open.len()));
            return unproved;
        }
        tokio::time::sleep(pause).await;
        (still, quiet) = (still + pause, quiet + pause);
        if quiet >= LINE_EVERY {
            quiet = Duration::ZERO;
            progress.note(&format!("verified {} of {total}", total - open.len()));
        }
    }
    unproved
}

enum Judged {
    Proved,
    Waiting,
    Damaged,
}

fn judge(asset: &Asset) -> Judged {
    let motion = asset.motion.as_ref().map(|motion| motion.state);
    match (asset.state, motion) {
        (AssetState::Damaged, _) | (_, Some(MotionState::Damaged)) => Judged::Damaged,
        (AssetState::Processing, _) | (_, Some(MotionState::Processing)) => Judged::Waiting,
        (AssetState::Ready | AssetState::Unviewable, None | Some(MotionState::Verified)) => Judged::Proved,
    }
}
