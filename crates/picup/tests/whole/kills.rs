//! Two hundred uploads at once and fifty kills at moments that chance chooses.

use std::cell::RefCell;
use std::rc::Rc;

use picup_api::wire::AssetState;
use picup_testkit::samples;
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Duration, sleep};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::hash;
use crate::luck::luck;
use crate::patient::{Kept, Patient, Step};
use crate::pictures::noise;

const UPLOADS: u64 = 200;
/// As many of them have two parts.
const FILMS: u64 = 6;
const KILLS: usize = 50;
const NAMES: [&str; 3] = ["ada", "bob", "eve"];

fn content(number: u64) -> (&'static str, Vec<u8>, AssetState) {
    if number.is_multiple_of(UPLOADS / FILMS) {
        return ("film.mp4", noise(number, (16 << 20) + 1_000 + number as usize), AssetState::Unviewable);
    }
    let mut photo = samples::jpeg(number);
    photo.extend(noise(number, 2_000 * (number as usize % 20)));
    ("photo.jpg", photo, AssetState::Ready)
}

#[tokio::test]
async fn fifty_kills_in_two_hundred_uploads() {
    LocalSet::new().run_until(under_fire()).await;
}

async fn under_fire() {
    let mut luck = luck();
    let mut app = NAMES.iter().fold(TestApp::builder(), |builder, name| builder.account(name)).start().await;
    let mut people = Vec::new();
    for name in NAMES {
        people.push(Patient(app.sign_in_browser(name).await));
    }
    let acknowledged: Rc<RefCell<Vec<Vec<Kept>>>> = Rc::new(RefCell::new(vec![Vec::new(); NAMES.len()]));
    let (kills, mut uploads) = (watch::Sender::new(0), JoinSet::new());
    for number in 0..UPLOADS {
        let who = number as usize % NAMES.len();
        let (person, acknowledged) = (people[who].clone(), Rc::clone(&acknowledged));
        // All are promised at once; the rest of each waits for kills that chance chooses, so that every kill meets some.
        let [mut parts, mut end] = [luck.random_range(0..KILLS), luck.random_range(0..KILLS)];
        if parts > end {
            std::mem::swap(&mut parts, &mut end);
        }
        let kills = kills.subscribe();
        uploads.spawn_local(async move {
            let (name, content, state) = content(number);
            let before = async |step| {
                let wanted = if matches!(step, Step::Parts) { parts } else { end };
                kills.clone().wait_for(|kills| *kills >= wanted).await.unwrap();
            };
            let asset = person.keep_as(name, &content, &hash(&content), before).await;
            acknowledged.borrow_mut()[who].push(Kept { asset, sha256: hash(&content), state });
        });
    }
    let so_far = || acknowledged.borrow().iter().map(Vec::len).sum::<usize>();
    let mut busy = 0;
    for kill in 0..KILLS {
        sleep(Duration::from_micros(luck.random_range(0..80_000))).await;
        app = app.kill_and_restart().await;
        kills.send_replace(kill + 1);
        busy += usize::from(so_far() < UPLOADS as usize);
        let before: Vec<Vec<Uuid>> =
            acknowledged.borrow().iter().map(|kept| kept.iter().map(|k| k.asset).collect()).collect();
        for (person, before) in people.iter().zip(before) {
            let shown = person.anew().timeline().await;
            assert!(before.iter().all(|asset| shown.id.contains(asset)), "kill {kill}: something acknowledged is gone");
            assert!(!shown.state.contains(&AssetState::Damaged), "kill {kill}");
        }
    }
    println!("{busy} of {KILLS} kills came while uploads were under way");
    assert!(busy > KILLS / 2);
    uploads.join_all().await;
    app.settle().await;
    for (person, kept) in people.iter().zip(acknowledged.take()) {
        person.holds_exactly(&kept).await;
    }
    app.finish().await;
}
