//! `picup db replica` and `picup db offsite` as an administrator types them: files in, words and exit codes out, no password shown.
//! What they do to servers is tested in the database room.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use picup_database::{Database, Metrics, Settings};
use picup_testkit::{DatabaseServer, fresh_folder, run};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::app::{BINARY, eventually, write_private};

const PASSWORD: &str = "the administrator's 'password'";

/// A server whose administrator has a password.
fn server(number: u32, domain: u32) -> DatabaseServer {
    let server = DatabaseServer::start_numbered(number, &["--sync-binlog=1"]).unwrap();
    if is_mariadb(&server) {
        server.say(&format!("SET GLOBAL gtid_domain_id = {domain}")).unwrap();
    }
    let grant = "CREATE USER boss@'127.0.0.1' IDENTIFIED BY 'the administrator''s ''password'''; \
                 GRANT ALL ON *.* TO boss@'127.0.0.1' WITH GRANT OPTION";
    server.say(&format!("SET sql_log_bin = 0; {grant}")).unwrap();
    server
}

fn is_mariadb(server: &DatabaseServer) -> bool {
    server.say("SELECT VERSION()").unwrap().contains("MariaDB")
}

fn url(server: &DatabaseServer, database: &str) -> String {
    server.url(database).replace("root@", "boss@")
}

struct Files {
    config: PathBuf,
    said: String,
}

impl Files {
    /// What a command prints; it has to end with that code.
    async fn say(&mut self, words: &str, code: i32) -> String {
        let config = self.config.display().to_string();
        let words = words.split(' ').map(str::to_owned).chain(["--config".to_owned(), config]);
        let done = run(BINARY, ["db".to_owned()].into_iter().chain(words)).await.unwrap();
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_eq!(done.status.code(), Some(code), "{said}");
        self.said.push_str(&said);
        said
    }

    async fn json(&mut self, words: &str, code: i32) -> Value {
        serde_json::from_str(&self.say(&format!("{words} --json"), code).await).unwrap()
    }
}

fn files(folder: &Path, text: &str) -> Files {
    write_private(&folder.join("password"), PASSWORD);
    let config = folder.join("servers.toml");
    std::fs::write(&config, text).unwrap();
    Files { config, said: String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_sets_up_a_replica_and_an_off_site_copy() {
    let (primary, replica, off_site) = (server(1, 11), server(2, 11), server(9, 99));
    primary.say("CREATE DATABASE picup").unwrap();
    let database = Database::open(&Settings::mysql(primary.url("picup")), Metrics::default()).await.unwrap();
    database.close().await;
    a_replica(&primary, &replica).await;
    an_off_site_copy(&primary, off_site).await;
}

async fn a_replica(primary: &DatabaseServer, replica: &DatabaseServer) {
    let folder = fresh_folder();
    let text = format!(
        "[primary]\nurl = \"{}\"\npassword_file = \"password\"\n[replica]\nurl = \"{}\"\npassword_file = \"password\"\n\
         [reader]\nname = \"picup\"\nhost = \"127.0.0.1\"\npassword_file = \"password\"\n",
        url(primary, "picup"),
        url(replica, "")
    );
    let mut files = files(folder.path(), &text);
    assert!(files.say("replica status", 1).await.contains("it follows nobody"));
    let plan = files.say("replica plan", 0).await;
    assert!(plan.contains("IDENTIFIED BY '…'") && plan.contains("  replicate-wild-do-table=picup.%"), "{plan}");
    assert!(!files.json("replica plan", 0).await["steps"].as_array().unwrap().is_empty());
    assert!(files.say("replica apply", 0).await.contains("\ndone\n"));
    let config = files.config.display().to_string();
    let well = async || {
        let done = run(BINARY, ["db", "replica", "status", "--config", &config]).await.unwrap();
        done.status.success().then_some(done.stdout)
    };
    let said = eventually("a healthy replica", well).await.unwrap();
    assert!(said.contains(": well\n") && said.contains("behind: 0 s"), "{said}");
    let status = files.json("replica status", 0).await;
    assert_eq!((&status["healthy"], &status["channels"][0]["lag_seconds"]), (&true.into(), &0.0.into()));
    assert!(files.say("replica plan", 0).await.contains("there is nothing to do"));
    assert!(files.say("replica verify", 0).await.contains("tables are the same"));

    let open = if is_mariadb(replica) { "" } else { "SET GLOBAL super_read_only = OFF; " };
    replica.say(&format!("{open}SET sql_log_bin = 0; UPDATE picup.heartbeat SET beat_at = 5")).unwrap();
    assert!(files.say("replica verify", 1).await.contains("heartbeat differs"));
    assert_eq!(files.json("replica verify", 1).await[0]["equal"], false);
    files.say("replica rebuild", 0).await;
    files.say("replica verify", 0).await;
    std::fs::write(&files.config, format!("semi_sync = true\n{text}")).unwrap();
    files.say("replica apply", 0).await;
    eventually("a healthy replica", well).await.unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        a_comparison_that_is_ended(primary, replica, &files.config, signal).await;
    }
    files.say("replica apply", 0).await;
    eventually("a healthy replica", well).await.unwrap();
    replica.say("SET GLOBAL read_only = OFF").unwrap();
    assert!(files.say("replica rebuild", 1).await.contains("as on a primary"));
    assert!(!files.said.contains("password'") && !files.said.contains("IDENTIFIED BY '*"), "{}", files.said);
}

/// Whoever types a password where none belongs is told so, and not what was typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_in_the_wrong_place_is_not_said_again() {
    let folder = fresh_folder();
    let data = folder.path().display().to_string();
    let mut files = files(folder.path(), "");
    for url in ["mysql://adm:Secr3t@127.0.0.1/picup", "mysql://adm@127.0.0.1/picup?password=Secr3t", "adm:Secr3t@db"] {
        let done = run(BINARY, ["db", "copy-to", url, "--data-dir", &data]).await.unwrap();
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(done.status.code() == Some(2) && said.contains("error: URL: "), "{said}");
        assert!(!said.contains("Secr3t") && !said.contains("adm"), "{said}");
        let text = format!("[primary]\nurl = \"{url}\"\n[replica]\nurl = \"mysql://root@127.0.0.1\"\n");
        std::fs::write(&files.config, text).unwrap();
        let said = files.say("replica plan", 2).await;
        assert!(said.contains("servers.toml, line 2: ") && !said.contains("Secr3t"), "{said}");
    }
}

