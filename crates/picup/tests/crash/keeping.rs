//! Deaths of what is done about copies by command: written again, read again, and brought back.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use picup_testkit::{ProcessBuilder, TempDir, fresh_folder, samples};
use rustix::process::Signal;
use sqlx::Connection;
use tokio::process::Command;

use crate::app::{BINARY, PASSWORD, email, eventually, prepare, write_private};
use crate::books;
use crate::client::{Client, hash};
use crate::life::make_account;
use crate::patient::Patient;
use crate::pictures::noise;
use crate::points::POINTS;

/// A PicUp that stands still, with copies of what it has in a folder.
struct Kept {
    folder: TempDir,
}

impl Kept {
    async fn new() -> Self {
        let folder = fresh_folder();
        let kept = Self { folder };
        std::fs::create_dir(kept.disk()).unwrap();
        write_private(&kept.path("password"), PASSWORD);
        prepare(&kept.data(), &destination(&kept.disk()));
        let key = kept.picup(None, &["backup", "recovery-key"]).await;
        write_private(&kept.path("key"), &String::from_utf8(key.stdout).unwrap());
        make_account("ada", kept.folder.path(), &kept.data()).await;
        let mut server = ProcessBuilder::new(BINARY, kept.data()).arg("--admin-listen").arg("").start().await.unwrap();
        let ada = Patient(Client::browser(server.address(), &email("ada"), PASSWORD).await);
        for content in [samples::jpeg(1), samples::jpeg(2), noise(3, 9 << 20)] {
            let asset = ada.keep_as("photo.jpg", &content, &hash(&content), async |_| ()).await;
            ada.processed(asset).await;
        }
        copied(&kept.data()).await;
        assert!(server.terminate().await.unwrap().success());
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn disk(&self) -> PathBuf {
        self.path("disk")
    }

    /// A command on its data, which may die at a point.
    async fn picup(&self, point: Option<&str>, arguments: &[&str]) -> Output {
        command(point, arguments, &self.data()).await
    }

    /// The command dies at the point, and succeeds when it is given again.
    async fn dies_and_goes_on(&self, point: &str, arguments: &[&str], data: &Path) -> String {
        let died = command(Some(point), arguments, data).await;
        let said = String::from_utf8_lossy(&died.stderr).into_owned();
        assert!(said.contains(&format!("died at the crash point {point}")), "{point}: {}\n{said}", died.status);
        assert_eq!(died.status.signal(), Some(Signal::ABORT.as_raw()));
        let again = command(None, arguments, data).await;
        assert!(again.status.success(), "{point}: {}", String::from_utf8_lossy(&again.stderr));
        String::from_utf8(again.stdout).unwrap()
    }
}

/// The settings of a destination, which is told to the books.
pub(crate) fn destination(disk: &Path) -> String {
    format!("[backup.destinations.disk]\nurl = \"{}\"\nencrypt = true\n", disk.display())
}

/// Waits until everything that can be copied is.
pub(crate) async fn copied(data: &Path) {
    let made = async || {
        let mut database = books::open(data).await;
        let waiting = "SELECT COUNT(*) FROM object_copies WHERE state IN ('waiting', 'failing')";
        let (count,) = sqlx::query_as::<_, (i64,)>(waiting).fetch_one(&mut database).await.unwrap();
        database.close().await.unwrap();
        (count == 0).then_some(())
    };
    eventually("copies of everything", made).await.unwrap();
}

async fn command(point: Option<&str>, arguments: &[&str], data: &Path) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--data-dir").arg(data);
    if let Some(point) = point {
        command.env("FAILPOINTS", format!("{point}=return"));
    }
    command.output().await.unwrap()
}

/// Every file below a folder, by its path in it, with its hash.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = walk.filter(|entry| entry.file_type().is_file());
    files
        .map(|file| {
            let content = std::fs::read(file.path()).unwrap();
            (file.path().strip_prefix(folder).unwrap().to_owned(), hash(&content))
        })
        .collect()
}

#[tokio::test]
async fn what_is_done_about_copies_goes_on_wherever_it_died() {
    let kept = Kept::new().await;
    let data = kept.data();
    kept.dies_and_goes_on("catalogue-written", &["backup", "catalogue", "disk"], &data).await;

    let copy = files(&kept.disk()).into_iter().find(|(path, _)| path.ends_with("original.1.jpg.age")).unwrap().0;
    let copy = kept.disk().join(copy);
    let mut content = std::fs::read(&copy).unwrap();
    content[400] ^= 1;
    std::fs::write(&copy, content).unwrap();
    for point in ["scrub-recorded", "scrub-copies-recorded"] {
        kept.dies_and_goes_on(point, &["backup", "scrub"], &data).await;
    }
    let ran = kept.picup(None, &["backup", "run"]).await;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(copy.with_extension("age").exists() && copy.with_extension("g2.age").exists());

    let (disk, key) = (kept.disk(), kept.path("key"));
    let whole = ["restore", "--from", disk.to_str().unwrap(), "--recovery-key", key.to_str().unwrap(), "--json"];
    let ada = email("ada");
    let part: Vec<&str> = whole.iter().copied().chain(["--account", &ada]).collect();
    for (point, wish) in [
        ("restore-database", &whole[..]),
        ("restore-page", &whole),
        ("restore-database", &part),
        ("restore-part", &part),
        ("restore-page", &part),
    ] {
        let there = kept.path(&format!("{point}-{}", wish.len()));
        let died = command(Some(point), wish, &there).await;
        assert_eq!(died.status.signal(), Some(Signal::ABORT.as_raw()), "{}", String::from_utf8_lossy(&died.stderr));
        let refused = command(None, &["serve", "--listen", "127.0.0.1:0", "--admin-listen", ""], &there).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("is not finished"), "{said}");
        let again = command(None, wish, &there).await;
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        let told: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(told["missing"], 0, "{told}");
        assert_eq!(told["present"].as_u64() > Some(0), point == "restore-page", "{told}");
        assert_eq!(files(&there.join("objects/media")), files(&data.join("objects/media")));
    }
    let led = [
        "catalogue-written",
        "scrub-recorded",
        "scrub-copies-recorded",
        "restore-database",
        "restore-page",
        "restore-part",
    ];
    let listed = POINTS.iter().filter(|point| point.is_by_command()).map(|point| point.name);
    assert_eq!(listed.collect::<Vec<_>>(), led);
}
