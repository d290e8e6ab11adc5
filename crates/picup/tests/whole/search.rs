//! Searching: every filter, page by page, and never what is another's or in the trash. That what is found equals a plain
//! filter over everything is shown where the query is: `crates/database/tests/contract/search.rs`.

use picup_api::wire::{Album, SearchResults, SearchSuggestions};
use picup_testkit::samples;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::{Client, hash};
use crate::live_photos::film;

/// What is asked for: names and values.
type Query<'a> = &'a [(&'a str, &'a str)];

/// A JPEG that tells its camera in EXIF (TIFF 6.0, big-endian): two texts in the first directory.
fn shot(number: u64, make: &str, model: &str) -> Vec<u8> {
    let texts = [(0x010f_u16, format!("{make}\0")), (0x0110, format!("{model}\0"))];
    let mut block = b"Exif\0\0MM\0*\0\0\0\x08\0\x02".to_vec();
    // The texts come after the header (8), the directory's count (2), its two entries (24) and the link to none (4).
    let mut at = 38_u32;
    for (tag, text) in &texts {
        let length = u32::try_from(text.len()).unwrap();
        assert!(length > 4, "shorter ones stand in the entry itself");
        block.extend(tag.to_be_bytes());
        block.extend(2_u16.to_be_bytes());
        block.extend(length.to_be_bytes());
        block.extend(at.to_be_bytes());
        at += length;
    }
    block.extend([0; 4]);
    texts.iter().for_each(|(_, text)| block.extend(text.as_bytes()));
    let picture = samples::jpeg(number);
    let length = u16::try_from(block.len() + 2).unwrap().to_be_bytes();
    [&picture[..2], &[0xff, 0xe1], &length, &block, &picture[2..]].concat()
}

/// Sends a file with what its client tells of it.
async fn send(ada: &Client, name: &str, content: &[u8], told: &Value) -> Uuid {
    let mut wish = json!({"file_name": name, "bytes": content.len(), "sha256": hash(content)});
    wish.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
    let answer: Value = ada.post("/api/uploads", &wish).await.json(201);
    let upload: Uuid = answer["upload"]["id"].as_str().unwrap().parse().unwrap();
    let url = ada.target(upload, 1, content).await;
    assert_eq!(ada.put(&url, content.to_vec()).await.status, 204);
    ada.complete(upload).await.json::<picup_api::wire::Completed>(201).asset
}

fn taken(day: &str, more: &Value) -> Value {
    let mut told = json!({"captured": {"local": format!("{day}T12:00:00")}});
    told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    told
}

/// What a search finds, in one page.
async fn found(ada: &Client, query: &[(&str, &str)]) -> Vec<Uuid> {
    let answer = ada.send(ada.request(reqwest::Method::GET, "/api/search").query(query)).await;
    let results: SearchResults = answer.json(200);
    assert_eq!((results.assets.next, results.searched_to), (None, None), "all has been looked at");
    results.assets.id
}

