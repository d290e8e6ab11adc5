//! Somebody who is signed in, as a program.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use picup_api::wire;
use prometheus_client::metrics::histogram::Histogram;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::exposed::histogram;

/// Well before the five minutes that a token holds.
const RENEW_AFTER: Duration = Duration::from_secs(120);

/// How somebody reaches a PicUp.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    /// What all that was sent through it took.
    pub(crate) took: Histogram,
}

/// An answer: its status, 0 when there was none, its body and what it took.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) took: Duration,
}

/// A user and its tokens.
pub(crate) struct User {
    door: Door,
    tokens: wire::Tokens,
    renewed: Instant,
}

impl Door {
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), took: histogram() })
    }

    /// Sends a request, and notes what it took.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = send(request).await;
        self.took.observe(answer.took.as_secs_f64());
        answer
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn sign_in_request(&self, number: usize, password: &str) -> RequestBuilder {
        let email = format!("person{number:03}@example.org");
        let body = json!({ "email": email, "password": password, "client": "program" });
        self.request(Method::POST, "/api/session").json(&body)
    }

    pub(crate) async fn sign_in(&self, number: usize, password: &str) -> anyhow::Result<User> {
        let answer = self.send(self.sign_in_request(number, password)).await;
        User::of(self, &answer).with_context(|| format!("signing in person{number:03}"))
    }
}

impl User {
    /// By the answer to a sign-in.
    pub(crate) fn of(door: &Door, answer: &Answer) -> anyhow::Result<Self> {
        let session: wire::Session = answer.json()?;
        let tokens = session.tokens.context("there are no tokens in the answer")?;
        Ok(Self { door: door.clone(), tokens, renewed: Instant::now() })
    }

    /// Renews the tokens when they are no longer young.
    pub(crate) async fn stay(&mut self) -> anyhow::Result<()> {
        if self.renewed.elapsed() > RENEW_AFTER {
            let body = json!({ "refresh_token": self.tokens.refresh_token });
            let answer = self.door.send(self.door.request(Method::POST, "/api/session/refresh").json(&body)).await;
            *self = Self::of(&self.door, &answer)?;
        }
        Ok(())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.door.send(self.door.request(Method::GET, path).bearer_auth(&self.tokens.access_token)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.door.send(self.door.request(Method::POST, path).bearer_auth(&self.tokens.access_token).json(body)).await
    }

    /// Sends the only part of an upload; the address carries the right.
    pub(crate) async fn put(&self, target: &wire::PartTarget, bytes: Vec<u8>) -> anyhow::Result<()> {
        let mut request = self.door.request(target.method.parse()?, &target.url).body(bytes);
        for header in &target.headers {
            request = request.header(&header.name, &header.value);
        }
        self.door.send(request).await.well()
    }
}

impl Answer {
    pub(crate) fn well(&self) -> anyhow::Result<()> {
        ensure!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        Ok(())
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> anyhow::Result<T> {
        self.well()?;
        Ok(serde_json::from_slice(&self.body)?)
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let begun = Instant::now();
    let answer = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok::<_, reqwest::Error>((status, response.bytes().await?.to_vec()))
    };
    let (status, body) = match answer.await {
        Ok(answer) => answer,
        Err(error) => (0, format!("{error:?}").into_bytes()),
    };
    Answer { status, body, took: begun.elapsed() }
}
