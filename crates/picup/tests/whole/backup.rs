//! A PicUp whose photos are in a bucket, with a copy of each in another bucket, encrypted, and one in a folder: what is kept there,
//! what reading it again finds, and what a rehearsal brings back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use picup_api::wire::AssetState;
use picup_domain::Sha256;
use picup_testkit::{Finished, S3Server, TempDir, fresh_folder, run, samples};
use serde_json::{Value, json};

use crate::app::{BINARY, TestApp, eventually, write_private};
use crate::buckets::{Service, counts, fill, gives_back};

/// Where everything is: the store, and the destinations `offsite` and `disk`.
pub(crate) struct Places {
    pub(crate) primary: Service<S3Server>,
    pub(crate) offsite: S3Server,
    folder: TempDir,
}

impl Places {
    pub(crate) fn new() -> Self {
        let primary = Service::with(S3Server::start_like_amazon().unwrap());
        let places = Self { primary, offsite: S3Server::start_with_rights().unwrap(), folder: fresh_folder() };
        let offsite = &places.offsite;
        for (name, (id, secret)) in
            [("writer", offsite.writer()), ("reader", offsite.reader()), ("remover", offsite.remover())]
        {
            write_private(&places.file(name), &format!("{id}\n{secret}\n"));
        }
        std::fs::create_dir(places.file("disk")).unwrap();
        places
    }

    /// A file with a key, or the folder `disk`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn settings(&self) -> String {
        let file = |name| self.file(name).display().to_string();
        format!(
            "{}\n[backup.destinations.disk]\nurl = \"{}\"\n\
             [backup.destinations.offsite]\nurl = \"s3://picup/family\"\nendpoint = \"{}\"\n\
             access_key_file = \"{}\"\nreader_key_file = \"{}\"\nremover_key_file = \"{}\"\n",
            self.primary.settings(),
            file("disk"),
            self.offsite.endpoint(),
            file("writer"),
            file("reader"),
            file("remover"),
        )
    }

    /// A PicUp with these destinations, Ada, and a recovery key in the file `recovery`.
    pub(crate) async fn start(&self) -> TestApp {
        let app = TestApp::builder().account("ada").config(self.settings()).start().await;
        let made = backup_done(&app, &["recovery-key"]).await;
        write_private(&self.file("recovery"), &made.stdout);
        let again = backup(&app, &["recovery-key"]).await;
        assert!(
            !again.status.success() && again.stderr.contains("there is a recovery key already"),
            "{}",
            again.stderr
        );
        app.kill_and_restart().await
    }

    /// The hashes of everything in the store, by key.
    pub(crate) fn stored(&self) -> BTreeMap<String, Sha256> {
        hashes(&self.primary.server.folder().join("picup/family/photos/media"))
    }
}

/// The hashes of all files below a folder.
pub(crate) fn hashes(folder: &Path) -> BTreeMap<String, Sha256> {
    let files =
        walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let hash = |entry: walkdir::DirEntry| {
        let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
        (name, Sha256::of(&std::fs::read(entry.path()).unwrap()))
    };
    files.map(hash).collect()
}

/// `picup backup …` beside the server.
pub(crate) async fn backup(app: &TestApp, arguments: &[&str]) -> Finished {
    let data = app.data();
    let place = ["--data-dir", data.to_str().unwrap()];
    run(BINARY, ["backup"].iter().chain(arguments).chain(&place).copied()).await.unwrap()
}

/// As [`backup`], which must succeed.
pub(crate) async fn backup_done(app: &TestApp, arguments: &[&str]) -> Finished {
    let done = backup(app, arguments).await;
    assert!(done.status.success(), "{arguments:?}: {}{}\n{}", done.stdout, done.stderr, app.log());
    done
}

/// The status of each destination, by name.
pub(crate) async fn status(app: &TestApp) -> BTreeMap<String, Value> {
    let told = counts(&backup_done(app, &["status", "--json"]).await.stdout);
    let told = told["destinations"].as_array().unwrap().iter();
    told.map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone())).collect()
}

/// Waits until every copy is made and proved, and gives how many objects that is.
pub(crate) async fn copied(app: &TestApp) -> u64 {
    let done = async || {
        let all = status(app).await;
        let done =
            |one: &Value| one["enrolled"] == true && one["waiting"]["copies"] == 0 && one["failing"]["copies"] == 0;
        all.values().all(done).then(|| all["disk"]["kept"]["copies"].as_u64().unwrap())
    };
    eventually("the copies", done).await.unwrap_or_else(|late| panic!("{late}\n{}", app.log()))
}

