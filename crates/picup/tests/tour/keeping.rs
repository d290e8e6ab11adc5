//! A PicUp whose photos are in a bucket, with encrypted copies at another service; its move to a third one, and the day on which both
//! of those are gone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use picup_testkit::{PicupProcess, ProcessBuilder, S3Server, TempDir, fresh_folder, run, samples};
use serde_json::Value;

use crate::steps::{EMAIL, PASSWORD, PICUP, private};

const PHOTOS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(120);
const NAME: &str = "offsite";

struct Scene {
    primary: S3Server,
    offsite: S3Server,
    server: PicupProcess,
    endpoint: String,
    folder: TempDir,
}

/// Copies are made and proved, a changed byte is healed, and everything comes back when the primary bucket is gone.
pub(crate) async fn second_provider() -> anyhow::Result<String> {
    let mut scene = Scene::set().await?;
    scene.import().await?;
    scene.until_kept().await?;
    scene.json(&["backup", "catalogue", NAME], false).await?;
    let key = scene.path("recovery-key").to_string_lossy().into_owned();
    let drill = scene.json(&["backup", "drill", NAME, "--recovery-key", &key, "--json"], true).await?;
    ensure!(drill["ok"] == true && drill["same"].as_u64() > Some(0), "the drill: {drill}");

    let object = scene.primary.keys()?.into_iter().find(|key| key.contains("/file/")).context("no original")?;
    scene.primary.corrupt(&object)?;
    let scrubbed = scene.json(&["backup", "scrub", "--json"], true).await?;
    ensure!(scrubbed["healed"] == 1 && scrubbed["lost"] == 0, "the scrub: {scrubbed}");

    let mut other = scene.moved().await?;
    scene.server.terminate().await?;
    scene.primary.stop();
    other.stop();
    let begun = Instant::now();
    let restored = scene.restore(&key).await?;
    let took = begun.elapsed();
    ensure!(restored["missing"] == 0 && restored["objects"] == drill["same"], "the restore: {restored}");
    Ok(format!(
        "{} objects proved in two places; a drill with the recovery key; a changed byte healed; moved to another provider while \
         it runs; both primary buckets gone: all back from the encrypted copies in {:.1} s, each with its hash",
        restored["objects"],
        took.as_secs_f64()
    ))
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let folder = fresh_folder();
        let (primary, offsite) = (S3Server::start_like_amazon()?, S3Server::start_with_rights()?);
        let write = |name: &str, text: String| -> anyhow::Result<PathBuf> {
            let path = folder.path().join(name);
            std::fs::write(&path, text)?;
            private(&path)?;
            Ok(path)
        };
        let lines = |(id, secret): (&str, &str)| format!("{id}\n{secret}\n");
        let password = write("password", PASSWORD.to_owned())?;
        let store = write("store", lines((primary.access_key(), primary.secret_key())))?;
        let writer = write("writer", lines(offsite.writer()))?;
        let reader = write("reader", lines(offsite.reader()))?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let settings = format!(
            "[store]\nurl = \"s3://{}/photos\"\nendpoint = \"{}\"\naccess_key_file = \"{}\"\n\
             [backup.destinations.{NAME}]\nurl = \"s3://{}/copies\"\nendpoint = \"{}\"\naccess_key_file = \"{}\"\n\
             reader_key_file = \"{}\"\n",
            primary.bucket(),
            primary.endpoint(),
            store.display(),
            offsite.bucket(),
            offsite.endpoint(),
            writer.display(),
            reader.display()
        );
        std::fs::write(data.join("picup.toml"), settings)?;
        let data_dir = data.to_string_lossy();
        let key = run(PICUP, ["backup", "recovery-key", "--data-dir", &data_dir]).await?;
        ensure!(key.status.success(), "no recovery key: {}", key.stderr);
        write("recovery-key", key.stdout)?;
        let made = ["user", "create", EMAIL, "--data-dir", &data_dir, "--password-file", &password.to_string_lossy()];
        ensure!(run(PICUP, made).await?.status.success(), "no account could be made");
        let server = ProcessBuilder::new(PICUP, &data).arg("--admin-listen").arg("").start().await?;
        Ok(Self { primary, endpoint: offsite.endpoint(), offsite, server, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn import(&self) -> anyhow::Result<()> {
        let photos = self.path("photos");
        std::fs::create_dir(&photos)?;
        let mut files: Vec<_> = std::fs::read_dir(samples::photographs()?)?.collect::<Result<_, _>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        for file in files.iter().filter(|file| file.path().is_file()).take(PHOTOS) {
            std::fs::copy(file.path(), photos.join(file.file_name()))?;
        }
        let (photos, password) = (photos.to_string_lossy().into_owned(), self.path("password"));
        let wish = ["import", &photos, "--server", &self.server.url(""), "--email", EMAIL, "--password-file"];
        let password = password.to_string_lossy();
        let sent = run(PICUP, wish.into_iter().chain([&*password, "--json"])).await?;
        ensure!(sent.status.success(), "the import: {}{}", sent.stdout, sent.stderr);
        Ok(())
    }

    /// A command on the data folder; its last line as JSON if it has any.
    async fn json(&self, arguments: &[&str], wanted: bool) -> anyhow::Result<Value> {
        self.json_on(&self.path("data"), arguments, wanted).await
    }

    async fn json_on(&self, data: &Path, arguments: &[&str], wanted: bool) -> anyhow::Result<Value> {
        let data = data.to_string_lossy();
        let ended = run(PICUP, arguments.iter().copied().chain(["--data-dir", &*data])).await?;
        ensure!(ended.status.success(), "picup {}: {}{}", arguments.join(" "), ended.stdout, ended.stderr);
        let last = ended.stdout.trim_end().lines().last().unwrap_or_default();
        Ok(if wanted { serde_json::from_str(last)? } else { Value::Null })
    }

    async fn until_kept(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let status = self.json(&["backup", "status", "--json"], true).await?;
            let one = &status["destinations"][0];
            if one["enrolled"] == true && one["waiting"]["copies"] == 0 && one["failing"]["copies"] == 0 {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "copies wait: {status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Moves the photos to a bucket at another service.
    async fn moved(&self) -> anyhow::Result<S3Server> {
        let other = S3Server::start_like_amazon()?;
        let key = self.path("other");
        std::fs::write(&key, format!("{}\n{}\n", other.access_key(), other.secret_key()))?;
        private(&key)?;
        let (to, endpoint, key) = (format!("s3://{}/photos", other.bucket()), other.endpoint(), key.to_string_lossy());
        let wish = ["storage", "move", "--to", &to, "--endpoint", &endpoint, "--access-key-file", &*key, "--json"];
        let told = self.json(&wish, true).await?;
        ensure!(told["move"]["state"] == "moved" && told["move"]["damaged"] == 0, "the move: {told}");
        Ok(other)
    }

    async fn restore(&self, key: &str) -> anyhow::Result<Value> {
        let (there, reader) = (self.path("restored"), self.path("reader"));
        let from = format!("s3://{}/copies", self.offsite.bucket());
        let reader = reader.to_string_lossy();
        let wish = ["restore", "--from", &from, "--endpoint", &self.endpoint, "--access-key-file", &*reader];
        let wish: Vec<&str> = wish.into_iter().chain(["--recovery-key", key, "--json"]).collect();
        self.json_on(&there, &wish, true).await
    }
}
