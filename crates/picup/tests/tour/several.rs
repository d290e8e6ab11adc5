//! A gateway before two processes that answer, for as long as one row takes.

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use picup_testkit::{ProcessBuilder, S3Server, fresh_folder, run};
use reqwest::Client;
use serde_json::{Value, json};

use crate::steps::{EMAIL, PASSWORD, PICUP, private};

const ROUNDS: usize = 200;
const AT_ONCE: usize = 10;

/// Somebody signs in at one and goes on at the other, while the first is killed, and none of what is asked fails.
pub(crate) async fn balancing() -> anyhow::Result<String> {
    let folder = fresh_folder();
    let [data, front] = ["data", "front"].map(|name| folder.path().join(name));
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORD)?;
    private(&password)?;
    for made in [&data, &front] {
        std::fs::create_dir(made)?;
    }
    let limits = "gateway.limits.exempt = [\"127.0.0.0/8\"]\n";
    let bucket = S3Server::start_like_amazon()?;
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{}\n{}\n", bucket.access_key(), bucket.secret_key()))?;
    private(&key)?;
    let settings = format!(
        "{limits}gateway.trusted_proxies = [\"127.0.0.1\"]\n\
         [store]\nurl = \"s3://{}/photos\"\nendpoint = \"{}\"\naccess_key_file = \"{}\"\n",
        bucket.bucket(),
        bucket.endpoint(),
        key.display()
    );
    std::fs::write(data.join("picup.toml"), settings)?;
    let part =
        |data, roles: &str| ProcessBuilder::new(PICUP, data).arg("--roles").arg(roles).arg("--admin-listen").arg("");
    let mut first = part(data.clone(), "api").start().await?;
    let second = part(data.clone(), "api").start().await?;
    let (data_dir, password_file) = (data.to_string_lossy(), password.to_string_lossy());
    let made = ["user", "create", EMAIL, "--data-dir", &data_dir, "--password-file", &password_file];
    ensure!(run(PICUP, made).await?.status.success(), "no account could be made");
    let upstreams = format!("upstreams = [\"http://{}\", \"http://{}\"]\n", first.address(), second.address());
    std::fs::write(front.join("picup.toml"), format!("{limits}[gateway.balance]\n{upstreams}"))?;
    let gateway = part(front, "gateway").start().await?;

    let client = Client::new();
    let wish = json!({"email": EMAIL, "password": PASSWORD, "client": "program"});
    let session: Value = client.post(gateway.url("/api/session")).json(&wish).send().await?.json().await?;
    let token = session["tokens"]["access_token"].as_str().context("no token")?;
    let mut asked = 0;
    for round in 0..ROUNDS {
        if round == ROUNDS / 2 {
            first.kill().await?;
        }
        let requests = (0..AT_ONCE).map(|_| client.get(gateway.url("/api/account")).bearer_auth(token).send());
        for answer in try_join_all(requests).await? {
            ensure!(answer.status() == 200, "one of {asked} answered {}", answer.status());
            asked += 1;
        }
    }
    let memory = gateway.resident_bytes()? >> 20;
    Ok(format!(
        "{asked} requests over two processes, one of them killed amid them: none failed; the gateway at {memory} MiB"
    ))
}
