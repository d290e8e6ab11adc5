//! Server-sent events: a page hears of its own account's changes and of nobody else's.

use std::time::Duration;

use picup_api::wire::{AssetState, Change};
use picup_testkit::samples;
use reqwest::Method;
use tokio::time::timeout;

use crate::app::{PATIENCE, TestApp};
use crate::client::Client;

/// An open page's ear.
pub(crate) struct Ear {
    response: reqwest::Response,
    unread: String,
}

impl Ear {
    pub(crate) async fn open(client: &Client) -> Self {
        let response = client.request(Method::GET, "/api/events").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut ear = Self { response, unread: String::new() };
        assert_eq!(ear.next().await.unwrap().0, "reset", "what happened before it listened it must fetch itself");
        ear
    }

    /// The next event's name and data; nothing when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| {
                    let found = event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                    found.trim_start().to_owned()
                };
                let event = (field("event:"), field("data:"));
                self.unread = rest.to_owned();
                if !event.0.is_empty() {
                    return Some(event);
                }
            } else {
                let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something is heard in time");
                self.unread.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
            }
        }
    }

    async fn change(&mut self) -> Change {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "change");
        serde_json::from_str(&data).unwrap()
    }
}

#[tokio::test]
async fn a_page_hears_of_its_own_upload_and_no_other_does() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in_browser("bob").await);
    let (mut adas, mut bobs) = (Ear::open(&ada).await, Ear::open(&bob).await);
    let asset = ada.upload("a.jpg", &samples::jpeg_taken(1, "2024:05:06 07:08:09", None, 1)).await;
    let mut states = Vec::new();
    while states.last() != Some(&AssetState::Ready) {
        match adas.change().await {
            Change::Asset { id, state, day } => {
                assert_eq!(id, asset);
                if state == AssetState::Ready {
                    assert_eq!(day, "2024-05-06");
                }
                states.push(state);
            }
            Change::Album { .. } => panic!("no album was touched"),
        }
    }
    assert_eq!(states, [AssetState::Processing, AssetState::Ready]);
    // The first thing Bob hears is his own.
    let own = bob.upload("b.jpg", &samples::jpeg(2)).await;
    assert!(matches!(bobs.change().await, Change::Asset { id, .. } if id == own));
    let album = ada.post("/api/albums", &serde_json::json!({"title": "x"})).await.json::<picup_api::wire::Album>(201);
    assert!(matches!(adas.change().await, Change::Album { id } if id == album.id));
    drop((adas, bobs));
    app.finish().await;
}

#[tokio::test]
async fn open_pages_are_bounded_and_give_their_places_back() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    let mut ears = Vec::new();
    let refused = loop {
        let response = ada.request(Method::GET, "/api/events").send().await.unwrap();
        if response.status().as_u16() != 200 {
            break response;
        }
        ears.push(response);
        assert!(ears.len() < 100, "as many as one likes");
    };
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(Ear::open(&bob).await);
    ears.clear();
    let again = crate::app::eventually("a place", async || {
        let response = ada.request(Method::GET, "/api/events").timeout(Duration::from_secs(5)).send().await.unwrap();
        (response.status().as_u16() == 200).then_some(())
    });
    again.await.unwrap();
    app.finish().await;
}
