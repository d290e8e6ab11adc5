//! A PicUp for one test: a fresh folder, a server on a free port, and accounts made as an operator makes them.

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use picup_testkit::{Finished, PicupProcess, ProcessBuilder, TempDir, free_address, fresh_folder, run};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::books;
use crate::client::Client;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_picup");
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How long anything may take before a test gives up; generous, because builds run beside tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running PicUp.
pub(crate) struct TestApp {
    pub(crate) server: PicupProcess,
    pub(crate) admin: Option<SocketAddr>,
    folder: TempDir,
    /// What servers before the last restart printed.
    said: String,
}

/// What a [`TestApp`] is to be like.
#[derive(Default)]
pub(crate) struct Builder {
    accounts: Vec<(&'static str, Option<&'static str>)>,
    admin: bool,
    config: String,
    on_a_file: bool,
}

impl Builder {
    /// With an account `{name}@example.org`.
    pub(crate) fn account(mut self, name: &'static str) -> Self {
        self.accounts.push((name, None));
        self
    }

    /// With an account that may keep so much.
    pub(crate) fn account_with(mut self, name: &'static str, quota: &'static str) -> Self {
        self.accounts.push((name, Some(quota)));
        self
    }

    /// With the admin listener on a free port.
    pub(crate) fn admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// With these lines in its configuration file.
    pub(crate) fn config(mut self, lines: impl Into<String>) -> Self {
        self.config = lines.into();
        self
    }

    /// With a SQLite file, whichever engine the suite runs on.
    pub(crate) fn on_a_file(mut self) -> Self {
        self.on_a_file = true;
        self
    }

    pub(crate) async fn start(self) -> TestApp {
        let folder = fresh_folder();
        let data = folder.path().join("data");
        write_private(&folder.path().join("password"), PASSWORD);
        let admin = self.admin.then(free_address);
        let process = ProcessBuilder::new(BINARY, &data)
            .arg("--admin-listen")
            .arg(admin.map_or_else(String::new, |address| address.to_string()));
        if !self.on_a_file {
            prepare(&data, &self.config);
        }
        let app = TestApp { server: process.start().await.unwrap(), admin, folder, said: String::new() };
        for (name, quota) in self.accounts {
            app.make_account(name, quota).await;
        }
        app
    }
}

impl TestApp {
    /// A PicUp for Ada and Bob.
    pub(crate) async fn start() -> Self {
        Self::builder().account("ada").account("bob").start().await
    }

    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    async fn make_account(&self, name: &str, quota: Option<&str>) {
        make_account(&self.data(), &self.path("password"), name, quota).await;
    }

    /// `picup user …` beside the running server.
    pub(crate) async fn user(&self, arguments: &[&str]) -> Finished {
        let data = self.data();
        let place = ["--data-dir", data.to_str().unwrap()];
        run(BINARY, ["user"].iter().chain(arguments).chain(&place).copied()).await.unwrap()
    }

    /// As [`TestApp::user`], which must succeed.
    pub(crate) async fn user_done(&self, arguments: &[&str]) -> String {
        let done = self.user(arguments).await;
        assert!(done.status.success(), "{arguments:?}: {}{}", done.stdout, done.stderr);
        done.stdout
    }

    /// Signs Ada in as an admin.
    pub(crate) async fn sign_in_admin(&self) -> Client {
        self.user_done(&["admin", &email("ada"), "on"]).await;
        self.sign_in("ada").await
    }

    /// A path beside the data folder, for what a test needs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Signs in as a program does.
    pub(crate) async fn sign_in(&self, name: &str) -> Client {
        Client::program(self.server.address(), &email(name), PASSWORD).await
    }

    /// Signs in as a page does.
    pub(crate) async fn sign_in_browser(&self, name: &str) -> Client {
        Client::browser(self.server.address(), &email(name), PASSWORD).await
    }

    /// Somebody who has not signed in.
    pub(crate) fn stranger(&self) -> Client {
        Client::stranger(self.server.address())
    }

    /// `picup import FOLDER` as `name`, to this server or to `server`.
    pub(crate) async fn import(
        &self,
        name: &str,
        folder: &Path,
        server: Option<SocketAddr>,
        more: &[&str],
    ) -> Finished {
        run(BINARY, self.import_arguments(name, folder, server, more)).await.unwrap()
    }

