//! The import against a server that misbehaves on command. The real server is met in the whole-PicUp tests.

mod fake;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use picup_domain::Sha256;
use uuid::Uuid;

use super::retry::Policy;
use super::{Counts, Credentials, Import, ImportError, Report, Stop, import_with};
use fake::{World, routes};

const QUICK: Policy = Policy {
    attempts: 4,
    first: Duration::from_millis(1),
    longest: Duration::from_millis(5),
    patience: Duration::from_secs(1),
};

fn password(password: &str) -> Credentials {
    Credentials::Password { email: "a@b".to_owned(), password: password.to_owned() }
}

/// A server, and a folder to import into it.
struct Scene {
    world: Arc<Mutex<World>>,
    dir: tempfile::TempDir,
    base: String,
}

impl Scene {
    async fn new(files: &[(&str, &[u8])]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(World { part_size: 16 << 20, base: base.clone(), ..World::default() }));
        let routes = routes(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        Self { world, dir, base }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn wish(&self, dir: &Path) -> Import {
        Import {
            dir: dir.to_owned(),
            server: self.base.parse().unwrap(),
            credentials: password("right password"),
            album: None,
            dry_run: false,
            state: None,
            wait: true,
            parallel: 4,
            json: true,
            terminal: false,
        }
    }

    async fn import(&self) -> Report {
        import_with(self.wish(self.dir.path()), Arc::default(), QUICK).await.unwrap()
    }

    fn set(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    /// Whether the server saw nothing it should not see, and holds nothing half done.
    fn well(&self) {
        let world = self.world.lock().unwrap();
        assert_eq!(world.violations, Vec::<String>::new());
        assert!(world.uploads.is_empty(), "uploads were left open");
        assert!(world.signed_out, "the session was left open");
    }
}

fn counts(found: u64, uploaded: u64, duplicate: u64, skipped: u64, failed: u64, bytes: u64) -> Counts {
    Counts { found, uploaded, duplicate, skipped, failed, bytes }
}

#[tokio::test]
async fn a_folder_is_sent_once_and_the_second_time_all_are_duplicates() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two"), ("copy.jpg", b"one"), ("notes.txt", b"x")]).await;
    let first = scene.import().await;
    assert_eq!(first.counts, counts(4, 2, 1, 1, 0, 6));
    assert!(first.complete, "{:?}", first.failures);
    assert_eq!(scene.import().await.counts, counts(4, 0, 3, 1, 0, 0));
    scene.well();
}

#[tokio::test]
async fn many_parts_of_another_size_arrive_whole_through_faults() {
    let movie: Vec<u8> = (0..=255).cycle().take(10_007).collect();
    let scene = Scene::new(&[("movie.mp4", &movie), ("1.jpg", b"one")]).await;
    scene.set(|world| {
        world.part_size = 500;
        world.part_faults = [503, 429, 500, 403].map(|code| StatusCode::from_u16(code).unwrap()).into();
    });
    let report = scene.import().await;
    assert_eq!(report.counts, counts(2, 2, 0, 0, 0, 10_010), "{:?}", report.failures);
    scene.well();
}

#[tokio::test]
async fn a_session_that_ends_is_renewed_once_for_all() {
    let names: Vec<String> = (0..20).map(|n| format!("{n}.jpg")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let scene = Scene::new(&files).await;
    scene.set(|world| world.end_tokens_after = Some(9));
    let report = scene.import().await;
    assert_eq!(report.counts.uploaded, 20, "{:?}", report.failures);
    assert_eq!(scene.world.lock().unwrap().sessions, 2, "one sign-in and one renewal");
    scene.well();
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_begun_anew() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two")]).await;
    scene.set(|world| world.end_tokens_after = Some(2));
    let world = Arc::clone(&scene.world);
    // The first upload also spends every refresh token, as an administrator's sign-out everywhere does.
    scene.set(|it| {
        it.on_upload = Some(Box::new(move || {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.lock().unwrap().refresh.clear() });
        }));
    });
    assert_eq!(scene.import().await.counts, counts(2, 2, 0, 0, 0, 6));
}

#[tokio::test]
async fn a_full_quota_stops_the_run_and_the_rest_has_that_reason() {
    let names: Vec<String> = (0..50).map(|n| format!("{n}.jpg")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let scene = Scene::new(&files).await;
    scene.set(|world| world.quota = Some(1));
    let report = scene.import().await;
    assert_eq!(report.counts, counts(50, 0, 0, 0, 50, 0));
    assert!(!report.complete);
    let last = report.failures.last().unwrap();
    assert!(last.contains("not sent: the account's quota is used up"), "{last}");
    assert!(report.failures.len() < 15, "files were begun after the quota was full: {:?}", report.failures);
    scene.well();
}

#[tokio::test]
async fn a_file_that_changes_after_it_was_hashed_fails_and_its_upload_is_given_up() {
    let scene = Scene::new(&[("1.jpg", b"before")]).await;
    let path = scene.path("1.jpg");
    scene.set(|world| world.on_upload = Some(Box::new(move || fs::write(&path, b"after!!").unwrap())));
    let report = scene.import().await;
    assert_eq!(report.counts, counts(1, 0, 0, 0, 1, 0));
    assert!(report.failures[0].contains("it changed while it was being read"), "{:?}", report.failures);
    assert_eq!(scene.world.lock().unwrap().deleted.len(), 1);
    scene.well();
}

#[tokio::test]
async fn an_interrupted_run_says_what_is_left_and_fills_the_album_with_what_is_done() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two"), ("3.jpg", b"three")]).await;
    scene.set(|world| {
        world.assets.insert(Sha256::of(b"one").to_string(), Uuid::from_u128(1));
    });
    let stop = Arc::<Stop>::default();
    let interrupt = Arc::clone(&stop);
    scene.set(|world| world.on_upload = Some(Box::new(move || interrupt.interrupt())));
    let mut wish = scene.wish(scene.dir.path());
    wish.album = Some(picup_domain::AlbumTitle::new("Lisbon").unwrap());
    wish.parallel = 1;
    let report = import_with(wish, stop, QUICK).await.unwrap();
    assert_eq!(report.counts, counts(3, 0, 1, 0, 2, 0));
    assert!(report.failures[0].contains("2 files not sent: it was interrupted"), "{:?}", report.failures);
    assert_eq!(scene.world.lock().unwrap().albums[0].2, [Uuid::from_u128(1)]);
    assert!(scene.world.lock().unwrap().signed_out);
}

