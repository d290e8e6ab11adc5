//! Two homes on a server each, and a third server elsewhere that follows both.

use std::fmt::Write;
use std::time::Instant;

use anyhow::ensure;
use picup_database::{Database, Metrics, Settings};
use picup_domain::{Clock, SystemClock};
use picup_testkit::{DatabaseServer, fresh_folder, run};

use crate::steps::PICUP;

const HOMES: [(&str, u32); 2] = [("ada", 11), ("bob", 12)];

/// One command has the third server follow both homes; what they write is there, table by table, and one copy is made anew while
/// the other goes on.
pub(crate) async fn off_site_copy() -> anyhow::Result<String> {
    let folder = fresh_folder();
    let off_site = DatabaseServer::start_numbered(9, &["--sync-binlog=1", "--gtid-domain-id=99"])?;
    let mut file = format!("[offsite]\nurl = \"{}\"\n", off_site.url(""));
    let mut homes = Vec::new();
    for (number, (name, domain)) in (1..).zip(HOMES) {
        let server =
            DatabaseServer::start_numbered(number, &["--sync-binlog=1", &format!("--gtid-domain-id={domain}")])?;
        server.say("CREATE DATABASE picup")?;
        let database = Database::open(&Settings::mysql(server.url("picup")), Metrics::default()).await?;
        let url = server.url("picup");
        write!(file, "[[channel]]\nname = \"{name}\"\nurl = \"{url}\"\nschema = \"home_{name}\"\ndomain = {domain}\n")?;
        homes.push((server, database));
    }
    let config = folder.path().join("offsite.toml");
    std::fs::write(&config, file)?;
    let config = config.to_string_lossy().into_owned();

    let begun = Instant::now();
    say(&config, &["apply"]).await?;
    let set_up = begun.elapsed().as_secs_f64();
    for (_, database) in &homes {
        for _ in 0..200 {
            let mut write = database.write().await?;
            write.event_append("tour", None, "", SystemClock.now()).await?;
            write.commit().await?;
        }
    }
    let same = say(&config, &["verify"]).await?;
    say(&config, &["rebuild", "bob"]).await?;
    say(&config, &["verify"]).await?;
    let tables = same.matches("tables are the same").count();
    ensure!(tables == HOMES.len(), "{same}");
    for (_, database) in &homes {
        database.close().await;
    }
    Ok(format!(
        "two homes followed after {set_up:.1} s; all tables the same after 400 commits, and again after one copy was made anew"
    ))
}

async fn say(config: &str, words: &[&str]) -> anyhow::Result<String> {
    let done = run(PICUP, ["db", "offsite"].iter().chain(words).chain(&["--config", config]).copied()).await?;
    ensure!(done.status.success(), "picup db offsite {}: {}{}", words.join(" "), done.stdout, done.stderr);
    Ok(done.stdout)
}
