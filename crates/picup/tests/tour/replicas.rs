//! A primary, a replica that follows it, and a PicUp that reads from both, for as long as one row takes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use picup_api::wire::System;
use picup_testkit::{DatabaseServer, PicupProcess, ProcessBuilder, TempDir, fresh_folder, run};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::steps::{EMAIL, PASSWORD, PICUP, private};

const PAIRS: u32 = 300;
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    primary: DatabaseServer,
    _replica: DatabaseServer,
    server: PicupProcess,
    admin: String,
    client: Client,
    token: String,
    _folder: TempDir,
}

/// What is written is read at once, from the replica mostly, and when the primary dies people look on.
pub(crate) async fn read_replicas() -> anyhow::Result<String> {
    let mut scene = Scene::set().await?;
    scene.until(|system| system.replicas.as_ref().is_some_and(|replicas| replicas.servers[0].serving)).await?;
    let before = scene.answered_by("replica").await?;
    for number in 0..PAIRS {
        let title = format!("{number}");
        let made: Value =
            scene.post("/api/albums", &json!({ "title": title })).await?.error_for_status()?.json().await?;
        let path = format!("/api/albums/{}", made["id"].as_str().context("no id")?);
        let read: Value = scene.get(&path).await?.error_for_status()?.json().await?;
        ensure!(read["title"] == title, "album {number} was read as {read}");
    }
    let by_replica = scene.answered_by("replica").await? - before;

    scene.primary.kill()?;
    let begun = Instant::now();
    while scene.post("/api/albums", &json!({"title": "late"})).await?.status() != StatusCode::SERVICE_UNAVAILABLE {
        ensure!(begun.elapsed() < PATIENCE, "writing was not refused");
    }
    let noticed = begun.elapsed();
    for _ in 0..20 {
        scene.get("/api/albums").await?.error_for_status().context("reading while the primary is away")?;
    }
    scene.server.terminate().await?;
    Ok(format!(
        "a replica set up by one command; {PAIRS} albums read back right after they were made, none stale, {by_replica} by the replica; the primary killed: writing \
         refused after {:.1} s, reading goes on",
        noticed.as_secs_f64()
    ))
}

/// As an administrator does it, and all tables are the same then.
async fn set_up(primary: &DatabaseServer, replica: &DatabaseServer, config: &Path) -> anyhow::Result<()> {
    let (from, to) = (primary.url("picup"), replica.url(""));
    std::fs::write(config, format!("[primary]\nurl = \"{from}\"\n[replica]\nurl = \"{to}\"\n"))?;
    for verb in ["apply", "verify"] {
        let done = run(PICUP, ["db", "replica", verb, "--config", &config.to_string_lossy()]).await?;
        ensure!(done.status.success(), "picup db replica {verb}: {}{}", done.stdout, done.stderr);
    }
    Ok(())
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let folder = fresh_folder();
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        std::fs::write(&password, PASSWORD)?;
        private(&password)?;
        let primary = DatabaseServer::start_numbered(1, &["--sync-binlog=1"])?;
        let replica = DatabaseServer::start_numbered(2, &[])?;
        primary.say("CREATE DATABASE picup")?;
        std::fs::create_dir(&data)?;
        let settings = format!("[database]\nurl = \"{}\"\n", primary.url("picup"));
        std::fs::write(data.join("picup.toml"), &settings)?;
        let (data_dir, password_file) = (data.to_string_lossy(), password.to_string_lossy());
        let made = ["user", "create", EMAIL, "--admin", "--data-dir", &data_dir, "--password-file", &password_file];
        ensure!(run(PICUP, made).await?.status.success(), "no account could be made");
        set_up(&primary, &replica, &folder.path().join("replica.toml")).await?;
        std::fs::write(data.join("picup.toml"), format!("{settings}replicas = [\"{}\"]\n", replica.url("picup")))?;
        let admin = picup_testkit::free_address().to_string();
        let server = ProcessBuilder::new(PICUP, data).arg("--admin-listen").arg(&admin).start().await?;
        let client = Client::new();
        let wish = json!({"email": EMAIL, "password": PASSWORD, "client": "program"});
        let session: Value = client.post(server.url("/api/session")).json(&wish).send().await?.json().await?;
        let token = session["tokens"]["access_token"].as_str().context("no token")?.to_owned();
        Ok(Self { primary, _replica: replica, server, admin, client, token, _folder: folder })
    }

    async fn get(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        Ok(self.client.get(self.server.url(path)).bearer_auth(&self.token).send().await?)
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<reqwest::Response> {
        Ok(self.client.post(self.server.url(path)).bearer_auth(&self.token).json(body).send().await?)
    }

    async fn until(&self, wanted: impl Fn(&System) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let system: System = self.get("/api/admin/system").await?.error_for_status()?.json().await?;
            if wanted(&system) {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "the replica does not serve: {:?}", system.replicas);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many reads have been answered by a server of that kind.
    async fn answered_by(&self, kind: &str) -> anyhow::Result<u64> {
        let text = self.client.get(format!("http://{}/metrics", self.admin)).send().await?.text().await?;
        let start = format!("picup_database_reads_total{{server=\"{kind}\"");
        let counts = text.lines().filter(|line| line.starts_with(&start));
        counts.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<u64>()?)).sum()
    }
}
