//! A PicUp whose photos are in a bucket: it keeps and gives back what a folder would, waits while the service is away, and its
//! doctor tells why when something is wrong. Every test ends with the bucket holding what the database knows, and no more.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use picup_api::wire::{Completed, PartTargets, System, SystemState, Timeline, Upload};
use picup_testkit::{RcloneServer, S3Server, TempDir, fresh_folder, run, samples};
use serde_json::{Value, json};

use crate::app::{BINARY, TestApp, eventually, write_private};
use crate::client::{Answer, Client, hash};
use crate::database_server::doctor;
use crate::pictures::noise;

const PART: usize = 16 << 20;

/// A service that PicUp can have a bucket at.
pub(crate) trait Bucket {
    fn endpoint(&self) -> String;
    fn keys(&self) -> (&str, &str);
    /// Where objects are files, below the name of their bucket.
    fn folder(&self) -> &Path;
}

macro_rules! bucket {
    ($($server:ty)*) => {
        $(impl Bucket for $server {
            fn endpoint(&self) -> String {
                self.endpoint()
            }

            fn keys(&self) -> (&str, &str) {
                (self.access_key(), self.secret_key())
            }

            fn folder(&self) -> &Path {
                self.folder()
            }
        })*
    };
}

bucket!(S3Server RcloneServer);

/// A service with the bucket `picup`, and the file with its key.
pub(crate) struct Service<S> {
    pub(crate) server: S,
    folder: TempDir,
}

impl<S: Bucket> Service<S> {
    pub(crate) fn with(server: S) -> Self {
        let service = Self { server, folder: fresh_folder() };
        write_private(&service.key_file(), &service.key(service.server.keys().1));
        service
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("bucket-key")
    }

    fn key(&self, secret: &str) -> String {
        format!("{}\n{secret}\n", self.server.keys().0)
    }

    fn replace_key(&self, text: &str) {
        std::fs::remove_file(self.key_file()).unwrap();
        write_private(&self.key_file(), text);
    }

    /// What a PicUp in the bucket's part `family/photos` has in its file; the remark is for the books.
    pub(crate) fn settings(&self) -> String {
        self.settings_for("picup")
    }

    fn settings_for(&self, bucket: &str) -> String {
        let objects = self.server.folder().join(bucket).join("family/photos");
        format!(
            "store.url = \"s3://{bucket}/family/photos\"\nstore.endpoint = \"{}\"\nstore.access_key_file = \"{}\"\nstore.parts = \"proxied\"\n# objects: {}\n",
            self.server.endpoint(),
            self.key_file().display(),
            objects.display()
        )
    }

    /// Uploads that a strict service has begun for PicUp, and not ended.
    fn uploads(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.server.folder()).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".upload")).collect()
    }

    /// Ends the test: the bucket has what the books say. Gives the log.
    pub(crate) async fn finish(&self, app: TestApp) -> String {
        let spool = app.data().join("spool");
        assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0, "the spool's files have no names");
        assert!(!app.data().join("objects").exists(), "nothing goes to the data folder");
        let log = app.finish().await;
        assert!(!log.contains(self.server.keys().1), "{log}");
        log
    }
}

/// Photographs, and a film of two parts, in a folder; gives their hashes.
pub(crate) fn fill(folder: &Path) -> BTreeSet<String> {
    std::fs::create_dir(folder).unwrap();
    let mut files = vec![("film.mp4".to_owned(), noise(1, PART + 1_000))];
    files.extend((0..6).map(|number| {
        let time = format!("2020:01:0{} 10:00:00", number + 1);
        (format!("{number}.jpg"), samples::jpeg_taken(number, &time, None, 1))
    }));
    let write = |(name, content): (String, Vec<u8>)| {
        std::fs::write(folder.join(name), &content).unwrap();
        hash(&content)
    };
    files.into_iter().map(write).collect()
}