#[tokio::test]
async fn an_album_whose_making_was_not_heard_of_is_not_made_twice() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two")]).await;
    scene.set(|world| world.unheard_albums = 1);
    let mut wish = scene.wish(scene.dir.path());
    wish.album = Some(picup_domain::AlbumTitle::new("Lisbon").unwrap());
    assert!(import_with(wish, Arc::default(), QUICK).await.unwrap().complete);
    let world = scene.world.lock().unwrap();
    assert_eq!(world.albums.len(), 1);
    assert_eq!(world.albums[0].2.len(), 2);
}

#[tokio::test]
async fn an_album_of_that_title_is_used_again() {
    let scene = Scene::new(&[("2.jpg", b"two"), ("1.jpg", b"one")]).await;
    for _ in 0..2 {
        let mut wish = scene.wish(scene.dir.path());
        wish.album = Some(picup_domain::AlbumTitle::new("Lisbon").unwrap());
        assert!(import_with(wish, Arc::default(), QUICK).await.unwrap().complete);
    }
    let world = scene.world.lock().unwrap();
    assert_eq!(world.albums.len(), 1);
    let first = world.assets[&Sha256::of(b"one").to_string()];
    assert_eq!(world.albums[0].2[0], first, "the album is in the order of the names");
    assert_eq!(world.albums[0].2.len(), 4);
}

#[tokio::test]
async fn what_cannot_begin_says_why() {
    let scene = Scene::new(&[]).await;
    let mut wish = scene.wish(scene.dir.path());
    wish.credentials = password("wrong password");
    assert!(matches!(import_with(wish, Arc::default(), QUICK).await, Err(ImportError::Credentials)));
    let wish = scene.wish(Path::new("/nonexistent"));
    assert!(matches!(import_with(wish, Arc::default(), QUICK).await, Err(ImportError::Folder(..))));
    let mut wish = scene.wish(scene.dir.path());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    wish.server = format!("http://{free}").parse().unwrap();
    let error = import_with(wish, Arc::default(), QUICK).await.err().unwrap().to_string();
    assert!(error.contains("cannot sign in to") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_server_that_goes_away_stops_the_run() {
    let names: Vec<String> = (0..50).map(|n| format!("{n}.jpg")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let scene = Scene::new(&files).await;
    scene.set(|world| world.lost = true);
    let report = scene.import().await;
    assert_eq!(report.counts.failed, 50);
    let last = report.failures.last().unwrap();
    assert!(last.contains("not sent: the server cannot be reached"), "{last}");
    assert!(report.failures.len() < 15, "files were begun after the server was lost: {:?}", report.failures);
    scene.well();
}

#[tokio::test]
async fn an_upload_that_somebody_else_took_over_is_asked_for_anew() {
    for (faults, expected, given_up) in [
        (vec![StatusCode::CONFLICT, StatusCode::NOT_FOUND], counts(1, 1, 0, 0, 0, 3), 0),
        // Not for ever, and the last one is this run's to give up.
        (vec![StatusCode::CONFLICT; 50], counts(1, 0, 0, 0, 1, 0), 1),
    ] {
        let scene = Scene::new(&[("1.jpg", b"one")]).await;
        scene.set(|world| world.part_faults = faults.into());
        assert_eq!(scene.import().await.counts, expected);
        let world = scene.world.lock().unwrap();
        assert_eq!((world.deleted.len(), &world.violations), (given_up, &Vec::new()));
    }
}

#[tokio::test]
async fn a_part_that_always_fails_fails_its_file_alone() {
    let scene = Scene::new(&[("1.jpg", b"one"), ("2.jpg", b"two")]).await;
    let mut wish = scene.wish(scene.dir.path());
    wish.parallel = 1;
    scene.set(|world| world.part_faults = std::iter::repeat_n(StatusCode::SERVICE_UNAVAILABLE, 4).collect());
    let report = import_with(wish, Arc::default(), QUICK).await.unwrap();
    assert_eq!(report.counts, counts(2, 1, 0, 0, 1, 3));
    assert!(report.failures[0].contains("1.jpg: refused: urn:picup:fault"), "{:?}", report.failures);
    scene.well();
}
