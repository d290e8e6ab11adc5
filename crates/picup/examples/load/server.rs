//! What the server's own figures say: its memory by the system, its times by its metrics.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;

use crate::user::{Door, send};

/// A PicUp that runs beside this.
pub(crate) struct Server {
    pid: u32,
    metrics: Door,
}

/// How many requests a route has answered so far, and what they took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Served {
    requests: f64,
    seconds: f64,
}

impl Served {
    /// The mean in milliseconds of what was served since `before`.
    pub(crate) fn mean_since(self, before: Self) -> f64 {
        (self.seconds - before.seconds) * 1_000.0 / (self.requests - before.requests)
    }
}

impl Server {
    pub(crate) fn new(pid: u32, metrics: &str) -> anyhow::Result<Self> {
        Ok(Self { pid, metrics: Door::new(metrics)? })
    }

    /// What the API was asked for by that method, whatever became of it.
    pub(crate) async fn served(&self, method: &str) -> anyhow::Result<Served> {
        let method = format!("method=\"{method}\"");
        let of_the_api = |line: &str| line.contains("route=\"/api/") || line.contains("route=\"api\"");
        let text = self.metrics().await?;
        let sum = |name: &str| -> f64 {
            let lines =
                text.lines().filter(|line| line.starts_with(name) && line.contains(&method) && of_the_api(line));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        let name = "http_server_request_duration_seconds";
        Ok(Served { requests: sum(&format!("{name}_count")), seconds: sum(&format!("{name}_sum")) })
    }

    /// Waits until no job is left in the queue, but for those given up.
    pub(crate) async fn at_rest(&self) -> anyhow::Result<()> {
        loop {
            let text = self.metrics().await?;
            let jobs = text.lines().filter(|line| line.starts_with("picup_jobs_in_queue{") && !line.contains("failed"));
            let left: f64 = jobs.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            if left == 0.0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn metrics(&self) -> anyhow::Result<String> {
        let answer = send(self.metrics.request(Method::GET, "/metrics")).await;
        answer.well()?;
        Ok(String::from_utf8(answer.body)?)
    }

    /// Begins to look for the most memory anew (proc(5), clear_refs).
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5").context("forgetting the server's peak of memory")
    }

    /// The most memory since then, in MB.
    pub(crate) fn peak(&self) -> anyhow::Result<f64> {
        peak(&self.pid.to_string())
    }
}

/// The most memory that a process (`self` for this one) has had resident, in MB.
pub(crate) fn peak(pid: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the system tells no VmHWM")?;
    let kilobytes = line.trim().strip_suffix(" kB").context("VmHWM is not in kB")?.parse::<f64>()?;
    ensure!(kilobytes > 0.0, "a process without memory");
    Ok(kilobytes * 1024.0 / 1e6)
}
