//! `picup nginx-exporter` beside a real nginx: every request is counted once, whatever becomes of the log, and nothing of a query is told.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::future::join_all;
use picup_testkit::{NginxServer, TempDir, free_address, fresh_folder, run};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::app::{BINARY, eventually};
use crate::client::Client;

const FORMAT: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time "$upstream_response_time" $upstream_connect_time"#;

/// What stands in every query, and must stand nowhere else.
const SECRET: &str = "hunter2";

/// A `picup nginx-exporter` that is running. Dropping it kills it.
struct ExporterProcess {
    child: Child,
    address: std::net::SocketAddr,
    said: PathBuf,
    _folder: TempDir,
}

impl ExporterProcess {
    async fn start(arguments: &[&str]) -> Self {
        let (folder, address) = (fresh_folder(), free_address());
        let said = folder.path().join("said");
        let mut command = Command::new(BINARY);
        command.arg("nginx-exporter").args(arguments).args(["--listen", &address.to_string()]);
        command.stdin(Stdio::null()).stderr(File::create(&said).unwrap()).kill_on_drop(true);
        let this = Self { child: command.spawn().unwrap(), address, said, _folder: folder };
        let live =
            eventually("the exporter", async || this.get("/live").await.filter(|(status, _)| *status == 200)).await;
        live.unwrap_or_else(|late| panic!("{late}\n{}", this.said()));
        this
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let http = Client::stranger(self.address).http;
        let answer = http.get(format!("http://{}{path}", self.address)).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Waits until the metrics have that line, and gives all of them.
    async fn until(&self, line: &str) -> String {
        let has = async || {
            let (_, text) = self.get("/metrics").await?;
            text.lines().any(|it| it == line).then_some(text)
        };
        match eventually(line, has).await {
            Ok(text) => text,
            Err(late) => panic!("{late}\n{:?}\n{}", self.get("/metrics").await, self.said()),
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    async fn terminate(mut self) -> String {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        assert!(self.child.wait().await.unwrap().success());
        self.said()
    }
}

/// An nginx with a page, that logs in that format to where `logs` says.
fn nginx(root: &Path, logs: &str) -> NginxServer {
    std::fs::write(root.join("index.html"), "hello").unwrap();
    let server = format!("{logs} location /away {{ proxy_pass http://127.0.0.1:1; }}");
    NginxServer::start_saying(root, &format!("log_format x '{FORMAT}';"), &server).unwrap()
}

async fn ask(server: &NginxServer, path: &str, times: usize) {
    let http = Client::stranger(([127, 0, 0, 1], 1).into()).http;
    let url = format!("{}{path}?token={SECRET}", server.endpoint());
    let asked = join_all((0..times).map(|_| http.get(&url).send())).await;
    assert!(asked.iter().all(Result::is_ok));
}

#[tokio::test]
async fn every_request_is_counted_once_though_the_log_is_moved_away_under_load() {
    let folder = fresh_folder();
    let log = folder.path().join("access.log");
    let server = nginx(folder.path(), &format!("access_log {} x;", log.display()));
    let path = log.display().to_string();
    let by_name = ExporterProcess::start(&["--format", FORMAT, "--file", &path]).await;
    let by_star = ExporterProcess::start(&["--format", FORMAT, &format!("{path}*"), "--namespace", "web"]).await;
    by_name.until(r#"picup_exporter_files{namespace="nginx"} 1"#).await;
    by_star.until(r#"picup_exporter_files{namespace="web"} 1"#).await;
    for rotation in 1..=4 {
        let rotate = async {
            let before = rotation * 200 - 100;
            // Seen before it is moved: who rotates faster than a quarter of a second has logs that nobody has seen.
            by_name.until(&format!(r#"picup_exporter_lines_total{{namespace="nginx"}} {before}"#)).await;
            by_star.until(&format!(r#"picup_exporter_lines_total{{namespace="web"}} {before}"#)).await;
        };
        ask(&server, "/", 100).await;
        rotate.await;
        let moved = async {
            std::fs::rename(&log, folder.path().join(format!("access.log.{rotation}"))).unwrap();
            // Some come between the two.
            ask(&server, "/", 20).await;
            server.reopen_logs();
        };
        tokio::join!(ask(&server, "/", 80), moved);
    }
    ask(&server, "/away", 10).await;
    for (exporter, name) in [(&by_name, "nginx"), (&by_star, "web")] {
        let text =
            exporter.until(&format!(r#"{name}_http_response_count_total{{method="GET",status="502"}} 10"#)).await;
        for expected in [
            format!(r#"{name}_http_response_count_total{{method="GET",status="200"}} 800"#),
            format!(r#"{name}_http_response_size_bytes{{method="GET",status="200"}} 4000"#),
            format!(r#"{name}_http_response_time_seconds_count{{method="GET",status="200"}} 800"#),
            format!(r#"{name}_http_upstream_time_seconds_hist_count{{method="GET",status="502"}} 10"#),
            format!("{name}_parse_errors_total 0"),
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected}\n{text}");
        }
        assert!(!text.contains(SECRET));
        assert_eq!(exporter.get("/ready").await.unwrap().0, 200);
    }
    for said in [by_name.terminate().await, by_star.terminate().await] {
        assert!(!said.contains(SECRET) && !said.contains("WARN"), "{said}");
    }
}

#[tokio::test]
async fn nginx_sends_its_log_by_syslog() {
    let (folder, syslog) = (fresh_folder(), free_address());
    let config = folder.path().join("exporter.yaml");
    let yaml = format!(
        "namespaces:\n- name: nginx\n  format: '{FORMAT}'\n  source:\n    syslog:\n      listen_address: udp://{syslog}\n      format: rfc3164\n      tags: [nginx]\n  \
         relabel_configs:\n  - {{target_label: path, from: request, split: 2}}\n"
    );
    std::fs::write(&config, yaml).unwrap();
    let exporter = ExporterProcess::start(&["--config", &config.display().to_string()]).await;
    let server = nginx(folder.path(), &format!("access_log syslog:server={syslog},tag=nginx x;"));
    ask(&server, "/", 20).await;
    let text = exporter.until(r#"nginx_http_response_count_total{method="GET",path="/",status="200"} 20"#).await;
    assert!(!text.contains(SECRET));
    assert!(!exporter.terminate().await.contains(SECRET));
}

#[tokio::test]
async fn a_format_that_does_not_fit_is_said_and_shows_no_secret() {
    let folder = fresh_folder();
    let log = folder.path().join("access.log");
    let path = log.display().to_string();
    let server = nginx(folder.path(), &format!("access_log {path} x;"));
    ask(&server, "/", 5).await;
    let wrong = "$remote_addr [$time_local] $status";
    let exporter = ExporterProcess::start(&["--format", wrong, &path, "--from-start"]).await;
    exporter.until("nginx_parse_errors_total 5").await;
    exporter.until(r#"picup_exporter_format_fits{namespace="nginx"} 0"#).await;
    assert_eq!(exporter.get("/ready").await.unwrap().0, 503);
    let said = exporter.terminate().await;
    assert!(said.contains("lines do not fit the format: there is no ' [' after $remote_addr"), "{said}");
    assert!(said.contains("a /?a=a9 a/9.9") && !said.contains(SECRET), "{said}");

    let checked = run(BINARY, ["nginx-exporter", "--check", "--format", wrong, &path]).await.unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        checked.stdout.starts_with("namespace nginx: 0 of the last 5 lines of 1 files fit the format\n"),
        "{}",
        checked.stdout
    );
    assert!(!checked.stdout.contains(SECRET) && !checked.stderr.contains(SECRET));
    let checked = run(BINARY, ["nginx-exporter", "--check", &path]).await.unwrap();
    assert_eq!(checked.status.code(), Some(0));
    assert!(
        checked.stdout.contains("no http_response_time_seconds: it needs $request_time in the log"),
        "{}",
        checked.stdout
    );
    let once = run(BINARY, ["nginx-exporter", "--once", "--format", FORMAT, &path]).await.unwrap();
    assert!(
        once.status.success()
            && once.stdout.contains("nginx_http_response_count_total{method=\"GET\",status=\"200\"} 5\n")
    );
}

#[tokio::test]
async fn mistakes_in_the_command_line_say_what_to_change() {
    let folder = fresh_folder();
    let hcl = folder.path().join("exporter.hcl");
    std::fs::write(&hcl, "").unwrap();
    let hcl = hcl.display().to_string();
    for (arguments, says) in [
        (&[][..], "there is no log to read"),
        (&["--parser", "json", "--format", "$status", "x"], "leave --format out"),
        (&["--format", "$a$status", "x"], "nothing stands between $a and $status"),
        (&["--config", &hcl], "a configuration in HCL is not read"),
        (&["a**b"], "a name with * cannot be one"),
        (&["--once", "/nowhere/at/all"], "cannot read /nowhere/at/all"),
    ] {
        let ended = run(BINARY, ["nginx-exporter"].iter().chain(arguments)).await.unwrap();
        assert!(!ended.status.success() && ended.stderr.contains(says), "{arguments:?}: {}", ended.stderr);
    }
}
