//! Starting, stopping, health, and what the log and the metrics tell and keep to themselves.

use picup_api::wire;
use picup_testkit::{free_address, fresh_folder, run, samples};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::app::{BINARY, PASSWORD, TestApp, email, eventually};
use crate::client::{Client, Who};
use crate::events::Ear;
use crate::pictures::noise;

#[tokio::test]
async fn a_download_under_way_is_finished_before_the_end() {
    let mut app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    // More than sockets hold, so that the server is still sending when it is asked to stop.
    let content = noise(1, 15 << 20);
    let asset = ada.processed(ada.upload("film.mp4", &content).await).await;
    let mut download = ada.request(Method::GET, &asset.media.original).send().await.unwrap();
    let mut got = download.chunk().await.unwrap().unwrap().to_vec();
    app.server.signal(Signal::TERM);
    let told = |line: &str| line.contains("asked to stop").then_some(());
    app.server.output().wait_for("the word that it stops", told).await.unwrap();
    let refused = async || {
        let fresh = app.stranger();
        fresh.http.get(fresh.url("/live")).send().await.is_err().then_some(())
    };
    eventually("no new connections", refused).await.unwrap();
    while let Some(chunk) = download.chunk().await.unwrap() {
        got.extend_from_slice(&chunk);
    }
    assert!(got == content, "{} bytes of {}", got.len(), content.len());
    drop(download);
    assert!(app.server.wait().await.unwrap().success(), "{}", app.log());
    app.finish_stopped().await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let folder = fresh_folder();
    let (data, address) = (folder.path().join("data"), free_address());
    let mut server = tokio::process::Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 2>/dev/full", BINARY, "serve", "--admin-listen", ""])
        .args(["--listen", &address.to_string(), "--data-dir", data.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let http = reqwest::Client::new();
    let ask = async |path: &str| http.get(format!("http://{address}{path}")).send().await.ok().map(|a| a.status());
    let ready = async || ask("/ready").await.filter(|status| *status == 200);
    eventually("a server without a log", ready).await.unwrap();
    for _ in 0..20 {
        assert_eq!(ask("/ready").await.unwrap(), 200);
        assert_eq!(ask("/api/account").await.unwrap(), 401);
    }
    assert!(server.try_wait().unwrap().is_none(), "it ended");
    server.kill().await.unwrap();
}

#[tokio::test]
async fn open_pages_do_not_hold_it_up() {
    let mut app = TestApp::start().await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in("bob").await);
    let mut ears = [Ear::open(&ada).await, Ear::open(&ada).await, Ear::open(&bob).await];
    let begin = Instant::now();
    assert!(app.server.terminate().await.unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    for ear in &mut ears {
        assert_eq!(ear.next().await, None, "the stream ends");
    }
    app.finish_stopped().await;
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused_and_the_first_goes_on() {
    let app = TestApp::start().await;
    let data = app.data();
    let arguments = ["serve", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--admin-listen", ""];
    let second = run(BINARY, arguments).await.unwrap();
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    assert!(second.stderr.contains("another PicUp is serving"), "{}", second.stderr);
    assert!(second.stderr.contains(data.to_str().unwrap()), "{}", second.stderr);
    assert_eq!(app.stranger().get("/ready").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn one_that_was_just_killed_may_take_a_moment_to_let_go() {
    let mut app = TestApp::start().await;
    app.server.terminate().await.unwrap();
    // As a child of the old server does that has not yet become another program.
    let held = std::fs::File::open(app.data().join("serve.lock")).unwrap();
    held.lock().unwrap();
    let released = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(held);
    };
    let (app, ()) = tokio::join!(app.kill_and_restart(), released);
    assert_eq!(app.stranger().get("/ready").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_so() {
    let app = TestApp::start().await;
    let (folder, taken) = (app.path("other"), app.server.address().to_string());
    let arguments = ["serve", "--data-dir", folder.to_str().unwrap(), "--listen", &taken, "--admin-listen", ""];
    let second = run(BINARY, arguments).await.unwrap();
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    assert!(second.stderr.contains(&taken) && second.stderr.contains("--listen"), "{}", second.stderr);
    app.finish().await;
}

#[tokio::test]
async fn the_same_library_after_a_restart() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    for number in 0..5 {
        let time = format!("2020:01:0{} 10:00:00", number + 1);
        ada.upload("a.jpg", &samples::jpeg_taken(number, &time, None, 1)).await;
    }
    app.settle().await;
    let seen = async |ada: &Client| {
        let timeline = ada.timeline().await;
        let mut seen = vec![ada.get("/api/timeline").await.text(), ada.get("/api/account").await.text()];
        for id in timeline.id {
            let asset = ada.asset(id).await;
            seen.push(format!("{asset:?}"));
            let thumbnail = ada.get(asset.media.thumbnail.as_ref().unwrap()).await;
            assert_eq!(thumbnail.status, 200);
            seen.push(crate::client::hash(&thumbnail.body));
        }
        seen
    };
    let before = seen(&ada).await;
    let mut app = app;
    app.server.terminate().await.unwrap();
    let app = app.kill_and_restart().await;
    // The same cookies hold: keys and sessions are the folder's.
    assert_eq!(seen(&ada).await, before);
    let _: wire::Session = ada.post("/api/session/refresh", &json!({})).await.json(200);
    // Light: what it takes for itself, idle with a library. The tour holds the whole of a release against its promise; a program that
    // is built for debugging is itself the most of it.
    let own = app.server.own_bytes().unwrap();
    assert!(own < 24 << 20, "{own} bytes");
    app.finish().await;
}

/// An empty folder where a disk should be mounted is not taken for a store whose photos are all lost.
#[tokio::test]
async fn a_store_without_its_photos_is_refused_unless_that_is_so() {
    let mut app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    app.settle().await;
    app.server.terminate().await.unwrap();
    let (data, away) = (app.data(), app.path("away"));
    std::fs::rename(data.join("objects"), &away).unwrap();
    let done = run(BINARY, ["serve", "--data-dir", data.to_str().unwrap(), "--admin-listen", ""]).await.unwrap();
    let said = format!("{}{}", done.stdout, done.stderr);
    assert!(!done.status.success() && said.contains("is empty, and the database knows of photos in it"), "{said}");
    let file = data.join("picup.toml");
    let settings = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, format!("store.accept_empty = true\n{settings}")).unwrap();
    let mut app = app.kill_and_restart().await;
    app.server.terminate().await.unwrap();
    std::fs::write(&file, settings).unwrap();
    std::fs::remove_dir_all(data.join("objects")).unwrap();
    std::fs::rename(away, data.join("objects")).unwrap();
    let app = app.kill_and_restart().await;
    app.finish().await;
}

#[tokio::test]
async fn health_is_told_and_unknown_paths_are_the_page() {
    let app = TestApp::builder().account("ada").admin().start().await;
    for path in ["/live", "/ready"] {
        assert!(app.stranger().get(path).await.json::<wire::Health>(200).ok);
    }
    let admin = Client::stranger(app.admin.unwrap());
    assert!(admin.get("/live").await.json::<wire::Health>(200).ok);
    let details: Value = admin.get("/ready").await.json(200);
    assert!(details["ok"].as_bool().unwrap() && details["jobs"].is_array(), "{details}");
    assert!(details["store"]["free_bytes"].as_u64().unwrap() > 0, "{details}");
    // What the operator sees is not for everybody.
    let front = app.stranger().get("/metrics").await;
    assert!(!front.text().contains("# TYPE"), "{}", front.text());
    assert_eq!(admin.get("/api/account").await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn metrics_have_their_names_and_no_secrets() {
    let app = TestApp::builder().account("ada").admin().start().await;
    let ada = app.sign_in_browser("ada").await;
    let asset = ada.processed(ada.upload("canary-name.jpg", samples::JPEG).await).await;
    ada.get(asset.media.thumbnail.as_ref().unwrap()).await;
    app.stranger().get(asset.media.thumbnail.as_ref().unwrap()).await.refused(403);
    let admin = Client::stranger(app.admin.unwrap());
    // As a person asks, and as Prometheus does.
    let answer = admin.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(!answer.text().contains("# EOF"), "{}", answer.text());
    let wish = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let answer = admin.send(admin.request(Method::GET, "/metrics").header("accept", wish)).await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for name in [
        "http_server_request_duration_seconds_bucket",
        "http_server_active_requests",
        "http_server_open_connections",
        "http_server_response_body_size_bytes_sum",
        "http_server_time_to_first_byte_seconds_bucket",
        "picup_api_request_duration_seconds_bucket",
        "delivery_denied_total",
        "picup_uploads_total",
        "picup_jobs_total",
        "picup_database_statement_seconds_bucket",
        "picup_database_wait_seconds_bucket",
        "picup_storage_operations_total",
        "picup_storage_written_bytes_total",
        "picup_storage_free_bytes",
        "picup_media_jobs_total",
        "picup_media_seconds_bucket",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not there:\n{text}");
    }
    for secret in ["canary-name", &asset.id.to_string(), &ada.account().to_string(), "ada@", &asset.sha256, PASSWORD] {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
    app.finish().await;
}

/// At the most talkative level: whatever passes through, the log has no secret.
#[tokio::test]
async fn the_log_keeps_secrets() {
    let app = TestApp::builder().account("ada").account("bob").config("[log]\nlevel = 'debug'\n").start().await;
    let ada = app.sign_in_browser("ada").await;
    let bob = app.sign_in("bob").await;
    let content = samples::jpeg(1);
    let upload = ada.reserve_new("a.jpg", &content).await;
    let url = ada.target(upload.id, 1, &content).await;
    ada.put(&url.replace("signature=", "signature=00"), content.clone()).await.refused(403);
    ada.put(&url, content.clone()).await;
    let asset: wire::Completed = ada.complete(upload.id).await.json(201);
    let asset = ada.processed(asset.asset).await;
    ada.get(&asset.media.original).await;
    bob.get(&asset.media.original).await;
    ada.post("/api/session", &json!({"email": email("ada"), "password": "a mistyped password"})).await.refused(401);
    let before = ["picup_access", "picup_refresh", "CloudFront-Policy", "CloudFront-Signature"]
        .map(|name| ada.jar().value(name).unwrap());
    let _: wire::Session = ada.post("/api/session/refresh", &json!({})).await.json(200);
    let after = ["picup_access", "picup_refresh", "CloudFront-Signature"].map(|name| ada.jar().value(name).unwrap());
    ada.get("/api/account?token=canary-in-a-query").await;
    ada.delete("/api/session").await;
    let Who::Bearer(bearer) = bob.who.clone() else { panic!("a program has a token") };
    let refresh = bob.session.clone().unwrap().tokens.unwrap().refresh_token;
    let signature = url.rsplit_once("signature=").unwrap().1.to_owned();
    let mut secrets =
        vec![PASSWORD.to_owned(), "a mistyped password".to_owned(), bearer, signature, "canary-in-a-query".to_owned()];
    secrets.extend(refresh.split('.').skip(1).map(str::to_owned));
    secrets.extend(
        before.into_iter().chain(after).flat_map(|secret| secret.split('.').map(str::to_owned).collect::<Vec<_>>()),
    );
    for entry in std::fs::read_dir(app.data().join("secrets")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        secrets.extend(text.lines().filter(|line| !line.starts_with('-')).map(str::to_owned));
    }
    let log = app.finish().await;
    assert!(log.contains("/api/uploads") && log.lines().count() > 20, "the log says nothing:\n{log}");
    for secret in secrets.iter().filter(|secret| secret.len() >= 12) {
        // A token's header is the same for all and no secret.
        if !secret.starts_with("eyJ0eXAi") {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{secret} in: {}", line.unwrap_or_default());
        }
    }
}
