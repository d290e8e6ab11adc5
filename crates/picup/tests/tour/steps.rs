//! What each row of the tour does, and the figure it gives.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use picup_api::wire::{
    Account, Albums, Asset, AssetColumns, AssetState, SearchResults, ShareLink, ShareOpened, Timeline,
};
use picup_testkit::{PicupProcess, ProcessBuilder, TempDir, fresh_folder, run, samples};
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const PICUP: &str = env!("CARGO_BIN_EXE_picup");
pub(crate) const EMAIL: &str = "tour@example.com";
pub(crate) const PASSWORD: &str = "a password for the tour";
const ALBUM: &str = "The tour";

/// A PicUp with one account, and the photographs the tour shows.
pub(crate) struct Stage {
    folder: TempDir,
    photographs: PathBuf,
    server: Option<PicupProcess>,
    admin: String,
    client: reqwest::Client,
    /// An asset that is shown, for the rows that fetch media.
    shown: Option<Asset>,
}

impl Stage {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        let folder = fresh_folder();
        std::fs::write(folder.path().join("password"), PASSWORD)?;
        private(&folder.path().join("password"))?;
        let admin = picup_testkit::free_address().to_string();
        let mut stage = Self {
            photographs: folder.path().join("photographs"),
            server: None,
            admin,
            client: reqwest::Client::new(),
            shown: None,
            folder,
        };
        stage.choose_photographs()?;
        stage.picup(&["user", "create", EMAIL, "--admin", "--quota", "2GB"]).await?;
        stage.start().await?;
        Ok(stage)
    }

    /// A folder with the sample photographs, linked, and one film made on the spot.
    fn choose_photographs(&self) -> anyhow::Result<()> {
        std::fs::create_dir(&self.photographs)?;
        let mut files: Vec<_> = std::fs::read_dir(samples::photographs()?)?.collect::<Result<_, _>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        for file in files.iter().filter(|file| file.path().is_file()).take(300) {
            std::fs::copy(file.path(), self.photographs.join(file.file_name()))?;
        }
        let film = self.photographs.join("film.mp4");
        let made = std::process::Command::new("ffmpeg")
            .args(["-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=3"])
            .args(["-pix_fmt", "yuv420p", "-metadata", "creation_time=2024-05-31T18:04:05Z"])
            .arg(&film)
            .status()
            .context("making a film with ffmpeg")?;
        ensure!(made.success(), "ffmpeg could not make a film");
        Ok(())
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn start(&mut self) -> anyhow::Result<Duration> {
        let server = ProcessBuilder::new(PICUP, self.data_dir()).arg("--admin-listen").arg(&self.admin).start().await?;
        let took = server.ready_after();
        self.server = Some(server);
        Ok(took)
    }

    fn server(&mut self) -> anyhow::Result<&mut PicupProcess> {
        self.server.as_mut().context("the server is not running")
    }

    fn url(&self, path: &str) -> String {
        self.server.as_ref().map_or_else(String::new, |server| server.url(path))
    }

    /// Runs a command of picup on the stage's data directory or server, with its password file.
    async fn picup(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (data, password) = (self.data_dir(), self.folder.path().join("password"));
        let mut all: Vec<std::ffi::OsString> = arguments.iter().map(Into::into).collect();
        if arguments[0] == "user" {
            all.extend(["--data-dir".into(), data.into_os_string()]);
        } else {
            all.extend(["--server".into(), self.url("").into(), "--email".into(), EMAIL.into()]);
        }
        all.extend(["--password-file".into(), password.into_os_string()]);
        let ended = run(PICUP, all).await?;
        ensure!(ended.status.success(), "picup {} failed: {}{}", arguments[0], ended.stdout, ended.stderr);
        Ok(ended.stdout)
    }

    async fn import(&self) -> anyhow::Result<Value> {
        let photographs = self.photographs.to_string_lossy().into_owned();
        let out = self.picup(&["import", &photographs, "--album", ALBUM, "--json"]).await?;
        Ok(serde_json::from_str(out.trim_end().lines().last().unwrap_or_default())?)
    }

    /// Signs in as a browser and gives the cookies of the answer as one header.
    async fn cookies(&self) -> anyhow::Result<String> {
        let answer = self
            .client
            .post(self.url("/api/session"))
            .json(&json!({"email": EMAIL, "password": PASSWORD}))
            .send()
            .await?
            .error_for_status()?;
        let lines = answer.headers().get_all("set-cookie").iter();
        let pairs: Vec<&str> = lines.filter_map(|line| line.to_str().ok()?.split(';').next()).collect();
        Ok(pairs.join("; "))
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str, cookies: &str) -> anyhow::Result<T> {
        let answer = self.client.get(self.url(path)).header("cookie", cookies).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Every asset, once none is still being processed.
    async fn settled(&self) -> anyhow::Result<AssetColumns> {
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            let cookies = self.cookies().await?;
            let columns: AssetColumns = self.get("/api/timeline/assets?limit=1000", &cookies).await?;
            if !columns.state.contains(&AssetState::Processing) {
                return Ok(columns);
            }
            ensure!(Instant::now() < deadline, "processing did not end in three minutes");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn photos(&mut self) -> anyhow::Result<String> {
        let begin = Instant::now();
        let first = self.import().await?;
        let columns = self.settled().await?;
        let rate = columns.id.len() as f64 / begin.elapsed().as_secs_f64();
        let again = self.import().await?;
        ensure!(first["failed"] == 0 && again["failed"] == 0, "files failed: {first} {again}");
        ensure!(again["uploaded"] == 0, "the second import sent files again: {again}");

        let cookies = self.cookies().await?;
        let timeline: Timeline = self.get("/api/timeline", &cookies).await?;
        ensure!(timeline.total == columns.id.len() as u64, "the day counts do not add up");
        let albums: Albums = self.get("/api/albums", &cookies).await?;
        ensure!(albums.albums.iter().any(|album| album.count == timeline.total), "the album lacks assets");
        let account: Account = self.get("/api/account", &cookies).await?;
        ensure!(first["bytes"] == account.used_bytes, "used {} but sent {}", account.used_bytes, first["bytes"]);
        self.refuse_over_quota(&cookies).await?;
        self.throw_away_and_take_back(&cookies, &columns).await?;

        let shown = columns.state.iter().position(|state| *state == AssetState::Ready).context("nothing is shown")?;
        self.shown = Some(self.get(&format!("/api/assets/{}", columns.id[shown]), &cookies).await?);
        let found = self.find_again(&cookies).await?;
        let ready = columns.state.iter().filter(|state| **state == AssetState::Ready).count();
        let out = self.out_and_in(columns.id.len()).await?;
        Ok(format!(
            "{} in, {ready} shown, {rate:.1} files/s; the second import: all duplicates; one found by its name in {found:.1} ms; \
             all into the trash and back; all out again, {out:.1} files/s",
            columns.id.len()
        ))
    }

    /// Searches for the shown asset by its file name. Gives the milliseconds of the answer.
    async fn find_again(&self, cookies: &str) -> anyhow::Result<f64> {
        let shown = self.shown.as_ref().context("nothing is shown")?;
        let begin = Instant::now();
        let query = [("text", shown.file_name.as_str())];
        let request = self.client.get(self.url("/api/search")).query(&query).header("cookie", cookies);
        let answer: SearchResults = request.send().await?.error_for_status()?.json().await?;
        ensure!(answer.assets.id.contains(&shown.id), "{} is not found by its name", shown.file_name);
        Ok(millis(begin.elapsed()))
    }

    /// Out into a folder, and in again: every file must be known. Gives the files per second on the way out.
    async fn out_and_in(&self, count: usize) -> anyhow::Result<f64> {
        let folder = self.folder.path().join("out").to_string_lossy().into_owned();
        let begin = Instant::now();
        let out = self.picup(&["export", &folder, "--json"]).await?;
        let rate = count as f64 / begin.elapsed().as_secs_f64();
        let out: Value = serde_json::from_str(out.trim_end().lines().last().unwrap_or_default())?;
        ensure!(out["written"] == count && out["failed"] == 0, "of {count} files came out: {out}");
        let back = self.picup(&["import", &folder, "--json"]).await?;
        let back: Value = serde_json::from_str(back.trim_end().lines().last().unwrap_or_default())?;
        ensure!(back["duplicate"] == count && back["uploaded"] == 0, "what came out is not what went in: {back}");
        Ok(rate)
    }

    async fn post(&self, path: &str, cookies: &str, body: &Value) -> anyhow::Result<reqwest::Response> {
        let request = self.client.post(self.url(path)).header("cookie", cookies).header("origin", self.url(""));
        Ok(request.json(body).send().await?)
    }

    /// Everything goes into the trash, is shown nowhere, and comes back to its days and its album.
    async fn throw_away_and_take_back(&self, cookies: &str, all: &AssetColumns) -> anyhow::Result<()> {
        for (change, shown) in [("trash", 0), ("restore", all.id.len() as u64)] {
            let answer = self.post(&format!("/api/assets/{change}"), cookies, &json!({ "assets": all.id })).await?;
            answer.error_for_status()?;
            let timeline: Timeline = self.get("/api/timeline", cookies).await?;
            let albums: Albums = self.get("/api/albums", cookies).await?;
            let in_album = albums.albums.iter().map(|album| album.count).max();
            ensure!(timeline.total == shown && in_album == Some(shown), "{change}: {} are shown", timeline.total);
        }
        Ok(())
    }

    async fn refuse_over_quota(&self, cookies: &str) -> anyhow::Result<()> {
        let wish = json!({"file_name": "large.mp4", "bytes": 2_000_000_000_u64, "sha256": "0".repeat(64)});
        let answer = self.post("/api/uploads", cookies, &wish).await?;
        ensure!(answer.status() == StatusCode::PAYLOAD_TOO_LARGE, "over quota gave {}", answer.status());
        Ok(())
    }

    pub(crate) async fn delivery(&mut self) -> anyhow::Result<String> {
        let cookies = self.cookies().await?;
        let shown = self.shown.as_ref().context("the first row found nothing to show")?;
        let preview = shown.media.preview.clone().context("no preview")?;
        let mut refused = 0;
        let altered = cookies.replacen("CloudFront-Signature=M", "CloudFront-Signature=N", 1);
        ensure!(altered != cookies, "the signature was not found among the cookies");
        let stranger = preview.replacen(char::is_numeric, "f", 1);
        for (path, cookies) in [(&preview, ""), (&preview, altered.as_str()), (&stranger, cookies.as_str())] {
            let answer = self.client.get(self.url(path)).header("cookie", cookies).send().await?;
            ensure!(answer.status() == StatusCode::FORBIDDEN, "{path} answered {}", answer.status());
            refused += 1;
        }
        self.by_token(&preview, &stranger).await?;
        self.by_link(&cookies).await?;
        let mut times = Vec::new();
        for _ in 0..200 {
            let begin = Instant::now();
            let answer = self.client.get(self.url(&preview)).header("cookie", &cookies).send().await?;
            ensure!(answer.status() == StatusCode::OK, "the owner got {}", answer.status());
            answer.bytes().await?;
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        Ok(format!(
            "{refused} of 3 strangers refused, a token opens its owner's alone, a link what it shares until it is revoked; the preview in {:.2} ms (median of 200)",
            millis(times[100])
        ))
    }

    /// A token that an operator makes opens its owner's photos, and not the stranger's path.
    async fn by_token(&self, own: &str, stranger: &str) -> anyhow::Result<()> {
        let (data, owner) = (self.data_dir(), own.split('/').nth(2).context("no owner")?);
        let data = data.to_string_lossy();
        let arguments = ["media-key", "token", "--owner", owner, "--for", "5m", "--data-dir", &data];
        let made = run(PICUP, arguments).await?;
        ensure!(made.status.success(), "no token: {}", made.stderr);
        for (path, status) in [(own, StatusCode::OK), (stranger, StatusCode::FORBIDDEN)] {
            let answer = self.client.get(self.url(path)).bearer_auth(made.stdout.trim()).send().await?;
            ensure!(answer.status() == status, "{path} answered {} to a token", answer.status());
        }
        Ok(())
    }

    /// A share link shows one photo to somebody without an account, its original to nobody, and nothing once it is revoked.
    async fn by_link(&self, cookies: &str) -> anyhow::Result<()> {
        let shown = self.shown.as_ref().context("nothing to show")?;
        let made = self.post("/api/share-links", cookies, &json!({"assets": [shown.id]})).await?;
        let link: ShareLink = made.error_for_status()?.json().await?;
        let token = link.link.as_deref().and_then(|link| link.rsplit('/').next()).context("no token")?;
        let opened = self.client.post(self.url("/api/share/open")).json(&json!({ "token": token })).send().await?;
        let opened: ShareOpened = opened.error_for_status()?.json().await?;
        let ask = async || {
            let request = self.client.get(self.url("/api/share/assets")).bearer_auth(&opened.access_token);
            request.send().await?.error_for_status()?.json::<AssetColumns>().await
        };
        let columns = ask().await?;
        ensure!(columns.id == [shown.id], "the link shows {:?}", columns.id);
        let right = columns.right[0].as_deref().context("no right")?;
        let preview = shown.media.preview.as_deref().context("no preview")?;
        for (path, status) in [(preview, StatusCode::OK), (shown.media.original.as_str(), StatusCode::FORBIDDEN)] {
            let answer = self.client.get(self.url(&format!("{path}?{right}"))).send().await?;
            ensure!(answer.status() == status, "{path} answered {} to a guest", answer.status());
        }
        let path = self.url(&format!("/api/share-links/{}", link.id));
        let revoke = self.client.delete(path).header("cookie", cookies).header("origin", self.url(""));
        revoke.send().await?.error_for_status()?;
        ensure!(ask().await.is_err(), "a revoked link still shows photos");
        Ok(())
    }

    pub(crate) async fn front(&mut self) -> anyhow::Result<String> {
        let page = self.client.get(self.url("/")).send().await?;
        ensure!(page.status() == StatusCode::OK, "the page answered {}", page.status());
        ensure!(page.headers().contains_key("content-security-policy"), "the page has no content security policy");
        let http2 = reqwest::Client::builder().http2_prior_knowledge().build()?;
        let answer = http2.get(self.url("/ready")).send().await?;
        ensure!(answer.version() == reqwest::Version::HTTP_2, "HTTP/2 was not spoken");
        let mut refused = 0;
        for path in ["/media/%2e%2e/secrets", "/media//x", "/%2f", "/a/%5c"] {
            let answer = self.raw(path).await?;
            ensure!(
                answer.starts_with("HTTP/1.1 400"),
                "{path} answered {}",
                answer.lines().next().unwrap_or("nothing")
            );
            refused += 1;
        }
        let passed = self.ten_at_once().await?;
        Ok(format!(
            "page and HTTP/2 served; {refused} of 4 disguised paths refused; of ten at once with a burst of five {passed} passed"
        ))
    }

    /// How many pass under a limit that is written while the server runs, and taken back after.
    async fn ten_at_once(&self) -> anyhow::Result<usize> {
        let server = self.server.as_ref().context("the server is not running")?;
        let file = self.data_dir().join("picup.toml");
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(&file, format!("{before}\ngateway.limits.page = \"1/m burst 5\"\n"))?;
        server.signal(Signal::HUP);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !server.output().text().contains("networks or limits have changed") {
            ensure!(Instant::now() < deadline, "the new limit was not taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // What was asked before counts for a moment.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = (0..10).map(|_| self.client.get(self.url("/")).send());
        let answers = futures_util::future::try_join_all(asked).await?;
        std::fs::write(&file, before)?;
        server.signal(Signal::HUP);
        let passed = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
        ensure!(passed == 5, "{passed} of ten at once passed, where five may");
        Ok(passed)
    }

    /// The answer to a path sent as it stands: a client library would tidy it up first.
    async fn raw(&mut self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.server()?.address()).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: picup\r\nconnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    pub(crate) async fn metrics(&mut self) -> anyhow::Result<String> {
        let before = self.requests_counted().await?;
        for _ in 0..10 {
            self.client.get(self.url("/live")).send().await?.error_for_status()?;
        }
        let after = self.requests_counted().await?;
        ensure!(after - before == 10, "10 requests were counted as {}", after - before);
        let lines = self.nginx_log_counted().await?;
        Ok(format!("{after} requests counted, exactly; {lines} lines of an nginx's log too, from its own format"))
    }

    /// How many lines `picup nginx-exporter` finds in a log of nginx's.
    async fn nginx_log_counted(&self) -> anyhow::Result<usize> {
        const LINES: usize = 10_000;
        let log = self.folder.path().join("access.log");
        let line = "192.0.2.1 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b=c HTTP/1.1\" 200 512 \"-\" \"curl\" 0.007\n";
        std::fs::write(&log, line.repeat(LINES))?;
        let format = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time"#;
        let log = log.to_string_lossy();
        let done = run(PICUP, ["nginx-exporter", "--once", "--format", format, &log]).await?;
        let counted = format!("nginx_http_response_count_total{{method=\"GET\",status=\"200\"}} {LINES}");
        ensure!(done.stdout.lines().any(|line| line == counted), "{}{}", done.stdout, done.stderr);
        Ok(LINES)
    }

    /// All requests the front has counted as health checks.
    async fn requests_counted(&self) -> anyhow::Result<u64> {
        let text = self.client.get(format!("http://{}/metrics", self.admin)).send().await?.text().await?;
        let counts = text.lines().filter(|line| {
            line.starts_with("http_server_request_duration_seconds_count") && line.contains("\"health\"")
        });
        counts.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<u64>()?)).sum()
    }

    pub(crate) async fn light(&mut self) -> anyhow::Result<String> {
        self.server()?.terminate().await?;
        let ready = self.start().await?;
        let idle = self.server()?.resident_bytes()?;
        ensure!(idle < 60 << 20, "idle at {} MiB", idle >> 20);
        ensure!(ready < Duration::from_millis(1500), "ready after {} ms", ready.as_millis());
        Ok(format!("ready in {} ms on this library, idle at {} MiB", ready.as_millis(), idle >> 20))
    }

    pub(crate) async fn safe(&mut self) -> anyhow::Result<String> {
        self.server()?.terminate().await?;
        std::fs::remove_dir_all(self.data_dir())?;
        self.picup(&["user", "create", EMAIL]).await?;
        self.start().await?;
        let cookies = self.cookies().await?;
        let some_are_in = async {
            while self.total(&cookies).await? < 20 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            anyhow::Ok(())
        };
        tokio::select! {
            _ = self.import() => bail!("the import ended before the kill; the tour shows nothing"),
            some = some_are_in => some?,
        }
        self.server()?.kill().await?;
        self.start().await?;
        let kept = self.total(&cookies).await?;
        let rest = self.import().await?;
        let columns = self.settled().await?;
        ensure!(rest["failed"] == 0, "files failed after the restart: {rest}");
        let files = rest["found"].as_u64().unwrap_or(0) - rest["skipped"].as_u64().unwrap_or(0);
        Ok(format!("kill -9 with {kept} in; import again: {} of {files} files, none partial", columns.id.len()))
    }

    async fn total(&self, cookies: &str) -> anyhow::Result<u64> {
        let timeline: Timeline = self.get("/api/timeline", cookies).await?;
        Ok(timeline.total)
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

pub(crate) fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
