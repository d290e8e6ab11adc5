//! Prometheus, Debian's own, on a free port of loopback: asks every second, and keeps what it is told in a folder of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::listening::wait_until_it_listens;
use crate::{Error, TempDir, free_address, fresh_folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prometheus. Dropping it kills it.
#[derive(Debug)]
pub struct PrometheusServer {
    address: SocketAddr,
    child: Child,
    _folder: TempDir,
    http: reqwest::Client,
}

impl PrometheusServer {
    /// Starts one that asks those addresses for their metrics, each under the name of its job, and goes by the rules in `rules`, a pattern
    /// of files; waits until it listens.
    ///
    /// # Errors
    /// When it did not begin: what it said is in the error.
    pub fn start(jobs: &[(&str, SocketAddr)], rules: &Path) -> Result<Self, Error> {
        let (folder, address) = (fresh_folder(), free_address());
        let mut text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n",
            rules.display()
        );
        for (job, target) in jobs {
            let _ = writeln!(text, "- {{job_name: {job}, static_configs: [{{targets: ['{target}']}}]}}");
        }
        let (configuration, log) = (folder.path().join("prometheus.yml"), folder.path().join("log"));
        std::fs::write(&configuration, text).map_err(Error::io("write Prometheus' configuration"))?;
        let said = std::fs::File::create(&log).map_err(Error::io("make a log"))?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--enable-feature=exemplar-storage", "--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said);
        let mut child = command.spawn().map_err(Error::io("start prometheus"))?;
        let began = wait_until_it_listens(&mut child, "prometheus", address, &log, PATIENCE);
        let http = reqwest::Client::builder().no_proxy().build().map_err(unsaid)?;
        let server = Self { address, child, _folder: folder, http };
        began.map(|()| server)
    }

    /// What its HTTP API answers as `data` at `/api/v1/PATH`, such as `rules`.
    ///
    /// # Errors
    /// When it does not answer, or refuses: why is in the error.
    pub async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, Error> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let answer = self.http.get(url).query(parameters).send().await.map_err(unsaid)?;
        let mut answer: Value = answer.json().await.map_err(unsaid)?;
        if answer["status"] == "success" {
            return Ok(answer["data"].take());
        }
        Err(Error::Io {
            doing: format!("ask Prometheus {parameters:?}"),
            source: std::io::Error::other(answer.to_string()),
        })
    }

    /// The values of an expression at this moment, each with its labels as JSON; those of one number alone have none.
    ///
    /// # Errors
    /// As [`PrometheusServer::ask`].
    pub async fn values(&self, expression: &str) -> Result<Vec<(Value, f64)>, Error> {
        let data = self.ask("query", &[("query", expression)]).await?;
        let number = |value: &Value| value[1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        let Some(found) = data["result"].as_array().filter(|_| data["resultType"] == "vector") else {
            return Ok(vec![(Value::Null, number(&data["result"]))]);
        };
        Ok(found.iter().map(|one| (one["metric"].clone(), number(&one["value"]))).collect())
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        // Killed, unless it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unsaid(error: reqwest::Error) -> Error {
    Error::Io { doing: "ask Prometheus".to_owned(), source: std::io::Error::other(error) }
}