    pub(crate) fn import_arguments(
        &self,
        name: &str,
        folder: &Path,
        server: Option<SocketAddr>,
        more: &[&str],
    ) -> Vec<String> {
        let mut arguments = vec!["import".to_owned(), folder.display().to_string()];
        arguments.extend(["--server".to_owned(), format!("http://{}", server.unwrap_or(self.server.address()))]);
        arguments.extend(["--email".to_owned(), email(name)]);
        arguments.extend(["--password-file".to_owned(), self.path("password").display().to_string()]);
        arguments.extend(["--state".to_owned(), self.path("import.state").display().to_string()]);
        arguments.push("--json".to_owned());
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    /// The arguments of `picup export FOLDER` with an API key.
    pub(crate) fn export_arguments(
        &self,
        key: &str,
        folder: &Path,
        server: Option<SocketAddr>,
        more: &[&str],
    ) -> Vec<String> {
        let file = self.path(&format!("key-{}", &picup_domain::Sha256::of(key.as_bytes()).to_string()[..16]));
        if !file.exists() {
            write_private(&file, key);
        }
        let mut arguments = vec!["export".to_owned(), folder.display().to_string()];
        arguments.extend(["--server".to_owned(), format!("http://{}", server.unwrap_or(self.server.address()))]);
        arguments.extend(["--api-key-file".to_owned(), file.display().to_string()]);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    /// `picup export FOLDER` with an API key.
    pub(crate) async fn export(&self, key: &str, folder: &Path, more: &[&str]) -> Finished {
        run(BINARY, self.export_arguments(key, folder, None, more)).await.unwrap()
    }

    /// Everything its servers have printed.
    pub(crate) fn log(&self) -> String {
        format!("{}\n{}", self.said, self.server.output().text())
    }

    /// Lets nobody remove assets beyond the last `least` of them, until [`kill_held`](Self::kill_held).
    pub(crate) async fn hold_assets(&self, least: u32) {
        let mut database = books::open(&self.data()).await;
        let (held, over) = ("CREATE TRIGGER held BEFORE DELETE ON assets", "(SELECT COUNT(*) FROM assets)");
        let held = match books::server(&self.data()) {
            None => format!("{held} WHEN {over} <= {least} BEGIN SELECT RAISE(ABORT, 'held by a test'); END"),
            Some(_) => format!("{held} FOR EACH ROW IF {over} <= {least} THEN SIGNAL SQLSTATE '45000'; END IF"),
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(held)).execute(&mut database).await.unwrap();
    }

    /// As [`kill_and_restart`](Self::kill_and_restart), in the middle of what removes assets: some of `all` are gone, and
    /// [`hold_assets`](Self::hold_assets) keeps the rest from going.
    pub(crate) async fn kill_held(mut self, all: i64) -> Self {
        let mut database = books::open(&self.data()).await;
        let begun = async || {
            let count = sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM assets");
            (count.fetch_one(&mut database).await.unwrap().0 < all).then_some(())
        };
        let begun = eventually("the first batch", begun).await;
        begun.unwrap_or_else(|late| panic!("{late}\n{}", self.log()));
        self.server.kill().await.unwrap();
        sqlx::raw_sql("DROP TRIGGER held").execute(&mut database).await.unwrap();
        self.kill_and_restart().await
    }

    /// Kills the server and all it started, as a power cut would, and starts it again.
    pub(crate) async fn kill_and_restart(mut self) -> Self {
        self.server.kill().await.unwrap();
        self.said = self.log();
        self.server = self.server.restart().await.unwrap();
        self
    }

    /// Waits until no job waits or runs.
    pub(crate) async fn settle(&self) {
        let data = self.data();
        let quiet = eventually("the end of all work", async || books::at_rest(&data).await.then_some(())).await;
        quiet.unwrap_or_else(|problem| panic!("{problem}\n{}", self.log()));
    }

    /// Waits until what was given up, by a client that hung up a moment ago say, has been removed.
    async fn tidy(&self) {
        let data = self.data();
        let tidy = eventually("the removal of what was given up", async || books::is_tidy(&data).await.then_some(()));
        tidy.await.unwrap_or_else(|problem| panic!("{problem}\n{}", self.log()));
    }

    /// Audits what a server that has stopped by itself left behind.
    pub(crate) async fn finish_stopped(self) {
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
        books::audit(&self.data()).await;
    }

    /// Waits until nothing is left to do, stops the server by SIGTERM, and audits what it leaves behind. Gives its log.
    pub(crate) async fn finish(mut self) -> String {
        self.settle().await;
        self.tidy().await;
        self.server.signal(Signal::TERM);
        let status = self.server.wait().await.unwrap();
        let log = self.log();
        assert!(status.success(), "{status}\n{log}");
        assert!(!log.contains("panicked"), "{log}");
        books::audit(&self.data()).await;
        log
    }
}

/// A data folder with these settings, and, unless they name one, an empty database on the engine that the suite runs on.
pub(crate) fn prepare(data: &Path, settings: &str) {
    let mut settings = settings.to_owned();
    let named = settings.contains("database.url");
    if let Some(url) = (!named).then(picup_testkit::engine::fresh_database).flatten() {
        let replica = picup_testkit::engine::replica_of(&url).unwrap();
        settings = format!("database.url = \"{url}\"\ndatabase.replicas = [\"{replica}\"]\n{settings}");
    }
    if !settings.is_empty() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).unwrap();
        std::fs::write(data.join("picup.toml"), settings).unwrap();
    }
}

/// An account as an operator makes it, with the password in that file.
pub(crate) async fn make_account(data: &Path, password: &Path, name: &str, quota: Option<&str>) {
    let email = email(name);
    let mut arguments = vec!["user", "create", &email, "--password-file"];
    arguments.extend([password.to_str().unwrap(), "--data-dir", data.to_str().unwrap()]);
    if let Some(quota) = quota {
        arguments.extend(["--quota", quota]);
    }
    let made = run(BINARY, arguments).await.unwrap();
    assert!(made.status.success(), "{}", made.stderr);
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.org")
}

/// A file that only its owner may read, as a password file must be.
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Looks again and again until there is something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("{what} did not come within {} s", PATIENCE.as_secs()));
        }
        sleep(LOOK_EVERY).await;
    }
}
