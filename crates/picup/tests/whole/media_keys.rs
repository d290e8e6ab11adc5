//! The keys that open media, as an operator handles them while PicUp runs: signed by hand, and one followed by another.

use std::path::Path;

use picup_domain::{Clock, SystemClock};
use picup_testkit::{Finished, run, samples};

use crate::app::{BINARY, TestApp, eventually};
use crate::client::{Answer, Client};

/// What policies name when no `public_base` is set.
const BASE: &str = "http://picup.internal";

async fn picup(data: &Path, arguments: &[&str]) -> Finished {
    let data = data.display().to_string();
    run(BINARY, arguments.iter().copied().chain(["--data-dir", data.as_str()])).await.unwrap()
}

/// What a command prints that succeeds.
async fn done(app: &TestApp, arguments: &[&str]) -> String {
    let done = picup(&app.data(), arguments).await;
    assert!(done.status.success(), "{done:?}");
    done.stdout.trim().to_owned()
}

/// The path and query of an address of that medium, signed by `picup sign`.
async fn signed(app: &TestApp, path: &str, more: &[&str]) -> String {
    let url = format!("{BASE}{path}");
    let arguments: Vec<_> =
        ["sign", "--url", url.as_str(), "--for", "1h"].into_iter().chain(more.iter().copied()).collect();
    done(app, &arguments).await.strip_prefix(BASE).unwrap().to_owned()
}

async fn fetch(stranger: &Client, path: &str) -> Answer {
    stranger.send(stranger.http.get(stranger.url(path))).await
}

/// The ids, with what each is.
async fn keys(app: &TestApp) -> Vec<(String, String)> {
    let listed: serde_json::Value = serde_json::from_str(&done(app, &["media-key", "list", "--json"]).await).unwrap();
    let text = |key: &serde_json::Value, name: &str| key[name].as_str().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(|key| (text(key, "id"), text(key, "state"))).collect()
}

#[tokio::test]
async fn an_address_that_is_signed_by_hand_opens_what_it_says() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let media = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media;
    let (preview, stranger) = (media.preview.unwrap(), app.stranger());
    let refused = fetch(&stranger, &media.original).await;
    assert_eq!(refused.status, 403);

    let address = signed(&app, &media.original, &[]).await;
    assert_eq!(&fetch(&stranger, &address).await.body[..], samples::JPEG);
    assert_eq!(fetch(&stranger, &address.replace(&media.original, &preview)).await.text(), refused.text());
    let folder = format!("{BASE}{}/*", preview.rsplit_once('/').unwrap().0);
    let address = signed(&app, &preview, &["--resource", &folder]).await;
    assert_eq!(fetch(&stranger, &address).await.status, 200);
    assert_eq!(fetch(&stranger, &address.replace(&preview, &media.thumbnail.unwrap())).await.status, 200);
    assert_eq!(fetch(&stranger, &address.replace(&preview, &media.original)).await.status, 403);
    let later = jiff::Timestamp::from_second(SystemClock.now().seconds() + 1_800).unwrap().to_string();
    for more in [["--ip", "192.0.2.1"], ["--from", &later]] {
        let lasting = ["--for", "1h"];
        let url = format!("{BASE}{preview}");
        let arguments: Vec<_> =
            ["sign", "--url", &url].into_iter().chain(more.iter().copied()).chain(lasting.iter().copied()).collect();
        let address = done(&app, &arguments).await;
        assert_eq!(fetch(&stranger, address.strip_prefix(BASE).unwrap()).await.text(), refused.text(), "{more:?}");
    }
    // What would open nothing, or outlive its key, is not signed.
    let url = format!("{BASE}{preview}");
    for (arguments, says) in [
        (
            &["--url", "https://photos.example/media/x", "--for", "1h"] as &[&str],
            "what is signed for http://picup.internal/",
        ),
        (&["--url", &url, "--for", "1h", "--hash", "sha1"], "signed over SHA-1"),
        (&["--url", &url, "--for", "25h"], "longer than 24 hours"),
        (&["--url", &url, "--until", "2020-01-01T00:00:00Z"], "has passed"),
    ] {
        let arguments: Vec<_> = ["sign"].into_iter().chain(arguments.iter().copied()).collect();
        let told = picup(&app.data(), &arguments).await;
        assert!(!told.status.success() && told.stderr.contains(says), "{arguments:?}: {told:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn one_key_follows_another_and_nobody_notices() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let preview = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media.preview.unwrap();
    let stranger = app.stranger();
    let by_first = signed(&app, &preview, &[]).await;
    let first = keys(&app).await[0].0.clone();

    let public = done(&app, &["media-key", "prepare"]).await;
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    let second = keys(&app).await[1].0.clone();
    done(&app, &["media-key", "switch"]).await;
    let states = vec![(second.clone(), "signs".to_owned()), (first.clone(), "old".to_owned())];
    assert_eq!(keys(&app).await, states);
    let by_second = signed(&app, &preview, &[]).await;
    assert!(by_first.contains(&first) && by_second.contains(&second));

    // The server follows by itself: both open, and who signs in now gets what the second has signed.
    let follows =
        eventually("the second key opens", async || (fetch(&stranger, &by_second).await.status == 200).then_some(()));
    follows.await.unwrap();
    assert_eq!(fetch(&stranger, &by_first).await.status, 200);
    assert_eq!(ada.get(&preview).await.status, 200, "with the cookies of the first");
    let again = app.sign_in_browser("ada").await;
    assert_eq!(again.jar().value("CloudFront-Key-Pair-Id"), Some(second.clone()));
    assert_eq!(again.get(&preview).await.status, 200);

    let early = picup(&app.data(), &["media-key", "retire", &first]).await;
    assert!(!early.status.success() && early.stderr.contains("--early"), "{early:?}");
    let signing = picup(&app.data(), &["media-key", "retire", &second, "--early"]).await;
    assert!(!signing.status.success() && signing.stderr.contains("is the key that signs"), "{signing:?}");
    done(&app, &["media-key", "retire", &first, "--early"]).await;
    let follows = eventually("the first key opens nothing", async || {
        (fetch(&stranger, &by_first).await.status == 403).then_some(())
    });
    follows.await.unwrap();
    assert_eq!(ada.get(&preview).await.status, 403);
    assert_eq!(again.get(&preview).await.status, 200);
    // And after the next start it is the same.
    let app = app.kill_and_restart().await;
    let stranger = app.stranger();
    assert_eq!(fetch(&stranger, &by_first).await.status, 403);
    assert_eq!(fetch(&stranger, &by_second).await.status, 200);
    app.finish().await;
}
