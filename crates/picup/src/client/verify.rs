//! Waits until the server has read everything back and proved it, so that the source may be deleted.
//!
//! What a server answers "duplicate" to is proved already. Of the rest the oldest are asked about, which are proved first,
//! until none is left or nothing has moved for long.

use std::collections::VecDeque;
use std::time::Duration;

use picup_api::wire::{Asset, AssetIds, AssetStanding, AssetState, AssetStates, MotionState};
use uuid::Uuid;

use super::api::Api;
use super::call::ApiError;
use super::progress::{LINE_EVERY, Progress};

/// Asked about at once.
const AT_ONCE: usize = 1000;
/// The pause after a round in which something was still waiting; it doubles up to the longest.
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
        let states = match ask(api, &round).await {
            Ok(states) => states,
            Err(error) => {
                unproved.push(format!("what was sent is not verified yet: {error}; run it again to know"));
                return unproved;
            }
        };
        let mut waiting = Vec::new();
        for (id, standing) in round.iter().zip(&states) {
            match judge(standing) {
                Judged::Proved => {}
                Judged::Waiting => waiting.push(*id),
                Judged::Lost(reason) => unproved.push(format!("{}: {reason}", name(api, *id).await)),
            }
        }
        if waiting.is_empty() {
            pause = FIRST_PAUSE;
            continue;
        }
        if waiting.len() < round.len() {
            still = Duration::ZERO;
        }
        waiting.into_iter().rev().for_each(|id| open.push_front(id));
        if still >= PATIENCE {
            unproved.push(format!("{} photos are not verified yet, and nothing moves", open.len()));
            return unproved;
        }
        tokio::time::sleep(pause).await;
        (still, quiet) = (still + pause, quiet + pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        if quiet >= LINE_EVERY {
            quiet = Duration::ZERO;
            progress.note(&format!("verified {} of {total}", total - open.len()));
        }
    }
    unproved
}

async fn ask(api: &Api, assets: &[Uuid]) -> Result<Vec<AssetStanding>, ApiError> {
    let answer: AssetStates = api.post("/api/assets/states", &AssetIds { assets: assets.to_vec() }).await?;
    if answer.states.len() == assets.len() {
        Ok(answer.states)
    } else {
        Err(ApiError::Garbled("not as many answers as questions".to_owned()))
    }
}

/// What to call an asset: its file's name, if that can be known.
async fn name(api: &Api, id: Uuid) -> String {
    let asset: Result<Asset, _> = api.get(&format!("/api/assets/{id}")).await;
    asset.map_or_else(|_| format!("asset {id}"), |asset| asset.file_name)
}

enum Judged {
    Proved,
    Waiting,
    Lost(&'static str),
}

fn judge(standing: &AssetStanding) -> Judged {
    let AssetStanding::Found { state, motion, trashed, .. } = standing else {
        return Judged::Lost("has gone from the server meanwhile");
    };
    match (state, motion) {
        _ if *trashed => Judged::Lost("was put into the server's trash meanwhile"),
        (AssetState::Damaged, _) | (_, Some(MotionState::Damaged)) => Judged::Lost("what the server has is damaged"),
        (AssetState::Processing, _) | (_, Some(MotionState::Processing)) => Judged::Waiting,
        (AssetState::Ready | AssetState::Unviewable, None | Some(MotionState::Verified)) => Judged::Proved,
    }
}
