//! A real Prometheus before a PicUp in parts, with the rules of `deploy/prometheus/`: what it saw is what was asked, and what clients, the
//! front and the API took for the same requests fits together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use picup_testkit::{PicupProcess, ProcessBuilder, PrometheusServer, TempDir, free_address, fresh_folder};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use reqwest::Method;
use tokio::time::Instant;

use crate::app::{BINARY, PASSWORD, email, eventually, make_account, prepare, write_private};
use crate::books;
use crate::client::Client;

/// The rules that are shipped.
pub(crate) fn rules() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus/rules/*.yml")
}

/// The value of an expression, once it has one and that is as wanted.
pub(crate) async fn wait_for(server: &PrometheusServer, expression: &str, wanted: impl Fn(f64) -> bool) -> f64 {
    let look = async || {
        let values = server.values(expression).await.unwrap();
        values.first().map(|(_, value)| *value).filter(|value| wanted(*value))
    };
    match eventually(expression, look).await {
        Ok(value) => value,
        Err(late) => panic!("{late}: it is {:?}", server.values(expression).await),
    }
}

/// A gateway, one that answers, and one that works in the background; and who asks, with a histogram of what it took.
struct Stage {
    folder: TempDir,
    processes: [PicupProcess; 3],
    server: PrometheusServer,
    ada: Client,
    took: Histogram,
}

fn part(data: PathBuf, roles: &str, admin: SocketAddr) -> ProcessBuilder {
    ProcessBuilder::new(BINARY, data).arg("--roles").arg(roles).arg("--admin-listen").arg(admin.to_string())
}

impl Stage {
    async fn set() -> Self {
        let folder = fresh_folder();
        let (data, front) = (folder.path().join("data"), folder.path().join("gateway"));
        let limits = "gateway.limits.exempt = [\"127.0.0.0/8\"]\n";
        prepare(&data, &format!("gateway.trusted_proxies = [\"127.0.0.1\"]\n{limits}"));
        let [gateway_admin, api_admin, worker_admin] = [free_address(), free_address(), free_address()];
        let api = part(data.clone(), "api", api_admin).start().await.unwrap();
        let worker = part(data.clone(), "worker", worker_admin).spawn().unwrap();
        std::fs::create_dir(&front).unwrap();
        let settings = format!("{limits}[gateway.balance]\nupstreams = [\"http://{}\"]\n", api.address());
        std::fs::write(front.join("picup.toml"), settings).unwrap();
        let gateway = part(front, "gateway", gateway_admin).start().await.unwrap();

        let password = folder.path().join("password");
        write_private(&password, PASSWORD);
        make_account(&data, &password, "ada", None).await;

        let took = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let mut registry = Registry::default();
        registry.register_with_unit("client_request_duration", "As clients see it", Unit::Seconds, took.clone());
        let jobs = [
            ("picup-front", gateway_admin),
            ("picup-api", api_admin),
            ("picup-worker", worker_admin),
            ("client", told(registry).await),
        ];
        let server = PrometheusServer::start(&jobs, &rules()).unwrap();
        let ada = Client::browser(gateway.address(), &email("ada"), PASSWORD).await;
        Self { folder, processes: [gateway, api, worker], server, ada, took }
    }

    /// Asks, and says what it took until the last byte was there.
    async fn ask(&self, path: &str, status: u16) {
        let began = Instant::now();
        let answer = self.ada.get(path).await;
        self.took.observe(began.elapsed().as_secs_f64());
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }

    async fn wait_for(&self, expression: &str, wanted: impl Fn(f64) -> bool) -> f64 {
        wait_for(&self.server, expression, wanted).await
    }

    async fn finish(mut self) {
        let data = self.folder.path().join("data");
        eventually("the end of all work", async || books::at_rest(&data).await.then_some(())).await.unwrap();
        for process in &mut self.processes {
            assert!(process.terminate().await.unwrap().success(), "{}", process.output().text());
        }
    }
}

/// Gives those metrics to whoever asks, for as long as the test goes on.
async fn told(registry: Registry) -> SocketAddr {
    let registry = Arc::new(registry);
    let metrics = get(async move || {
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/metrics", metrics)).await });
    address
}

#[tokio::test]
async fn prometheus_saw_of_a_load_what_clients_the_front_and_the_api_saw() {
    let stage = Stage::set().await;
    stage.wait_for("sum(up) == 4", |up| (up - 4.0).abs() < 0.1).await;
    for _ in 0..40 {
        stage.ask("/api/albums", 200).await;
    }
    for _ in 0..7 {
        stage.ask("/api/nothing-of-the-kind", 404).await;
    }

    // Each was counted once, wherever it passed.
    let is = |wanted: f64| move |value: f64| (value - wanted).abs() < 0.5;
    for (expression, wanted) in [
        (
            r#"sum(http_server_request_duration_seconds_count{job="picup-front",method="GET",route="api",status="200"})"#,
            40.0,
        ),
        (
            r#"sum(http_server_request_duration_seconds_count{job="picup-front",method="GET",route="api",status="404"})"#,
            7.0,
        ),
        (r#"http_server_request_duration_seconds_count{job="picup-api",route="/api/albums",method="GET"}"#, 40.0),
        (
            r#"picup_api_request_duration_seconds_count{job="picup-api",route="/api/albums",method="GET",status="200"}"#,
            40.0,
        ),
        (r#"picup_api_request_duration_seconds_count{job="picup-api",route="api",status="404"}"#, 7.0),
        // The sign-in too.
        (r#"sum(picup_upstream_attempts_total{result="answered"})"#, 48.0),
        ("client_request_duration_seconds_count", 47.0),
        (r#"http_server_request_body_size_bytes_count{job="picup-front",route="api"}"#, 1.0),
    ] {
        stage.wait_for(expression, is(wanted)).await;
    }

    // The farther from the API somebody stands, the longer it takes.
    let sum = async |expression: &str| stage.wait_for(&format!("sum({expression})"), |_| true).await;
    let client = sum("client_request_duration_seconds_sum").await;
    let front = sum(r#"http_server_request_duration_seconds_sum{job="picup-front",method="GET",route="api"}"#).await;
    let api = sum(r#"picup_api_request_duration_seconds_sum{method="GET",route=~"api|/api/albums"}"#).await;
    assert!(client >= front && front >= api && api > 0.0, "client {client}, front {front}, API {api}");
    let front = sum(r#"http_server_time_to_first_byte_seconds_sum{job="picup-front",route="api"}"#).await;
    let api = sum(r#"picup_api_request_duration_seconds_sum{route!~"/live|/ready"}"#).await;
    assert!(front >= api, "front, to the first byte and with the sign-in: {front}, API {api}");
    stage.finish().await;
}

#[tokio::test]
async fn recording_rules_have_values_while_somebody_asks_and_what_was_slow_is_shown_by_its_id() {
    let stage = Stage::set().await;
    // A page that listens to events, for longer than two looks.
    let page = stage.ada.request(Method::GET, "/api/events").send().await.unwrap();
    let id = page.headers()["x-request-id"].to_str().unwrap().to_owned();
    let open = r#"http_server_active_requests{job="picup-front"}"#;
    stage.wait_for(&format!("min({open} >= 1 and {open} offset 1s >= 1)"), |_| true).await;
    drop(page);
    for expression in [
        "sum(picup:front_requests:rate5m) > 0",
        "sum(picup:api_requests:rate5m) > 0",
        "sum(picup:upstream_requests:rate5m) > 0",
        "picup:front_errors:ratio_rate5m == 0",
        "picup:front_errors:ratio_rate6h == 0",
        "picup:front_first_byte_seconds:p99_5m > 0",
        "picup:front_duration_seconds:p50_5m > 0",
        "picup:api_duration_seconds:p95_5m > 0",
        "picup:upstream_first_byte_seconds:p99_5m > 0",
    ] {
        let look = async || {
            stage.ask("/api/albums", 200).await;
            stage.server.values(expression).await.unwrap().pop()
        };
        eventually(expression, look).await.unwrap();
    }
    let shown = async || {
        let asked = [("query", r#"http_server_request_duration_seconds_bucket{job="picup-front"}"#)];
        let found = stage.server.ask("query_exemplars", &asked).await.unwrap();
        found.to_string().contains(&id).then_some(())
    };
    eventually("the id of what was slow", shown).await.unwrap();
    let alerts = stage.server.values("ALERTS{alertstate=\"firing\"}").await.unwrap();
    assert!(alerts.is_empty(), "nothing is wrong: {alerts:?}");
    stage.finish().await;
}
