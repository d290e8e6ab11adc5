//! What a PicUp on a server's database is asked by who runs it: another password without a dropped request, and never two at once.

use picup_testkit::{DatabaseServer, ReplicaThread, engine, fresh_folder, run};

use crate::app::{BINARY, PASSWORD, TestApp, email, eventually, prepare, write_private};
use crate::client::Client;

const USER: &str = "picup@'%'";

/// A server with a user whose password is `old`, and the settings of a PicUp that signs in by the file `password`.
fn server(password: &std::path::Path) -> (DatabaseServer, String) {
    let server = DatabaseServer::start_numbered(1, &["--sync-binlog=1"]).unwrap();
    let made = format!("CREATE DATABASE picup; CREATE USER {USER} IDENTIFIED BY 'old'; GRANT ALL ON picup.* TO {USER}");
    server.say(&made).unwrap();
    let url = server.url("picup").replace("root", "picup");
    let settings = format!("database.url = \"{url}\"\ndatabase.password_file = \"{}\"\n", password.display());
    (server, settings)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_is_taken_and_no_request_notices() {
    let folder = fresh_folder();
    let file = folder.path().join("database-password");
    write_private(&file, "old");
    let (server, settings) = server(&file);
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let ada = app.sign_in("ada").await;
    let going_on = async {
        loop {
            assert_eq!(ada.get("/api/timeline").await.status, 200);
            let made = ada.post("/api/albums", &serde_json::json!({"title": "a"})).await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
    };
    let says = async |what: &str| {
        let told = async || app.log().contains(what).then_some(());
        eventually(what, told).await.unwrap();
    };
    let changing = async {
        replace(&file, "nonsense");
        says("refuses the new password").await;
        server.take_both_passwords(USER, "old", "new").unwrap();
        replace(&file, "new");
        says("new password is in use").await;
        server.say(&format!("ALTER USER {USER} IDENTIFIED BY 'new'")).unwrap();
        // Whatever signs in from now on does it with the new one: connections are made anew.
        let end = "SELECT GROUP_CONCAT('KILL ', id SEPARATOR '; ') FROM information_schema.processlist \
                   WHERE user = 'picup' AND command = 'Sleep' AND time > 0";
        let end = server.say(end).unwrap();
        if end != "NULL" {
            server.say(&end).unwrap();
        }
        for _ in 0..20 {
            assert_eq!(ada.get("/api/albums").await.status, 200);
        }
    };
    tokio::select! {
        () = changing => {}
        () = going_on => {}
    }
    assert!(!app.log().contains("panicked"), "{}", app.log());
}

fn replace(file: &std::path::Path, password: &str) {
    let new = file.with_extension("new");
    write_private(&new, password);
    std::fs::rename(new, file).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_picup_on_the_database_is_refused_and_the_first_goes_on() {
    let folder = fresh_folder();
    let file = folder.path().join("database-password");
    write_private(&file, "old");
    let (_server, settings) = server(&file);
    let app = TestApp::builder().account("ada").config(settings.clone()).start().await;
    let data = folder.path().join("second");
    prepare(&data, &settings);
    let place = data.to_str().unwrap();
    let second =
        run(BINARY, ["serve", "--data-dir", place, "--listen", "127.0.0.1:0", "--admin-listen", ""]).await.unwrap();
    assert!(!second.status.success());
    assert!(second.stderr.contains("another PicUp is serving from this database"), "{}", second.stderr);
    Client::program(app.server.address(), &email("ada"), PASSWORD).await;
}

/// What the doctor finds with these settings, as `name: advice`, those that are well behind `ok`.
pub(crate) async fn doctor(data: &std::path::Path, settings: &str) -> String {
    std::fs::write(data.join("picup.toml"), settings).unwrap();
    let said = run(BINARY, ["doctor", "--data-dir", data.to_str().unwrap(), "--json"]).await.unwrap();
    let diagnosis: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let line = |check: &serde_json::Value| {
        let ok = if check["ok"] == true { "ok " } else { "" };
        format!("{ok}{}: {}\n", check["name"].as_str().unwrap(), check["advice"].as_str().unwrap())
    };
    diagnosis["checks"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_is_wrong_with_servers_and_a_start_names_the_setting() {
    let folder = fresh_folder();
    let (file, data) = (folder.path().join("database-password"), folder.path().join("data"));
    write_private(&file, "old");
    let (server, settings) = server(&file);
    let replica = DatabaseServer::start_numbered(2, &[]).unwrap();
    replica.follow(server.address()).unwrap();
    let with = |replica: &str| format!("{settings}database.replicas = [\"{replica}\"]\n");
    let copy = replica.url("picup").replace("root", "picup");
    let app = TestApp::builder().account("ada").config(settings.clone()).start().await;
    replica.catch_up_with(&server).unwrap();
    prepare(&data, &settings);

    let told = doctor(&data, &with(&copy)).await;
    for well in ["ok database-answers: ", "ok database-rights: ", "ok database-primary: it can be followed"] {
        assert!(told.contains(well), "{told}");
    }
    assert!(told.contains(": it can be read; the user may not see how it follows"), "{told}");
    let right = if engine::is_mysql() { "REPLICATION CLIENT" } else { "SLAVE MONITOR" };
    server.say(&format!("GRANT {right} ON *.* TO {USER}")).unwrap();
    replica.catch_up_with(&server).unwrap();
    assert!(doctor(&data, &with(&copy)).await.contains(": it follows, and can be read"));
    replica.stop_thread(ReplicaThread::Applier).unwrap();
    let told = doctor(&data, &with(&copy)).await;
    assert!(told.contains("the thread that applies is not running") && told.contains("replica status"), "{told}");
    let told = doctor(&data, &with("mysql://picup@127.0.0.1:1/picup")).await;
    assert!(told.contains("\ndatabase-replica: 127.0.0.1:1: "), "{told}");
    replica.say(&format!("ALTER USER {USER} IDENTIFIED BY 'other'")).unwrap();
    assert!(doctor(&data, &with(&copy)).await.contains("Access denied"));

    server
        .say(&format!("REVOKE ALL ON picup.* FROM {USER}; GRANT SELECT, UPDATE, DELETE ON picup.* TO {USER}"))
        .unwrap();
    let told = doctor(&data, &settings).await;
    assert!(told.contains("\ndatabase-rights: the user may not INSERT there"), "{told}");
    drop(app);

    let unlogged = DatabaseServer::start(&["--skip-log-bin"]).unwrap();
    unlogged.say("CREATE DATABASE picup").unwrap();
    let told =
        doctor(&data, &format!("database.url = \"{}\"\ndatabase.replicas = [\"{copy}\"]\n", unlogged.url("picup")))
            .await;
    assert!(told.contains("\ndatabase-primary: ") && told.contains("it writes no binary log (log_bin)"), "{told}");

    let starts = async |settings: &str| {
        std::fs::write(data.join("picup.toml"), settings).unwrap();
        let data = data.to_str().unwrap();
        let said =
            run(BINARY, ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--admin-listen", ""]).await.unwrap();
        assert_eq!(said.status.code(), Some(1));
        said.stderr
    };
    let told = starts("database.url = \"mysql://picup@127.0.0.1:1/picup\"\n").await;
    assert!(told.contains("see that the server runs, and that database.url is its address"), "{told}");
    replace(&file, "nonsense");
    let told = starts(&settings).await;
    let says = format!("database.url are there, and that the user's password is in {}", file.display());
    assert!(told.contains(&says) && told.contains("Access denied") && !told.contains("nonsense"), "{told}");
}
