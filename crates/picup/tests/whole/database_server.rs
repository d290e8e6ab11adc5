//! What a PicUp on a server's database is asked by who runs it: another password without a dropped request, and never two at once.

use picup_testkit::{DatabaseServer, fresh_folder, run};

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
