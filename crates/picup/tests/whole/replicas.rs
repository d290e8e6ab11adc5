//! A PicUp that reads from a replica: what is read is never older than what was written, and people look on when a server dies.

use picup_api::wire::{System, SystemAdvice};
use picup_testkit::{DatabaseServer, Direction, Fault, FaultProxy, samples};
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, email, eventually};
use crate::client::{Answer, Client};

/// A primary, a replica behind a network that can stall, and a PicUp with Ada, an admin.
struct Two {
    primary: DatabaseServer,
    replica: DatabaseServer,
    between: FaultProxy,
    app: TestApp,
}

impl Two {
    async fn start() -> Self {
        let primary = DatabaseServer::start_numbered(1, &["--sync-binlog=1"]).unwrap();
        let replica = DatabaseServer::start_numbered(2, &[]).unwrap();
        primary.say("CREATE DATABASE picup").unwrap();
        let between = FaultProxy::start(primary.address()).await.unwrap();
        replica.follow(between.address()).unwrap();
        let (url, copy) = (primary.url("picup"), replica.url("picup"));
        let config = format!("database.url = \"{url}\"\ndatabase.replicas = [\"{copy}\"]\n");
        let app = TestApp::builder().account("ada").admin().config(config).start().await;
        app.user_done(&["admin", &email("ada"), "on"]).await;
        let two = Self { primary, replica, between, app };
        let ada = two.app.sign_in("ada").await;
        until(&ada, "a replica that serves", |system| system.replicas.as_ref().unwrap().servers[0].serving).await;
        two
    }

    async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.app.admin.unwrap());
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    async fn primary_up(&self) -> String {
        let metrics = self.metrics().await;
        let line = format!("picup_database_primary_up{{primary=\"{}\"}} ", self.primary.address());
        metrics.lines().find_map(|said| said.strip_prefix(&line)).unwrap().to_owned()
    }

    /// How many reads replicas have answered.
    async fn reads_by_replicas(&self) -> u64 {
        let metrics = self.metrics().await;
        let of = |line: &&str| line.starts_with("picup_database_reads_total{server=\"replica\"");
        metrics.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

async fn until(admin: &Client, what: &str, wanted: impl Fn(&System) -> bool) -> System {
    let look = async || {
        let answer = admin.get("/api/admin/system").await;
        (answer.status == 200).then(|| answer.json::<System>(200)).filter(&wanted)
    };
    eventually(what, look).await.unwrap()
}

fn codes(advice: &[SystemAdvice]) -> Vec<&str> {
    advice.iter().map(|advice| advice.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_browser_or_a_program_wrote_it_reads_however_the_replica_lags() {
    let two = Two::start().await;
    let browser = two.app.sign_in_browser("ada").await;
    let program = two.app.sign_in("ada").await;
    let before = two.reads_by_replicas().await;
    for round in 0..60 {
        let stalled = round % 3 == 0;
        two.between.set(Direction::ToClient, if stalled { Fault::Stall } else { Fault::Pass });
        let client = if round % 2 == 0 { &browser } else { &program };
        let album: Value = client.post("/api/albums", &json!({"title": format!("{round}")})).await.json(201);
        let path = format!("/api/albums/{}", album["id"].as_str().unwrap());
        assert_eq!(client.get(&path).await.json::<Value>(200)["title"], format!("{round}"));
        // Another device of the same person.
        let other = if round % 2 == 0 { &program } else { &browser };
        assert_eq!(other.get(&path).await.status, 200);
        assert_eq!(client.delete(&path).await.status, 204);
        client.get(&path).await.refused(404);
    }
    two.between.set(Direction::ToClient, Fault::Pass);
    assert!(two.reads_by_replicas().await > before + 20, "the replica answered next to nothing");
    assert!(browser.jar().value("picup_seen").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_seen_is_told_to_programs_and_nonsense_counts_for_nothing() {
    let two = Two::start().await;
    let ada = two.app.sign_in("ada").await;
    let made = ada.post("/api/albums", &json!({"title": "a"})).await;
    let token = made.header("x-picup-seen").to_owned();
    assert!(!token.is_empty());
    let path = format!("/api/albums/{}", made.json::<Value>(201)["id"].as_str().unwrap());
    let halved = token[..token.len() / 2].to_owned();
    for shown in [token.clone(), halved, "nonsense".to_owned(), "A".repeat(5_000)] {
        let request = ada.request(reqwest::Method::GET, &path).header("x-picup-seen", shown);
        assert_eq!(ada.send(request).await.status, 200);
    }
    let read = ada.get(&path).await;
    assert_eq!(read.header("x-picup-seen"), "", "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_primary_dies_people_look_on_and_nothing_is_changed() {
    let mut two = Two::start().await;
    let ada = two.app.sign_in_browser("ada").await;
    let photo = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    let key = ada.with_key(&["read"]).await;
    two.replica.catch_up_with(&two.primary).unwrap();
    let asked = [
        "/api/timeline".to_owned(),
        "/api/timeline/assets?limit=10".to_owned(),
        format!("/api/assets/{}", photo.id),
        "/api/albums".to_owned(),
        "/api/account".to_owned(),
        photo.media.thumbnail.clone().unwrap(),
    ];

    two.primary.kill().unwrap();
    let away = |system: &System| codes(&system.database.row.advice) == ["primary-away"];
    let noticed = async {
        until(&ada, "the word that the primary is away", away).await;
    };
    let looking = async || {
        loop {
            for path in &asked {
                let answer = ada.get(path).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            }
        }
    };
    tokio::select! {
        () = noticed => {}
        () = looking() => {}
    }
    for path in &asked {
        assert_eq!(ada.get(path).await.status, 200, "{path}");
    }
    assert_eq!(key.get("/api/timeline").await.status, 200, "by an API key");
    let ready = reqwest::get(two.app.stranger().url("/ready")).await.unwrap();
    assert_eq!(ready.status(), 200, "a balancer must not take it out");
    assert_eq!(two.primary_up().await, "0");
    let warned = two.app.log().matches("reading events failed").count();
    assert!(warned <= 1, "{warned} warnings of one outage");

    let refused = |answer: Answer| {
        assert_eq!(answer.refused(503).r#type, "urn:picup:read-only", "{}", answer.text());
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    };
    refused(ada.post("/api/albums", &json!({"title": "not now"})).await);
    refused(ada.reserve("b.jpg", 1, &crate::client::hash(b"b")).await);
    refused(two.app.stranger().post("/api/session", &json!({"email": email("ada"), "password": PASSWORD})).await);

    two.primary.start_again().unwrap();
    let again = async || (ada.post("/api/albums", &json!({"title": "now"})).await.status == 201).then_some(());
    eventually("writing again", again).await.unwrap();
    assert_eq!(two.primary_up().await, "1");

    two.replica.kill().unwrap();
    let out = |system: &System| codes(&system.replicas.as_ref().unwrap().row.advice) == ["replica-out"];
    // What it was asked when it died, another is asked.
    let seen = tokio::select! {
        seen = until(&ada, "the word that the replica is away", out) => seen,
        () = looking() => unreachable!("it looks for ever"),
    };
    assert!(seen.database.row.advice.is_empty(), "{:?}", seen.database);
    assert_eq!(ada.get("/api/albums").await.status, 200);
    two.replica.start_again().unwrap();
    until(&ada, "the replica", |system| system.replicas.as_ref().unwrap().row.advice.is_empty()).await;
    assert!(!two.app.log().contains("panicked"), "{}", two.app.log());
}
