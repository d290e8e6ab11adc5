//! The command line that scripts rely on: what is printed where, and the exit codes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use picup_testkit::{Finished, TempDir, fresh_folder, run, samples};
use serde_json::Value;

use crate::app::{BINARY, TestApp, write_private};
use crate::sessions::setup_code;

async fn picup(arguments: &[&str]) -> Finished {
    run(BINARY, arguments).await.unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn folder_with_password() -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let folder = fresh_folder();
    let (data, password) = (folder.path().join("data"), folder.path().join("password"));
    write_private(&password, "a good long password\n");
    (folder, data, password)
}

#[tokio::test]
async fn user_create_makes_an_account_once() {
    let (_folder, data, password) = folder_with_password();
    let create = [
        "user",
        "create",
        "ada@example.org",
        "--password-file",
        text(&password),
        "--admin",
        "--quota",
        "10GB",
        "--data-dir",
        text(&data),
    ];
    let made = picup(&create).await;
    assert!(made.status.success(), "{}", made.stderr);
    assert!(made.stdout.contains("admin") && made.stdout.contains("ada@example.org"), "{}", made.stdout);
    let listed = picup(&["user", "list", "--json", "--data-dir", text(&data)]).await;
    let accounts: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(accounts[0]["email"], "ada@example.org");
    assert_eq!(
        (accounts[0]["role"].as_str(), accounts[0]["quota_bytes"].as_u64()),
        (Some("admin"), Some(10_000_000_000))
    );
    assert!(!listed.stdout.contains("argon2"), "{}", listed.stdout);

    let mistyped = data.join("mistyped");
    for command in [vec!["list"], vec!["invite", "b@example.org"], vec!["usage", "--verify"]] {
        let refused = picup(&[&["user"][..], &command, &["--data-dir", text(&mistyped)]].concat()).await;
        assert_eq!(refused.status.code(), Some(2), "{command:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("there is no PicUp in") && !mistyped.exists(), "{}", refused.stderr);
    }
    let again = picup(&create).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
    for (what, arguments) in [
        ("no address", ["user", "create", "nobody", "--password-file", text(&password), "--data-dir", text(&data)]),
        ("no such file", ["user", "create", "b@example.org", "--password-file", "/nowhere", "--data-dir", text(&data)]),
    ] {
        let refused = picup(&arguments).await;
        assert!(matches!(refused.status.code(), Some(1 | 2)), "{what}: {:?}", refused.status);
        assert!(!refused.stderr.is_empty() && refused.stdout.is_empty(), "{what}");
    }
    let short = data.join("short");
    write_private(&short, "short");
    let refused =
        picup(&["user", "create", "b@example.org", "--password-file", text(&short), "--data-dir", text(&data)]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("10 characters"), "{}", refused.stderr);
}

#[tokio::test]
async fn secrets_are_closed_to_others_from_the_first_moment() {
    let app = TestApp::start().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&app.data()), 0o700);
    assert_eq!(mode(&app.data().join("secrets")), 0o700);
    for entry in std::fs::read_dir(app.data().join("secrets")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    app.finish().await;
}

