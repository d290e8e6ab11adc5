//! A disk that photos have filled: people still get in, and what they delete makes room.

use picup_api::wire::{ItemResults, UploadAnswer};
use picup_testkit::{free_address, fresh_folder};
use serde_json::json;
use tokio::process::Child;
use uuid::Uuid;

use crate::app::{BINARY, PASSWORD, email, eventually, write_private};
use crate::client::{Client, hash};
use crate::edge_stage::{key, put, signed_by};
use crate::pictures::noise;

/// Starts PicUp with a disk of its own, in memory; in a mount namespace, so that nothing is left mounted.
const START: &str = r#"mount -t tmpfs -o size=64M picup-full "$1" &&
    "$0" user create "$2" --password-file "$3" --data-dir "$1" &&
    exec "$0" serve --data-dir "$1" --listen "$4" --admin-listen """#;

/// The same for an edge, whose cache may take more than its disk has.
const START_EDGE: &str = r#"mount -t tmpfs -o size=6M picup-full "$1" &&
    exec "$0" serve --roles edge --origin "file:$2" --public-key "K1=$3" --public-base https://photos.example \
        --cache-dir "$1" --cache-memory 1MB --listen "$4" --admin-listen "$5""#;

/// Runs a script in a mount namespace of its own, until it answers.
async fn started(script: &str, arguments: &[&str], address: std::net::SocketAddr) -> Child {
    let mut server = tokio::process::Command::new("unshare");
    server.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        server.arg("--map-root-user");
    }
    let server = server.args(["sh", "-c", script, BINARY]).args(arguments).kill_on_drop(true).spawn().unwrap();
    let http = reqwest::Client::new();
    let ready = async || http.get(format!("http://{address}/ready")).send().await.ok().filter(|a| a.status() == 200);
    eventually("a server on a small disk", ready).await.unwrap();
    server
}

/// Uploads a file; `None` when there is no room for it.
async fn upload(ada: &Client, content: &[u8]) -> Option<Uuid> {
    let answer = ada.reserve("a.bin", content.len() as u64, &hash(content)).await;
    if answer.status == 507 {
        return None;
    }
    let UploadAnswer::Upload { upload, .. } = answer.json(201) else { panic!("it is there already") };
    let url = ada.target(upload.id, 1, content).await;
    let put = ada.put(&url, content.to_vec()).await;
    if put.status == 507 {
        // Since it began, a picture of another file has taken some of the room.
        assert_eq!(ada.delete(&format!("/api/uploads/{}", upload.id)).await.status, 204);
        return None;
    }
    assert_eq!(put.status, 204);
    let completed: picup_api::wire::Completed = ada.complete(upload.id).await.json(201);
    Some(completed.asset)
}

#[tokio::test]
async fn on_a_disk_full_of_photos_people_sign_in_and_make_room() {
    let folder = fresh_folder();
    let (data, password, address) = (folder.path().join("data"), folder.path().join("password"), free_address());
    std::fs::create_dir(&data).unwrap();
    write_private(&password, PASSWORD);
    let arguments = [data.to_str().unwrap(), &email("ada"), password.to_str().unwrap(), &address.to_string()];
    let mut server = started(START, &arguments, address).await;

    let ada = Client::program(address, &email("ada"), PASSWORD).await;
    let mut kept = Vec::new();
    for (size, most) in [(3_000_000, 30), (100_000, 100), (4_000, 100)] {
        for number in 0..most {
            match upload(&ada, &noise(number * 1_000 + size as u64, size)).await {
                Some(asset) => kept.push(asset),
                None => break,
            }
        }
    }
    assert!(upload(&ada, &noise(7, 4_000)).await.is_none(), "the disk is not full of {} files", kept.len());

    // Seen through the server's own mounts.
    let disk = format!("/proc/{}/root{}", server.id().unwrap(), data.display());
    let space = rustix::fs::statvfs(disk).unwrap();
    assert!(space.f_bavail * space.f_frsize > 1_000_000, "nothing is kept for the database");

    let again = Client::program(address, &email("ada"), PASSWORD).await;
    for what in ["trash", "delete"] {
        let answer = again.post(&format!("/api/assets/{what}"), &json!({"assets": kept[..1]})).await;
        assert_eq!(answer.json::<ItemResults>(200).results.len(), 1);
    }
    assert!(upload(&again, &noise(7, 100_000)).await.is_some(), "there is room again");
    server.kill().await.unwrap();
}

#[tokio::test]
async fn an_edge_whose_disk_is_full_gives_every_byte_and_says_that_it_keeps_none() {
    let folder = fresh_folder();
    let (objects, cache, public) =
        (folder.path().join("objects"), folder.path().join("cache"), folder.path().join("key.pem"));
    std::fs::create_dir_all(&cache).unwrap();
    let key = key("K1");
    std::fs::write(&public, key.public_key_pem()).unwrap();
    let (address, admin) = (free_address(), free_address());
    let films: Vec<(String, Vec<u8>)> = (0..4)
        .map(|number| {
            let content = noise(number, 3_500_000);
            (put(&objects, &format!("000{number}"), &content), content)
        })
        .collect();
    let paths = [&cache, &objects, &public].map(|path| path.to_str().unwrap().to_owned());
    let (address_text, admin_text) = (address.to_string(), admin.to_string());
    let arguments = [&paths[0], &paths[1], &paths[2], &address_text, &admin_text].map(String::as_str);
    let mut edge = started(START_EDGE, &arguments, address).await;
    for _ in 0..3 {
        for (path, content) in &films {
            let got = reqwest::get(format!("http://{address}{}", signed_by(&key, path))).await.unwrap();
            assert_eq!(got.status(), 200);
            assert_eq!(hash(&got.bytes().await.unwrap()), hash(content));
        }
    }
    let metrics = reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
    let unkept = metrics.lines().find_map(|line| line.strip_prefix("picup_edge_cache_unkept_slices_total ")).unwrap();
    assert!(unkept.parse::<u64>().unwrap() > 0, "the disk was never full: {metrics}");
    edge.kill().await.unwrap();
}