pub(crate) fn counts(stdout: &str) -> Value {
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

/// Every photo of the timeline is given back as it was sent, whole and in parts, and its thumbnail beside it.
pub(crate) async fn gives_back(ada: &Client, wanted: &BTreeSet<String>) {
    let mut found = BTreeSet::new();
    for id in ada.timeline().await.id {
        let asset = ada.processed(id).await;
        let content = ada.get(&asset.media.original).await;
        assert_eq!((content.status, hash(&content.body)), (200, asset.sha256.clone()), "{}", asset.file_name);
        let range = ada.request(reqwest::Method::GET, &asset.media.original).header("range", "bytes=100-199");
        let part = ada.send(range).await;
        assert_eq!((part.status, &part.body[..]), (206, &content.body[100..200]));
        if let Some(thumbnail) = &asset.media.thumbnail {
            assert_eq!(ada.get(thumbnail).await.status, 200);
        }
        found.insert(asset.sha256);
    }
    assert_eq!(&found, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_in_a_bucket_is_kept_and_given_back_over_kills_and_goes_when_it_is_deleted() {
    let service = Service::with(S3Server::start().unwrap());
    let mut app = TestApp::builder().account("ada").config(service.settings()).start().await;
    let photos = app.path("photos");
    let mut wanted = fill(&photos);
    let importing = tokio::spawn(run(BINARY, app.import_arguments("ada", &photos, None, &["--parallel", "2"])));
    let begun = async || (!service.uploads().is_empty()).then_some(());
    eventually("an upload", begun).await.unwrap();
    app = app.kill_and_restart().await;
    let done = importing.await.unwrap().unwrap();
    assert!(done.status.success(), "{}\n{}\n{}", done.stdout, done.stderr, app.log());
    assert_eq!((&counts(&done.stdout)["found"], &counts(&done.stdout)["failed"]), (&json!(7), &json!(0)));
    app.settle().await;

    let ada = app.sign_in_browser("ada").await;
    let timeline: Timeline = ada.get("/api/timeline").await.json(200);
    assert_eq!(timeline.days.iter().map(|day| day.count).sum::<u64>(), 7);
    gives_back(&ada, &wanted).await;
    let again = app.import("ada", &photos, None, &[]).await;
    assert_eq!(counts(&again.stdout)["duplicate"], 7, "{}", again.stdout);

    let ids = ada.timeline().await.id;
    let change = async |what: &str, assets: &[uuid::Uuid]| {
        ada.post(&format!("/api/assets/{what}"), &json!({ "assets": assets })).await.json::<Value>(200)
    };
    change("trash", &ids[..3]).await;
    change("restore", &ids[2..3]).await;
    let gone = [ada.asset(ids[0]).await, ada.asset(ids[1]).await];
    change("delete", &ids[..1]).await;
    app = app.kill_and_restart().await;
    let ada = app.sign_in_browser("ada").await;
    assert!(ada.delete("/api/trash").await.status < 300);
    app.settle().await;
    for asset in &gone {
        assert_eq!(ada.get(&asset.media.original).await.status, 404);
        wanted.remove(&asset.sha256);
    }
    gives_back(&ada, &wanted).await;

    let data = app.data();
    let backup = app.path("backup.db");
    let backed =
        run(BINARY, ["db", "backup", backup.to_str().unwrap(), "--data-dir", data.to_str().unwrap()]).await.unwrap();
    assert!(backed.stdout.contains("they are in s3://picup/family/photos"), "{}{}", backed.stdout, backed.stderr);
    service.finish(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_go_straight_into_a_bucket_that_a_probe_trusts() {
    let service = Service::with(S3Server::start_like_amazon().unwrap());
    let settings = service.settings().replace("\"proxied\"", "\"probe\"");
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let probed = async || app.log().contains("go straight into the bucket").then_some(());
    eventually("a probe", probed).await.unwrap();
    let photos = app.path("photos");
    let wanted = fill(&photos);
    let done = app.import("ada", &photos, None, &[]).await;
    assert_eq!((done.status.success(), &counts(&done.stdout)["uploaded"]), (true, &json!(7)), "{}", done.stdout);
    app.settle().await;
    let ada = app.sign_in_browser("ada").await;
    gives_back(&ada, &wanted).await;

    // What was announced and never sent is no part, and may be announced anew; once it has come, another hash is refused.
    let file = noise(5, 3_000);
    let upload = ada.reserve_new("late.bin", &file).await;
    let parts = async |content: &[u8]| {
        let wish = json!({ "parts": [{ "number": 1, "sha256": hash(content) }] });
        ada.post(&format!("/api/uploads/{}/parts", upload.id), &wish).await
    };
    parts(b"other").await.json::<PartTargets>(200);
    let target = parts(&file).await.json::<PartTargets>(200).parts.remove(0);
    assert!(target.url.starts_with(&service.server.endpoint()), "{}", target.url);
    ada.complete(upload.id).await.refused(409);
    let put = async |content: Vec<u8>| {
        let mut request = reqwest::Client::new().put(&target.url).body(content);
        for header in &target.headers {
            request = request.header(&header.name, &header.value);
        }
        request.send().await.unwrap().status()
    };
    assert!(!put(noise(6, 3_000)).await.is_success());
    assert!(put(file.clone()).await.is_success());
    parts(b"other").await.refused(409);
    ada.complete(upload.id).await.json::<Completed>(201);

    let log = app.log();
    let carried = log.lines().filter(|line| line.contains("PUT") && line.contains("/api/uploads/")).count();
    assert_eq!(carried, 0, "PicUp carries no part:\n{log}");
    app.settle().await;
    service.finish(app).await;
}

fn is_away(answer: &Answer) {
    assert_eq!(answer.refused(503).r#type, "urn:picup:store-away");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
}

/// The report of the page System, once it is as wanted.
async fn report(ada: &Client, what: &str, wanted: impl Fn(&System) -> bool) -> System {
    let look = async || Some(ada.get("/api/admin/system").await.json::<System>(200)).filter(&wanted);
    eventually(what, look).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_is_away_lists_are_shown_and_uploads_wait() {
    let mut service = Service::with(S3Server::start().unwrap());
    let app = TestApp::builder().account("ada").config(service.settings()).start().await;
    let admin = app.sign_in_admin().await;
    let ada = app.sign_in_browser("ada").await;
    let first = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    let found = report(&admin, "a store that is well", |found| found.stores[0].writable).await;
    assert_eq!((found.stores[0].kind.as_str(), found.stores[0].row.state), ("s3", SystemState::Good));
    let upload = ada.reserve_new("b.jpg", &samples::jpeg(2)).await;
    let target = ada.target(upload.id, 1, &samples::jpeg(2)).await;

    service.server.stop();
    is_away(&ada.reserve("c.jpg", 100, &hash(b"c")).await);
    is_away(&ada.put(&target, samples::jpeg(2)).await);
    is_away(&ada.get(&format!("/api/uploads/{}", upload.id)).await);
    ada.get(&first.media.original).await.refused(503);
    assert_eq!(ada.timeline().await.id, [first.id]);
    let found = report(&admin, "a store that is away", |found| !found.stores[0].writable).await;
    let row = &found.stores[0].row;
    assert_eq!((row.state, row.advice[0].code.as_str()), (SystemState::Bad, "storage-there"), "{row:?}");
    assert!(row.advice[0].detail.contains("no connection to the service"), "{row:?}");
    // The log has the cause, and who asked has not.
    assert!(app.log().contains("look for an upload") && app.log().contains("store cannot be reached"), "{}", app.log());

    let app = app.kill_and_restart().await;
    assert!(app.log().contains("the store is away, or refuses"), "{}", app.log());
    assert_eq!(ada.timeline().await.id, [first.id]);
    let photos = app.path("photos");
    let mut wanted = fill(&photos);
    let before = app.log().matches("status=503").count();
    let importing = tokio::spawn(run(BINARY, app.import_arguments("ada", &photos, None, &[])));
    let refused = async || (app.log().matches("status=503").count() > before).then_some(());
    eventually("an import that is told to wait", refused).await.unwrap();
    service.server.start_again().unwrap();
    let done = importing.await.unwrap().unwrap();
    assert!(done.status.success(), "{}\n{}\n{}", done.stdout, done.stderr, app.log());
    assert_eq!(ada.put(&target, samples::jpeg(2)).await.status, 204);
    ada.complete(upload.id).await.json::<Completed>(201);
    wanted.extend([hash(samples::JPEG), hash(&samples::jpeg(2))]);
    gives_back(&ada, &wanted).await;
    report(&admin, "a store that is back", |found| found.stores[0].writable).await;
    service.finish(app).await;
    assert_eq!(service.uploads(), Vec::<PathBuf>::new(), "uploads are left open in the service");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_the_service_gave_up_by_itself_is_sent_again() {
    let mut service = Service::with(RcloneServer::start().unwrap());
    let app = TestApp::builder().account("ada").config(service.settings()).start().await;
    let ada = app.sign_in("ada").await;
    let content = noise(7, PART + 5);
    let upload = ada.reserve_new("film.mp4", &content).await;
    let parts = [&content[..PART], &content[PART..]];
    let arrived = async || ada.get(&format!("/api/uploads/{}", upload.id)).await.json::<Upload>(200).arrived.len();
    let send = async |number: usize| {
        let target = ada.target(upload.id, number as u32, parts[number - 1]).await;
        ada.put(&target, parts[number - 1].to_vec()).await
    };
    assert_eq!(send(1).await.status, 204);
    assert_eq!(arrived().await, 1);
    // It keeps them in memory alone. Others have a rule that ends old ones.
    service.server.start_again().unwrap();
    assert_eq!(arrived().await, 0);
    ada.complete(upload.id).await.refused(409);
    let told = send(2).await.refused(503);
    assert!(told.detail.contains("send its parts again"), "{}", told.detail);
    for number in [1, 2] {
        assert_eq!(send(number).await.status, 204);
    }
    let asset = ada.complete(upload.id).await.json::<Completed>(201).asset;
    assert_eq!(ada.processed(asset).await.sha256, hash(&content));
    // What the service itself leaves of what it gave up.
    for entry in walkdir::WalkDir::new(service.server.folder()).into_iter().map(Result::unwrap) {
        if entry.file_name().to_str().unwrap().starts_with(".rclone_multipart_upload") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    service.finish(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tells_what_is_wrong_with_a_bucket() {
    let mut service = Service::with(S3Server::start().unwrap());
    let folder = fresh_folder();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let told = doctor(&data, &service.settings()).await;
    for well in ["\nok storage-there: ", "\nok storage-writable: ", "\nok storage-private: "] {
        assert!(told.contains(well), "{told}");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "looking made something");

    let told = doctor(&data, &service.settings_for("nowhere")).await;
    assert!(told.contains("\nstorage-there: ") && told.contains("NoSuchBucket; there is no bucket"), "{told}");
    service.replace_key(&service.key("a-secret-of-another-key"));
    let told = doctor(&data, &service.settings()).await;
    assert!(told.contains("SignatureDoesNotMatch; the secret is not the access key's"), "{told}");
    assert!(!told.contains("a-secret-of-another-key"), "{told}");
    std::fs::set_permissions(service.key_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(doctor(&data, &service.settings()).await.contains("chmod 600"));
    service.replace_key("one line");
    assert!(doctor(&data, &service.settings()).await.contains("has to hold two lines"));
    service.replace_key(&service.key(Bucket::keys(&service.server).1));
    service.server.stop();
    let told = doctor(&data, &service.settings()).await;
    assert!(told.contains("\nstorage-there: ") && told.contains("no connection to the service"), "{told}");
    assert!(!told.contains("storage-writable"), "one advice is enough: {told}");
    service.server.start_again().unwrap();
    assert!(doctor(&data, &service.settings()).await.contains("\nok storage-there: "));
}