#[tokio::test]
async fn import_ends_with_its_line_and_tells_by_its_code() {
    let app = TestApp::start().await;
    let photos = app.path("photos");
    std::fs::create_dir_all(photos.join("2024/.hidden")).unwrap();
    let put = |name: &str, content: &[u8]| std::fs::write(photos.join(name), content).unwrap();
    put("a.jpg", &samples::jpeg(1));
    put("copy of a.jpg", &samples::jpeg(1));
    put("2024/b.JPG", &samples::jpeg(2));
    put("2024/c.png", samples::PNG);
    put("a.jpg.json", b"{}");
    put("notes.txt", b"notes");
    put("empty.jpg", b"");
    put("2024/.hidden/d.jpg", &samples::jpeg(3));
    std::os::unix::fs::symlink("a.jpg", photos.join("link.jpg")).unwrap();
    let size = samples::jpeg(1).len() + samples::jpeg(2).len() + samples::PNG.len();

    let done = app.import("ada", &photos, None, &[]).await;
    assert!(done.status.success(), "{}", done.stderr);
    let line = format!(r#"{{"found":9,"uploaded":3,"duplicate":1,"skipped":5,"failed":0,"bytes":{size}}}"#);
    assert_eq!(done.stdout.lines().last().unwrap(), line);
    app.settle().await;
    let again = app.import("ada", &photos, None, &[]).await;
    assert_eq!(
        again.stdout.lines().last().unwrap(),
        r#"{"found":9,"uploaded":0,"duplicate":4,"skipped":5,"failed":0,"bytes":0}"#
    );

    // Files that do not fit into the account fail, and the code says so.
    let small = TestApp::builder().account_with("eve", "100").start().await;
    let failed = small.import("eve", &photos, None, &[]).await;
    assert_eq!(failed.status.code(), Some(1));
    let counts: Value = serde_json::from_str(failed.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(counts["failed"].as_u64(), Some(4), "{counts}");
    assert_eq!(counts["found"].as_u64(), Some(9), "{counts}");
    assert!(failed.stderr.contains("failed:"), "{}", failed.stderr);
    small.finish().await;
    app.finish().await;
}

#[tokio::test]
async fn import_says_what_is_wrong_with_where_and_who() {
    let app = TestApp::start().await;
    let photos = app.path("photos");
    std::fs::create_dir(&photos).unwrap();
    let missing = app.import("ada", &app.path("missing"), None, &[]).await;
    assert_eq!(missing.status.code(), Some(2), "{}", missing.stderr);
    let nobody = app.import("nobody", &photos, None, &[]).await;
    assert_eq!(nobody.status.code(), Some(1), "{}", nobody.stderr);
    assert!(nobody.stderr.contains("wrong") && nobody.stderr.contains("next:"), "{}", nobody.stderr);
    let empty = app.import("ada", &photos, None, &[]).await;
    assert_eq!(
        empty.stdout.lines().last().unwrap(),
        r#"{"found":0,"uploaded":0,"duplicate":0,"skipped":0,"failed":0,"bytes":0}"#
    );
    assert!(empty.status.success());
    app.finish().await;
}

#[tokio::test]
async fn doctor_tells_programs_in_one_line() {
    let app = TestApp::start().await;
    let data = app.data();
    let config = app.path("doctor.toml");
    let settings = std::fs::read_to_string(data.join("picup.toml")).unwrap_or_default();
    std::fs::write(&config, format!("{settings}listen = '{}'\n", app.server.address())).unwrap();
    let doctor = async || {
        let said = picup(&["doctor", "--data-dir", text(&data), "--config", text(&config), "--json"]).await;
        let lines: Vec<_> = said.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "{}", said.stdout);
        (said.status.code(), serde_json::from_str::<Value>(lines[0]).unwrap())
    };
    let (code, diagnosis) = doctor().await;
    let checks = diagnosis["checks"].as_array().unwrap().clone();
    assert!(checks.len() >= 6, "{diagnosis}");
    for check in &checks {
        assert!(check["name"].is_string() && check["ok"].is_boolean() && check["advice"].is_string(), "{check}");
    }
    // The programs for films may be missing on this machine; all else is well.
    let ill: Vec<_> = checks.iter().filter(|check| check["ok"] == false).collect();
    assert!(ill.iter().all(|check| check["advice"].as_str().unwrap().contains("ff")), "{ill:?}");
    assert_eq!(diagnosis["healthy"].as_bool(), Some(ill.is_empty()));
    assert_eq!(code, Some(i32::from(!ill.is_empty())));

    let key = data.join("secrets/media-key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, diagnosis) = doctor().await;
    assert_eq!((code, diagnosis["healthy"].as_bool()), (Some(1), Some(false)));
    assert!(diagnosis.to_string().contains("chmod 600"), "{diagnosis}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();

    let nowhere = app.path("nowhere");
    let said = picup(&["doctor", "--data-dir", text(&nowhere), "--json"]).await;
    let diagnosis: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.status.code(), diagnosis["healthy"].as_bool()), (Some(1), Some(false)));
    assert!(!nowhere.exists(), "looking makes nothing");
    app.finish().await;
}

#[tokio::test]
async fn config_is_printed_and_checked() {
    let folder = fresh_folder();
    let template = picup(&["config", "template"]).await;
    assert!(
        template.status.success() && template.stdout.contains("#listen = \"127.0.0.1:8080\""),
        "{}",
        template.stdout
    );
    let file = folder.path().join("picup.toml");
    std::fs::write(&file, &template.stdout).unwrap();
    let good = picup(&["config", "check", "--config", text(&file)]).await;
    assert!(good.status.success() && good.stdout.contains("no mistakes"), "{}", good.stderr);
    std::fs::write(&file, "lisen = '0.0.0.0:80'\n[session]\nmedia_life = '1s'\n").unwrap();
    for arguments in [
        ["config", "check", "--config", text(&file)],
        ["serve", "--data-dir", "/nowhere", &format!("--config={}", text(&file))],
    ] {
        let bad = picup(&arguments).await;
        assert_eq!(bad.status.code(), Some(2), "{}", bad.stderr);
        // Every mistake at once, and the near miss by its name.
        assert!(bad.stderr.contains("lisen") && bad.stderr.contains("listen"), "{}", bad.stderr);
        assert!(bad.stderr.contains("media_life"), "{}", bad.stderr);
    }
    let missing = picup(&["config", "check", "--config", text(&folder.path().join("none.toml"))]).await;
    assert_eq!(missing.status.code(), Some(2), "{}", missing.stderr);
}

#[tokio::test]
async fn the_set_up_link_is_printed_once_and_closes() {
    let app = TestApp::builder().start().await;
    let code = setup_code(&app).await;
    let printed = app.server.output().text();
    assert_eq!(printed.matches("#/setup/").count(), 1, "on loopback one address is worth printing: {printed}");
    assert!(printed.contains(&format!("http://{}/#/setup/{code}", app.server.address())), "{printed}");
    let body = serde_json::json!({"code": code, "email": "ada@example.org", "name": "Ada", "password": "a good long password"});
    assert_eq!(app.stranger().post("/api/setup", &body).await.status, 201);
    app.stranger().post("/api/setup", &body).await.refused(409);
    app.finish().await;
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_code_two_and_help_is_code_zero() {
    for arguments in [
        vec![],
        vec!["sreve"],
        vec!["serve", "--listen", "x"],
        vec!["import"],
        vec!["serve", "--roles", "chef"],
        vec!["serve", "--roles", "api,gateway"],
    ] {
        let said = picup(&arguments).await;
        assert_eq!(said.status.code(), Some(2), "{arguments:?}: {}", said.stderr);
        assert!(said.stdout.is_empty() && !said.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in
        [vec!["--help"], vec!["--version"], vec!["version"], vec!["serve", "--help"], vec!["import", "--help"]]
    {
        let said = picup(&arguments).await;
        assert!(said.status.success() && !said.stdout.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn costs_are_compared_without_a_picup() {
    let told = picup(&["cost", "--stored", "1TB", "--egress", "200GB"]).await;
    assert!(told.status.success() && told.stdout.contains("Prices as read in 2026"), "{}{}", told.stdout, told.stderr);
    let told = picup(&["cost", "--stored", "1TB", "--egress", "200GB", "--objects", "900000", "--json"]).await;
    let answer: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((answer["offers"][0]["name"].as_str(), told.stdout.lines().count()), (Some("Backblaze B2"), 1));

    let folder = fresh_folder();
    let prices = folder.path().join("prices.toml");
    std::fs::write(&prices, "read = '2026-11'\n[[offer]]\nname = 'Cellar'\nstorage_usd_per_tb_month = '2.50'\n")
        .unwrap();
    let own = ["cost", "--stored", "3TB", "--egress", "0", "--prices", text(&prices)];
    let told = picup(&own).await;
    assert!(told.stdout.contains("2026-11") && told.stdout.contains("\nCellar          7.50"), "{}", told.stdout);
    std::fs::write(&prices, "read = '2026-11'\n[[offer]]\nname = 'Cellar'\nstorage = 2.5\n").unwrap();
    let told = picup(&own).await;
    assert_eq!((told.status.code(), told.stdout.as_str()), (Some(2), ""));
    assert!(told.stderr.contains("unknown field `storage`") && told.stderr.contains("next: "), "{}", told.stderr);
    for (amount, says) in [("0", "nothing stored"), ("-1TB", "less than nothing"), ("1XB", "is not a size")] {
        let told = picup(&["cost", "--stored", amount, "--egress", "200GB"]).await;
        assert_eq!(told.status.code(), Some(2));
        assert!(told.stderr.contains(says), "{amount}: {}", told.stderr);
    }
}
