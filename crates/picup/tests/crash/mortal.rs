//! A server that dies where it is told to, and is started again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use picup_testkit::{Error, PicupProcess, ProcessBuilder};
use rustix::process::Signal;

/// The server of one life.
pub(crate) struct Mortal {
    plain: ProcessBuilder,
    /// What the next starts are armed with; those after are not.
    arms: VecDeque<&'static str>,
    /// The points at which it has died.
    pub(crate) deaths: Vec<&'static str>,
    armed: Option<&'static str>,
    process: PicupProcess,
    log: String,
}

impl Mortal {
    /// Starts a server whose first lives end at `arms`, in this order. It may have died before it was ready.
    pub(crate) async fn start(plain: ProcessBuilder, arms: &[&'static str]) -> Self {
        let mut arms: VecDeque<_> = arms.iter().copied().collect();
        let armed = arms.pop_front();
        let process = arm(&plain, armed).spawn().unwrap();
        let mut mortal = Self { plain, arms, deaths: Vec::new(), armed, process, log: String::new() };
        mortal.until_ready().await;
        mortal
    }

    /// Starts it again whenever it dies where it was told to.
    pub(crate) async fn look_after(&mut self) -> Infallible {
        loop {
            // What does not end in a minute lives on.
            if let Ok(status) = self.process.wait().await {
                self.died(status);
                self.again();
                self.until_ready().await;
            }
        }
    }

    /// Stops it, armed or not, and starts it with nothing to die of.
    pub(crate) async fn lay_down_arms(&mut self) {
        // The life may have come to its end while it was dying or starting.
        self.until_ready().await;
        let status = self.process.terminate().await.unwrap();
        if !status.success() {
            self.died(status);
        }
        self.arms.clear();
        self.again();
        self.until_ready().await;
    }

    /// Ends it as an operator does. Gives all it has said.
    pub(crate) async fn stop(&mut self) -> String {
        let status = self.process.terminate().await.unwrap();
        self.log.push_str(&self.process.output().text());
        assert!(status.success(), "{status}\n{}", self.log);
        std::mem::take(&mut self.log)
    }

    async fn until_ready(&mut self) {
        loop {
            match self.process.wait_until_ready().await {
                Ok(()) => return,
                Err(Error::Ended { status, .. }) => {
                    self.died(status);
                    self.again();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn again(&mut self) {
        self.armed = self.arms.pop_front();
        self.process = arm(&self.plain, self.armed).spawn().unwrap();
    }

    /// Takes no other death for the one that was asked for.
    fn died(&mut self, status: ExitStatus) {
        let said = self.process.output().text();
        self.log.push_str(&said);
        let name = self.armed.unwrap_or_else(|| panic!("it died of nothing it was told: {status}\n{}", self.log));
        let last_words = format!("died at the crash point {name}");
        let there = said.lines().any(|line| line == last_words);
        assert!(there && status.signal() == Some(Signal::ABORT.as_raw()), "{name}: {status}\n{}", self.log);
        self.deaths.push(name);
    }
}

fn arm(plain: &ProcessBuilder, name: Option<&str>) -> ProcessBuilder {
    let plain = plain.clone();
    name.iter().fold(plain, |builder, name| builder.env("FAILPOINTS", format!("{name}=return")))
}
