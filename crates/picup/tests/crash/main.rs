//! PicUp killed at every named step: each point of [`points::POINTS`] is armed once, a life is led until the server dies
//! there, it is started again, the client goes on as a client does, and everything is held against everything.
//!
//! Needs a picup with the feature `crash-points`: `cargo test -p picup --features crash-points --test crash`, a suite of
//! `make test`.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]
#![allow(dead_code, reason = "modules of the whole-PicUp tests are used here in part")]

#[path = "../whole/app.rs"]
mod app;
#[path = "../whole/books.rs"]
mod books;
#[path = "../whole/client.rs"]
mod client;
#[path = "../whole/patient.rs"]
mod patient;
#[path = "../whole/pictures.rs"]
mod pictures;

mod keeping;
mod leaving;
mod life;
mod mortal;
mod points;

use std::rc::Rc;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use points::{POINTS, Point};

/// Enough to keep two processors busy while others wait for their disk.
const AT_ONCE: usize = 4;

#[tokio::test]
async fn nothing_is_lost_shown_half_or_leaked_wherever_it_dies() {
    let lives = async {
        let (places, mut lives) = (Rc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
        for point in POINTS.iter().filter(|point| !point.is_by_command()) {
            let places = Rc::clone(&places);
            lives.spawn_local(async move {
                let _place = places.acquire().await.unwrap();
                // On a task of its own, so that one that fails hides no other.
                let ended = tokio::task::spawn_local(life::lead(point)).await;
                ended.err().map(|_| point)
            });
        }
        lives.join_all().await
    };
    let failed: Vec<&Point> = LocalSet::new().run_until(lives).await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "what each said is above: {failed:#?}");
}
