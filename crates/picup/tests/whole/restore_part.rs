//! A PicUp of a part of a backup: one account, or an album of one. It knows nothing of the copies, so that it harms none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use picup_testkit::{Finished, ProcessBuilder, fresh_folder, run, samples};
use rustix::process::Signal;

use crate::app::{BINARY, PASSWORD, TestApp, email, eventually};
use crate::backup::{Places, safe};
use crate::books;
use crate::client::Client;
use crate::export::{a_library, library};
use crate::restore::is_refused;

/// Restores from the folder `disk`.
async fn restore(places: &Places, into: &Path, more: &[&str]) -> Finished {
    let (disk, key) = (places.file("disk"), places.file("recovery"));
    let arguments = ["restore", "--from", disk.to_str().unwrap(), "--recovery-key", key.to_str().unwrap()];
    let into = ["--data-dir", into.to_str().unwrap(), "--json"];
    run(BINARY, arguments.iter().chain(&into).chain(more).copied()).await.unwrap()
}

/// A PicUp with Ada's library, one photo of Bob's, and an upload of each that is under way.
async fn two_people(places: &Places) -> (TestApp, Client) {
    let app = places.start().await;
    let password = app.path("password");
    app.user_done(&["create", &email("bob"), "--password-file", password.to_str().unwrap()]).await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    a_library(&app, &ada).await;
    bob.processed(bob.upload("bob.jpg", &samples::jpeg(20)).await).await;
    for one in [&ada, &bob] {
        one.reserve_new("open.bin", &[7; 5_000]).await;
    }
    app.settle().await;
    safe(&app).await;
    (app, ada)
}

/// How many rows there are that speak of copies.
async fn rows_of_copies(data: &Path) -> i64 {
    let mut database = books::open(data).await;
    let mut rows = 0;
    for count in [
        "SELECT COUNT(*) FROM destinations",
        "SELECT COUNT(*) FROM object_copies",
        "SELECT COUNT(*) FROM copy_counts",
        "SELECT COUNT(*) FROM orphans",
    ] {
        rows += sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut database).await.unwrap().0;
    }
    rows
}

/// The names of all that stands in a folder of copies.
fn names(folder: &Path) -> BTreeSet<PathBuf> {
    walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_comes_back_with_all_that_is_its_own_and_harms_no_copy() {
    let places = Places::new();
    let (app, ada) = two_people(&places).await;
    let before = library(&ada).await;
    let machine = fresh_folder();
    let into = machine.path().join("data");
    is_refused(&restore(&places, &into, &["--account", "eve@example.org"]).await, &["no account eve@example.org"]);
    let done = restore(&places, &into, &["--account", &email("ada")]).await;
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    assert_eq!(rows_of_copies(&into).await, 0);
    assert!(!into.join(".restore-part").exists() && !into.join("restore.json").exists());

    let mut server = ProcessBuilder::new(BINARY, &into).arg("--admin-listen").arg("").start().await.unwrap();
    let back = Client::program(server.address(), &email("ada"), PASSWORD).await;
    assert_eq!(library(&back).await, before);
    let stranger = Client::stranger(server.address());
    let bob = serde_json::json!({"email": email("bob"), "password": PASSWORD, "client": "program"});
    stranger.post("/api/session", &bob).await.refused(401);
    server.signal(Signal::TERM);
    assert!(server.wait().await.unwrap().success(), "{}", server.output().text());
    books::audit(&into).await;

    // With the same destination it has nothing to say there: its copies would be taken for the others', and the others' for left-overs.
    let disk = places.file("disk");
    std::fs::write(into.join("picup.toml"), format!("[backup.destinations.disk]\nurl = \"{}\"\n", disk.display()))
        .unwrap();
    let stand = names(&disk);
    let mut server = ProcessBuilder::new(BINARY, &into).arg("--admin-listen").arg("").start().await.unwrap();
    let told = async || server.output().text().contains("are another PicUp's").then_some(());
    eventually("a word of the other's copies", told).await.unwrap();
    for command in [&["catalogue", "disk"][..], &["reconcile"]] {
        let all = ["backup"]
            .iter()
            .chain(command)
            .chain(&["--data-dir", into.to_str().unwrap()])
            .copied()
            .collect::<Vec<_>>();
        is_refused(&run(BINARY, all).await.unwrap(), &["are another PicUp's"]);
    }
    server.signal(Signal::TERM);
    assert!(server.wait().await.unwrap().success(), "{}", server.output().text());
    assert_eq!(names(&disk), stand);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_album_comes_back_alone_over_a_cut_and_no_other_choice_is_mixed_into_it() {
    let places = Places::new();
    let (app, ada) = two_people(&places).await;
    let machine = fresh_folder();
    let into = machine.path().join("data");
    let (of_ada, of_bob) = (email("ada"), email("bob"));
    let album = ["--account", of_ada.as_str(), "--album", "Lisbon: again?"];
    is_refused(&restore(&places, &into, &["--account", &of_ada, "--album", "See"]).await, &["there is no album 'See'"]);
    let two = ["--account", &of_ada, "--account", &of_bob, "--album", "Sea"];
    is_refused(&restore(&places, &into, &two).await, &["--album is of one account"]);

    // Objects cannot be put where a file is: it ends after the database, as a kill would end it.
    let in_the_way = into.join("objects/media").join(ada.account().to_string());
    std::fs::create_dir_all(in_the_way.parent().unwrap()).unwrap();
    std::fs::write(&in_the_way, "in the way").unwrap();
    let done = restore(&places, &into, &album).await;
    assert!(!done.status.success(), "{}", done.stdout);
    assert!(into.join("picup.db").exists(), "{}", done.stderr);
    assert_eq!(rows_of_copies(&into).await, 0, "before anything can be served");
    for other in [&["--account", of_bob.as_str()][..], &["--account", &of_ada], &[]] {
        let refused = restore(&places, &into, other).await;
        is_refused(&refused, &["--album 'Lisbon: again?' was begun here", "finish that one"]);
    }
    std::fs::remove_file(in_the_way).unwrap();
    let done = restore(&places, &into, &album).await;
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);

    let mut server = ProcessBuilder::new(BINARY, &into).arg("--admin-listen").arg("").start().await.unwrap();
    let back = Client::program(server.address(), &of_ada, PASSWORD).await;
    let (all, part) = (library(&ada).await, library(&back).await);
    assert_eq!(part["albums"].as_object().unwrap().keys().collect::<Vec<_>>(), ["Lisbon: again?"]);
    assert_eq!(part["albums"]["Lisbon: again?"], all["albums"]["Lisbon: again?"]);
    assert_eq!(part["assets"].as_object().unwrap().len(), 2);
    server.signal(Signal::TERM);
    assert!(server.wait().await.unwrap().success(), "{}", server.output().text());
    books::audit(&into).await;
    app.finish().await;
}
