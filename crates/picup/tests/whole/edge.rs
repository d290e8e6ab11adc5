//! The edge alone, before real origins: it opens what signatures say, asks the origin once, and lasts through kills, a dead origin and keys
//! that change.

use std::time::Duration;

use picup_testkit::{ProcessBuilder, fresh_folder, run};
use tokio::task::JoinHandle;

use crate::app::{BINARY, eventually, write_private};
use crate::client::hash;
use crate::edge_stage::{BASE, OWNER, Stage, key, put, signed_by};
use crate::pictures::noise;

/// So many at once; each gives the hash of what it got to its end.
fn readers(count: usize, url: &str) -> Vec<JoinHandle<reqwest::Result<String>>> {
    let read = async |url: String| Ok(hash(&reqwest::get(url).await?.bytes().await?));
    (0..count).map(|_| tokio::spawn(read(url.to_owned()))).collect()
}

#[tokio::test]
async fn it_opens_what_is_signed_and_needs_its_origin_once() {
    let stage = Stage::before(|objects| format!("file:{}", objects.display())).await;
    let content = noise(1, 2_500_000);
    let path = put(&stage.objects(), "0001", &content);
    let signed = stage.signed(&path);
    for (status, said) in [(200, "PicUp; fwd=uri-miss; stored"), (200, "PicUp; hit")] {
        let answer = stage.fetch(&signed).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["cache-status"], said);
        assert_eq!(hash(&answer.bytes().await.unwrap()), hash(&content));
    }
    let refused = stage.fetch(&path).await;
    assert_eq!(refused.status(), 403);
    let refused = refused.text().await.unwrap();
    let other = put(&stage.objects(), "0002", b"other");
    for bad in [
        signed.replace(&path, &other),
        signed.replace("Signature=M", "Signature=N"),
        signed_by(&key("K1"), &path),
        format!("{}?Signature=x", path.replace("0001", "0009")),
    ] {
        let answer = stage.fetch(&bad).await;
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (403, refused.clone()), "{bad}");
    }
    assert_eq!((stage.count("fills_total").await, stage.count("origin_bytes_total").await), (3, 2_500_000));
    for path in ["/", "/api/session", "/media"] {
        assert!(stage.fetch(path).await.status().is_client_error(), "{path}");
    }

    // The origin goes, and the edge is killed: what it has, it gives.
    std::fs::rename(stage.objects(), stage.folder.path().join("away")).unwrap();
    std::fs::create_dir(stage.objects()).unwrap();
    let mut stage = stage;
    stage.edge = stage.edge.restart().await.unwrap();
    let found = async || {
        let answer = stage.fetch(&signed).await;
        (answer.status() == 200).then_some(answer)
    };
    let answer = eventually("the scan", found).await.unwrap();
    assert_eq!(hash(&answer.bytes().await.unwrap()), hash(&content));
    assert_eq!(stage.fetch(&stage.signed(&other)).await.status(), 404);

    // A purge lets it go.
    let purge =
        reqwest::Client::new().post(format!("{}/purge?prefix=media/{OWNER}/", stage.admin)).send().await.unwrap();
    assert_eq!(purge.text().await.unwrap(), r#"{"purged":1}"#);
    assert_eq!(stage.fetch(&signed).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_before_nginx_costs_it_each_byte_once_and_kills_leave_no_wrong_one() {
    let (mut stage, mut nginx) = Stage::before_nginx().await;
    let content = noise(2, 12_000_000);
    let path = put(&stage.objects(), "0001", &content);
    let (signed, wanted) = (stage.signed(&path), hash(&content));
    for reader in readers(100, &stage.edge.url(&signed)) {
        assert_eq!(reader.await.unwrap().unwrap(), wanted);
    }
    assert_eq!((stage.count("fills_total").await, stage.count("origin_bytes_total").await), (12, 12_000_000));
    assert_eq!(nginx.asked().lines().filter(|line| line.contains("GET ")).count(), 12, "{}", nginx.asked());
    let answer = stage.fetch(&signed).await;
    assert_eq!(answer.headers()["content-type"], "video/mp4");

    // Killed amid fills, again and again: whoever gets an answer to its end gets the right one.
    for round in 0..4_u64 {
        let content = noise(10 + round, 9_000_000);
        let path = put(&stage.objects(), &format!("001{round}"), &content);
        let url = stage.edge.url(&stage.signed(&path));
        let readers = readers(10, &url);
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        stage.edge = stage.edge.restart().await.unwrap();
        for reader in readers {
            if let Ok(got) = reader.await.unwrap() {
                assert_eq!(got, hash(&content));
            }
        }
        let again = stage.fetch(&stage.signed(&path)).await;
        assert_eq!(hash(&again.bytes().await.unwrap()), hash(&content));
    }

    // The origin dies: what is here is given, the rest fails as a failure of ours.
    nginx.stop();
    assert_eq!(hash(&stage.fetch(&signed).await.bytes().await.unwrap()), wanted);
    let new = put(&stage.objects(), "0002", b"new");
    let failed = stage.fetch(&stage.signed(&new)).await;
    assert!(failed.status().is_server_error(), "{failed:?}");
    nginx.start_again().unwrap();
    assert_eq!(stage.fetch(&stage.signed(&new)).await.bytes().await.unwrap(), "new");
}

#[tokio::test]
async fn keys_follow_their_files_and_a_mistake_is_told() {
    let stage = Stage::before(|objects| format!("file:{}", objects.display())).await;
    let path = put(&stage.objects(), "0001", b"content");
    let before = stage.signed(&path);
    assert_eq!(stage.fetch(&before).await.status(), 200);
    let next = key("K1");
    std::fs::write(&stage.public_keys, "nonsense").unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(stage.fetch(&before).await.status(), 200, "a file that cannot be read changes nothing");
    std::fs::write(&stage.public_keys, next.public_key_pem()).unwrap();
    let follows = eventually("the new key opens", async || {
        (stage.fetch(&signed_by(&next, &path)).await.status() == 200).then_some(())
    });
    follows.await.unwrap();
    assert_eq!(stage.fetch(&before).await.status(), 403, "what the old key has signed");

    for (arguments, says) in [
        (&["--cache-dir", "x"] as &[&str], "an edge needs --origin"),
        (&["--origin", "file:/nowhere"], "an edge needs --cache-dir"),
        (
            &["--origin", "gopher://x", "--cache-dir", "x", "--public-key", "K1=x", "--public-base", BASE],
            "is no origin",
        ),
        (
            &["--origin", "file:/nowhere", "--cache-dir", "x", "--public-key", "K1=x", "--public-base", BASE],
            "is no folder",
        ),
        (&["--public-key", "K1"], "write ID=FILE"),
    ] {
        let began = run(BINARY, ["serve", "--roles", "edge"].iter().chain(arguments).copied()).await.unwrap();
        assert!(!began.status.success() && began.stderr.contains(says), "{arguments:?}: {}", began.stderr);
    }
}

#[tokio::test]
async fn edges_stand_one_before_another_and_the_inner_one_is_nobody_elses() {
    let folder = fresh_folder();
    let secret = "0123456789abcdef0123456789abcdef";
    let (outer_file, inner_file) = (folder.path().join("outer"), folder.path().join("inner"));
    write_private(&outer_file, secret);
    write_private(&inner_file, &format!("{}\n{secret}\n", "f".repeat(32)));
    let objects = folder.path().join("objects");
    let inner = ProcessBuilder::new(BINARY, folder.path().join("no-data"))
        .arg("--roles=edge")
        .arg(format!("--origin=file:{}", objects.display()))
        .arg(format!("--edges-secret={}", inner_file.display()))
        .arg(format!("--cache-dir={}", folder.path().join("cache").display()))
        .arg("--admin-listen=");
    std::fs::create_dir_all(&objects).unwrap();
    let inner = inner.start().await.unwrap();
    let more = [
        "--origin-secret".to_owned(),
        outer_file.display().to_string(),
        "--app-origin".to_owned(),
        "https://app.example".to_owned(),
    ];
    let outer = Stage::before_with(|_| format!("http://{}", inner.address()), &more).await;
    let content = noise(3, 2_500_000);
    let path = put(&objects, "0001", &content);
    let signed = outer.signed(&path);
    for status in ["fwd=uri-miss", "hit"] {
        let got = outer.fetch(&signed).await;
        assert!(got.headers()["cache-status"].to_str().unwrap().contains(status));
        assert_eq!(hash(&got.bytes().await.unwrap()), hash(&content));
    }
    assert_eq!(outer.fetch(&outer.signed(&path.replace("0001", "0002"))).await.status(), 404);

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |secret: Option<&str>, target: &str| {
        let request = http.get(inner.url(target));
        let request = secret.into_iter().fold(request, |request, secret| request.header("x-picup-edge", secret));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(Some(secret), &path).await, 200);
    assert_eq!(ask(Some(&"f".repeat(32)), &path).await, 200, "the next one");
    for (shown, target) in [(None, &path), (Some("0123"), &path), (Some(""), &path), (None, &signed)] {
        assert_eq!(ask(shown, target).await, 403, "{shown:?} {target}");
    }
    // What the inner one takes, the outer one does not.
    let request = http.get(outer.edge.url(&path)).header("x-picup-edge", secret);
    assert_eq!(request.send().await.unwrap().status(), 403);

    // Pages of the app alone may read with scripts; elements of any page may show what they have the address of.
    for (origin, allowed) in [("https://app.example", Some("https://app.example")), ("https://evil.example", None)] {
        let got = http.get(outer.edge.url(&signed)).header("origin", origin).send().await.unwrap();
        let told = got.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!((told, got.headers()["vary"].to_str().unwrap()), (allowed, "origin"));
        assert_eq!(got.headers()["cross-origin-resource-policy"], "cross-origin");
        let refused = http.get(outer.edge.url(&path)).header("origin", origin).send().await.unwrap();
        assert_eq!((refused.status().as_u16(), refused.headers().get("access-control-allow-origin")), (403, None));
    }
    let short = folder.path().join("short");
    write_private(&short, "short\n");
    for (arguments, says) in [
        (vec!["--origin=http://shield.example", "--origin-secret"], "a secret is sent by https alone"),
        (vec!["--origin=file:/", "--origin-secret"], "is for an origin that is another edge"),
        (vec!["--origin=file:/", "--edges-secret"], "has no secret of 32 characters"),
    ] {
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let file = if arguments[1] == "--origin-secret" { &outer_file } else { &short };
        arguments[1] = format!("{}={}", arguments[1], file.display());
        let cache = format!("--cache-dir={}", folder.path().join("cache-2").display());
        let key = format!("--public-key=K1={}", outer.public_keys.display());
        let rest = [cache, key, format!("--public-base={BASE}"), "--listen=127.0.0.1:0".to_owned()];
        let command = ["serve".to_owned(), "--roles=edge".to_owned(), "--admin-listen=".to_owned()];
        let began = run(BINARY, command.into_iter().chain(arguments).chain(rest)).await.unwrap();
        assert!(!began.status.success() && began.stderr.contains(says), "{}", began.stderr);
    }
}