#[tokio::test]
async fn every_filter_finds_what_it_says() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in("ada").await, app.sign_in("bob").await);
    assert!(found(&ada, &[("text", "sea")]).await.is_empty(), "in an empty library");
    let paris = json!({"place": {"latitude": 48.8584, "longitude": 2.2945}});
    let sea = taken("2024-05-01", &json!({"description": "By the SEA, 100% 바다", "favourite": true}));
    let a = send(&ada, "IMG_0001.JPG", &shot(1, "Google", "Pixel 8"), &taken("2024-05-03", &paris)).await;
    let b = send(&ada, "IMG-0001.jpg", &shot(2, "Canon", "Canon EOS R6"), &taken("2024-05-02", &json!({}))).await;
    let c = send(&ada, "c.jpg", &samples::jpeg(3), &sea).await;
    let film = film(&app.path("film.mp4"), "1").await;
    let v = send(&ada, "v.mp4", &film, &taken("2023-12-31", &json!({}))).await;
    let other = send(&ada, "notes.txt", b"sea", &taken("2023-01-01", &json!({}))).await;
    let live = send(&ada, "live.jpg", &samples::jpeg(4), &taken("2022-01-01", &json!({}))).await;
    send(&bob, "IMG_0001.JPG", &shot(1, "Google", "Pixel 8"), &sea).await;
    for id in [a, b, c, v, other, live] {
        ada.processed(id).await;
    }
    let motion = picup_testkit::samples::jpeg(5);
    let wish = json!({"file_name": "live.mov", "bytes": motion.len(), "sha256": hash(&motion), "motion_of": live});
    let answer: Value = ada.post("/api/uploads", &wish).await.json(201);
    let upload: Uuid = answer["upload"]["id"].as_str().unwrap().parse().unwrap();
    let url = ada.target(upload, 1, &motion).await;
    assert_eq!(ada.put(&url, motion).await.status, 204);
    assert_eq!(ada.complete(upload).await.status, 201);
    let album: Album = ada.post("/api/albums", &json!({"title": "Summer at the Sea"})).await.json(201);
    ada.post(&format!("/api/albums/{}/assets", album.id), &json!({"assets": [b, v]})).await.json::<Value>(200);
    let album = album.id.to_string();

    let all = [a, b, c, v, other, live];
    let searches: [(Query<'_>, &[Uuid]); 34] = [
        (&[], &all),
        (&[("text", "  ")], &all),
        (&[("text", "img")], &[a, b]),
        (&[("text", "img_0001")], &[a]),
        (&[("text", "IMG%")], &[]),
        (&[("text", "100%")], &[c]),
        (&[("text", "%")], &[c]),
        (&[("text", "_")], &[a]),
        (&[("text", "!")], &[]),
        (&[("text", "sea")], &[b, c, v]),
        (&[("text", "summer img")], &[b]),
        (&[("text", "바다")], &[c]),
        (&[("text", "바다 sea BY")], &[c]),
        (&[("text", "pixel")], &[a]),
        (&[("text", "eos .jpg")], &[b]),
        (&[("text", &"a".repeat(300))], &[]),
        (&[("from", "2024-05-02")], &[a, b]),
        (&[("to", "2023-12-31")], &[v, other, live]),
        (&[("from", "2023-12-31"), ("to", "2024-05-01")], &[c, v]),
        (&[("from", "0001-01-01"), ("to", "9999-12-31")], &all),
        (&[("kind", "photo")], &[a, b, c, live]),
        (&[("kind", "video")], &[v]),
        (&[("kind", "other")], &[other]),
        (&[("kind", "live")], &[live]),
        (&[("camera", "google PIXEL 8")], &[a]),
        (&[("camera", "img")], &[]),
        (&[("album", &album)], &[b, v]),
        (&[("album", &album), ("kind", "video")], &[v]),
        (&[("favourite", "true")], &[c]),
        (&[("favourite", "false")], &[a, b, v, other, live]),
        (&[("located", "true")], &[a]),
        (&[("located", "false")], &[b, c, v, other, live]),
        (&[("near", "48.85,2.29")], &[a]),
        (&[("near", "48.85,2.29"), ("within_km", "0.5")], &[]),
    ];
    for (query, expected) in searches {
        assert_eq!(found(&ada, query).await, expected, "{query:?}");
    }
    let suggestions: SearchSuggestions = ada.get("/api/search/suggestions").await.json(200);
    assert_eq!(suggestions.cameras, ["Canon EOS R6", "Google Pixel 8"]);
    for camera in &suggestions.cameras {
        assert_eq!(found(&ada, &[("camera", camera)]).await.len(), 1, "{camera}");
    }

    // What is in the trash is not found, and is again when it comes back.
    ada.post("/api/assets/trash", &json!({"assets": [b]})).await.json::<Value>(200);
    assert_eq!(found(&ada, &[("text", "sea")]).await, [c, v]);
    assert_eq!(found(&ada, &[("album", &album)]).await, [v]);
    ada.post("/api/assets/restore", &json!({"assets": [b]})).await.json::<Value>(200);
    assert_eq!(found(&ada, &[("text", "sea")]).await, [b, c, v]);
    // Another's album is not there.
    bob.get(&format!("/api/search?album={album}")).await.refused(404);
    ada.get(&format!("/api/search?album={}", Uuid::now_v7())).await.refused(404);
    app.finish().await;
}

#[tokio::test]
async fn results_come_in_pages() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let mut expected = Vec::new();
    for number in 0..7_u64 {
        let name = if number % 3 == 2 { "other.jpg" } else { "found.jpg" };
        let told = taken(&format!("2024-05-0{}", number / 2 + 1), &json!({}));
        let id = send(&ada, name, &samples::jpeg(number), &told).await;
        if name == "found.jpg" {
            expected.insert(0, id);
        }
    }
    let (mut all, mut days, mut path) = (Vec::new(), Vec::new(), "/api/search?text=found&limit=2".to_owned());
    loop {
        let page: SearchResults = ada.get(&path).await.json(200);
        assert_eq!(page.assets.id.len(), page.assets.day.len());
        assert_eq!(page.assets.next.is_some(), page.searched_to.is_some());
        all.extend(page.assets.id);
        days.extend(page.searched_to);
        let Some(next) = page.assets.next else { break };
        path = format!("/api/search?text=found&limit=2&cursor={next}");
    }
    assert_eq!(all, expected);
    assert_eq!(days, ["2024-05-03", "2024-05-01"]);
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused_by_name() {
    let app = TestApp::builder().account("ada").start().await;
    let ada = app.sign_in("ada").await;
    let words = "a ".repeat(21);
    let long = "가".repeat(501);
    let refused: [(u16, &str, Query<'_>); 20] = [
        (422, "text", &[("text", &words)]),
        (422, "text", &[("text", &long)]),
        (422, "text", &[("text", "a\u{0}b")]),
        (422, "camera", &[("camera", &words)]),
        (422, "from", &[("from", "yesterday")]),
        (422, "to", &[("to", "2024-02-30")]),
        (422, "from", &[("from", "2024-05-02"), ("to", "2024-05-01")]),
        (400, "kind", &[("kind", "picture")]),
        (400, "album", &[("album", "Summer")]),
        (400, "favourite", &[("favourite", "yes")]),
        (400, "located", &[("located", "")]),
        (422, "near", &[("near", "Paris")]),
        (422, "near", &[("near", "91,0")]),
        (422, "near", &[("near", "NaN,0")]),
        (422, "within_km", &[("within_km", "5")]),
        (422, "within_km", &[("near", "1,1"), ("within_km", "0")]),
        (400, "within_km", &[("near", "1,1"), ("within_km", "far")]),
        (422, "limit", &[("limit", "1001")]),
        (422, "cursor", &[("cursor", "x")]),
        (400, "colour", &[("colour", "blue")]),
    ];
    for (status, field, query) in refused {
        let answer = ada.send(ada.request(reqwest::Method::GET, "/api/search").query(query)).await;
        let problem = answer.refused(status);
        assert!(problem.detail.contains(field), "{query:?}: {}", problem.detail);
    }
    app.finish().await;
}