/// It holds a replica that has a delay by now, and does not come to where it is waited for; and lets it go as it was.
async fn a_comparison_that_is_ended(primary: &DatabaseServer, replica: &DatabaseServer, config: &Path, signal: Signal) {
    let (delay, status, tells) = if is_mariadb(replica) {
        ("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 3600; START SLAVE", "SHOW SLAVE STATUS", "slave")
    } else {
        (
            "STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600; START REPLICA",
            "SHOW REPLICA STATUS",
            "replica",
        )
    };
    replica.say(delay).unwrap();
    let runs = async || replica.say(status).unwrap().contains("\tYes\tYes\t").then_some(());
    eventually("both threads", runs).await.unwrap();
    primary.say("UPDATE picup.heartbeat SET beat_at = beat_at + 1").unwrap();
    let mut verify = tokio::process::Command::new(BINARY);
    verify.args(["db", "replica", "verify", "--config", config.to_str().unwrap()]);
    let verify = verify.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let tells = format!("SELECT @@global.rpl_semi_sync_{tells}_enabled");
    let held = async || (replica.say(&tells).unwrap() == "0").then_some(());
    eventually("a comparison", held).await.unwrap();
    rustix::process::kill_process(Pid::from_raw(verify.id().unwrap().cast_signed()).unwrap(), signal).unwrap();
    let ended = verify.wait_with_output().await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(1) && said.contains("the copy goes on"), "{:?}: {said}", ended.status);
    assert_eq!(replica.say(&tells).unwrap(), "1");
    eventually("both threads", runs).await.unwrap();
}

async fn an_off_site_copy(home: &DatabaseServer, mut off_site: DatabaseServer) {
    let folder = fresh_folder();
    let text = |domain: u32| {
        format!(
            "[offsite]\nurl = \"{}\"\npassword_file = \"password\"\n[[channel]]\nname = \"ada\"\nurl = \"{}\"\n\
             password_file = \"password\"\nschema = \"home_ada\"\ndomain = {domain}\n",
            url(&off_site, ""),
            url(home, "picup")
        )
    };
    let mut files = files(folder.path(), &text(12));
    if is_mariadb(home) {
        assert!(files.say("offsite plan", 1).await.contains("the file says 12"));
        assert!(files.say("offsite apply", 1).await.contains("this is not safe"));
    }
    std::fs::write(&files.config, text(11)).unwrap();
    files.say("offsite apply", 0).await;
    files.say("offsite verify", 0).await;
    files.say("offsite rebuild ada", 0).await;
    files.say("offsite rebuild nobody", 1).await;
    assert!(files.say("offsite verify ada", 0).await.contains("ada: all "));
    assert_eq!(files.json("offsite status", 0).await["channels"][0]["channel"], "ada");
    let metrics = files.say("offsite status --prometheus", 0).await;
    for sample in [
        "channel_healthy{channel=\"ada\"} 1",
        "lag_seconds{channel=\"ada\"} 0",
        "recovery_point_timestamp_seconds{channel=\"ada\"} 1",
    ] {
        assert!(metrics.contains(&format!("\npicup_offsite_{sample}")), "{metrics}");
    }
    off_site.kill().unwrap();
    let metrics = files.say("offsite status --prometheus", 1).await;
    assert!(
        metrics.contains("\npicup_offsite_healthy 0\n") && metrics.contains("\npicup_offsite_looked_at_"),
        "{metrics}"
    );
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(folder.path().join("password"), open).unwrap();
    assert!(files.say("offsite status", 1).await.contains("chmod 600"));
    let password = folder.path().join("password");
    std::fs::remove_file(&password).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &password, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert!(files.say("offsite plan", 1).await.contains("no regular file"));
    std::fs::write(&files.config, "[offsite]\n").unwrap();
    files.say("offsite status", 2).await;
}