/// As [`copied`], with a catalogue at every destination.
pub(crate) async fn safe(app: &TestApp) -> u64 {
    let objects = copied(app).await;
    for name in ["disk", "offsite"] {
        backup_done(app, &["catalogue", name]).await;
    }
    let all = status(app).await;
    assert!(all.len() == 2 && all.values().all(|one| one["safe"] == true), "{all:?}");
    assert!(all["offsite"]["encrypted"] == true && all["disk"]["encrypted"] == false, "{all:?}");
    objects
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_copied_is_proved_healed_and_comes_back() {
    let places = Places::new();
    let app = places.start().await;
    let photos = app.path("photos");
    let wanted = fill(&photos);
    let done = app.import("ada", &photos, None, &[]).await;
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    app.settle().await;
    let objects = safe(&app).await;
    let stored = places.stored();
    assert_eq!((objects, stored.len()), (19, 19), "a film and six photos with their pictures");
    assert_eq!(hashes(&places.file("disk").join("media")), stored, "the folder can be read without PicUp");
    let sealed: Vec<_> = places.offsite.keys().unwrap();
    assert!(sealed.iter().all(|key| key.ends_with(".age") || key == "family/picup-backup.txt"), "{sealed:?}");
    backup(&app, &["drill", "nowhere"]).await;

    let key = places.file("recovery");
    for arguments in
        [&["drill", "offsite", "--json", "--recovery-key", key.to_str().unwrap()][..], &["drill", "disk", "--json"]]
    {
        let drill = counts(&backup_done(&app, arguments).await.stdout);
        let told = [&drill["ok"], &drill["same"], &drill["different"], &drill["missing"], &drill["newer"]];
        assert_eq!(told, [&json!(true), &json!(objects), &json!(0), &json!(0), &json!(0)], "{drill}");
    }
    assert!(!app.data().join("drill").exists(), "what came back is removed");
    assert!(status(&app).await.values().all(|one| one["drill"]["ok"] == true));

    damage(&places, &stored);
    let found = counts(&backup_done(&app, &["scrub", "--json"]).await.stdout);
    assert_eq!(found, json!({ "good": 3 * objects - 4, "healed": 4, "lost": 0, "unread": 0 }));
    assert_eq!(copied(&app).await, objects);
    let found = counts(&backup_done(&app, &["scrub", "--json"]).await.stdout);
    assert_eq!(found, json!({ "good": 3 * objects, "healed": 0, "lost": 0, "unread": 0 }));
    assert_eq!(places.stored(), stored);
    gives_back(&app.sign_in_browser("ada").await, &wanted).await;
    app.finish().await;
}

/// Turns a bit of an object in the store, removes another, and turns one of a copy at each destination.
fn damage(places: &Places, stored: &BTreeMap<String, Sha256>) {
    let keys: Vec<_> = stored.keys().collect();
    places.primary.server.corrupt(&format!("family/photos/media/{}", keys[0])).unwrap();
    places.primary.server.lose(&format!("family/photos/media/{}", keys[1])).unwrap();
    places.offsite.corrupt(&format!("family/media/{}.age", keys[2])).unwrap();
    let copy = places.file("disk").join("media").join(keys[3]);
    let mut bytes = std::fs::read(&copy).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_is_rehearsed_by_itself_when_that_is_set() {
    let folder = fresh_folder();
    let disk = folder.path().display();
    let settings = format!("[backup]\ndrill_every = \"1d\"\n[backup.destinations.disk]\nurl = \"{disk}\"\n");
    let app = TestApp::builder().account("ada").config(settings).start().await;
    backup_done(&app, &["recovery-key"]).await;
    let app = app.kill_and_restart().await;
    let ada = app.sign_in("ada").await;
    ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    assert_eq!(copied(&app).await, 3);
    backup_done(&app, &["catalogue", "disk"]).await;
    let drilled = async || status(&app).await.remove("disk").filter(|disk| disk["drill"]["ok"] == true);
    eventually("a rehearsal", drilled).await.unwrap_or_else(|late| panic!("{late}\n{}", app.log()));
    let spool = app.data().join("spool");
    let gone = async || (std::fs::read_dir(&spool).unwrap().count() == 0).then_some(());
    eventually("the end of what came back", gone).await.unwrap();
    assert!(app.log().contains("a restore was rehearsed and went well"), "{}", app.log());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_mounted_later_is_waited_for_and_the_photos_are_shown() {
    let folder = fresh_folder();
    let disk = folder.path().join("disk");
    let settings = format!("[backup.destinations.disk]\nurl = \"{}\"\n", disk.display());
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let ada = app.sign_in_browser("ada").await;
    let photo = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await;
    assert_eq!(photo.state, AssetState::Ready);
    let told = async || app.log().contains("copying goes on later").then_some(());
    eventually("a word of the disk", told).await.unwrap();
    assert!(app.log().contains(disk.to_str().unwrap()), "{}", app.log());
    let waits = status(&app).await.remove("disk").unwrap();
    assert_eq!((&waits["safe"], &waits["kept"]["copies"]), (&json!(false), &json!(0)));
    assert!(!disk.exists());
    assert_eq!(ada.get(&photo.media.original).await.status, 200);

    std::fs::create_dir(&disk).unwrap();
    assert_eq!(copied(&app).await, 3);
    assert_eq!(hashes(&disk.join("media")), hashes(&app.data().join("objects/media")));
    app.finish().await;
}
