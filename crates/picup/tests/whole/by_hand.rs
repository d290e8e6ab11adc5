//! A backup that is read without PicUp: by `age`, `jq` and the lines that the run book gives.

use std::collections::BTreeSet;
use std::path::Path;

use picup_testkit::{fresh_folder, run, samples};

use crate::app::email;
use crate::backup::{Places, hashes, safe};
use crate::export::a_library;

/// The lines of the run book between its words "With age and jq:" and the end of that block.
fn lines() -> String {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/backup.md");
    let book = std::fs::read_to_string(book).unwrap();
    let (_, rest) = book.split_once("With `age` and `jq`:\n```sh\n").expect("the run book has the lines");
    rest.split_once("\n```").unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_the_run_book_bring_every_original_back_under_its_name() {
    let places = Places::new();
    let app = places.start().await;
    let ada = app.sign_in("ada").await;
    a_library(&app, &ada).await;
    // Whose address would lead out of the folder.
    let password = app.path("password");
    app.user_done(&["create", &email("../eve"), "--password-file", password.to_str().unwrap()]).await;
    let eve = app.sign_in("../eve").await;
    eve.processed(eve.upload("eve.jpg", &samples::jpeg(30)).await).await;
    app.settle().await;
    safe(&app).await;
    let machine = fresh_folder();
    let at = |name: &str| machine.path().join(name);
    std::os::unix::fs::symlink(places.offsite.folder().join("picup/family"), at("copies")).unwrap();
    std::fs::copy(places.file("recovery"), at("recovery.txt")).unwrap();
    let script = format!("set -euo pipefail; cd {}\n{}", machine.path().display(), lines());
    let done = run("bash", ["-c", &script]).await.unwrap();
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);

    let found = hashes(&at("photos"));
    let mut wanted = BTreeSet::new();
    let mut all = Vec::new();
    for (folder, one) in [("ada@example.org", &ada), (".._eve@example.org", &eve)] {
        for id in one.timeline().await.id {
            all.push((folder, one.asset(id).await));
        }
    }
    for (folder, asset) in all {
        let place = format!("{folder}/{}/{} {}", &asset.captured.local[..7], &asset.sha256[..8], asset.file_name);
        assert_eq!(
            found.get(&place).map(ToString::to_string).as_ref(),
            Some(&asset.sha256),
            "{place} in {:?}",
            found.keys()
        );
        wanted.insert(asset.sha256);
        wanted.extend(asset.motion.map(|motion| motion.sha256));
    }
    assert_eq!(found.values().map(ToString::to_string).collect::<BTreeSet<_>>(), wanted, "and nothing from the trash");
    app.finish().await;
}
