//! What a client tells of a file beside its bytes is kept where the bytes themselves tell nothing.

use picup_api::wire::{Asset, UploadAnswer};
use picup_testkit::samples;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::{Client, hash};

/// Uploads a file with what is told of it, and waits until it has been looked at.
async fn upload(ada: &Client, content: &[u8], told: &Value) -> Asset {
    let mut wish = json!({"file_name": "a.jpg", "bytes": content.len(), "sha256": hash(content)});
    wish.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
    let UploadAnswer::Upload { upload, .. } = ada.post("/api/uploads", &wish).await.json(201) else {
        panic!("it is there already")
    };
    let url = ada.target(upload.id, 1, content).await;
    assert_eq!(ada.put(&url, content.to_vec()).await.status, 204);
    let completed: picup_api::wire::Completed = ada.complete(upload.id).await.json(201);
    ada.processed(completed.asset).await
}

fn told() -> Value {
    json!({
        "modified_at": "2024-06-01T10:00:00Z",
        "captured_at": "2019-12-31T23:30:00-08:00",
        "place": {"latitude": 37.5, "longitude": -122.25, "altitude": 12.5},
        "favourite": true,
        "description": "  Last evening\nof the year ",
    })
}

#[tokio::test]
async fn what_the_file_does_not_tell_is_told_by_its_client() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let asset = upload(&ada, &samples::jpeg(1), &told()).await;
    let captured = &asset.captured;
    assert_eq!((captured.source.as_str(), captured.local.as_str()), ("sidecar", "2019-12-31T23:30:00"));
    assert_eq!((captured.at.as_str(), captured.offset_minutes), ("2020-01-01T07:30:00Z", Some(-480)));
    let place = asset.place.unwrap();
    assert_eq!((place.latitude, place.longitude, place.altitude), (37.5, -122.25, Some(12.5)));
    assert_eq!((asset.favourite, asset.description.as_deref()), (true, Some("Last evening\nof the year")));
    assert_eq!((asset.motion.is_none(), asset.trashed_at), (true, None));

    // A camera knows its own time better, and nothing of what people say.
    let taken = upload(&ada, &samples::jpeg_taken(2, "2024:05:06 07:08:09", Some("+09:00"), 1), &told()).await;
    assert_eq!((taken.captured.source.as_str(), taken.captured.local.as_str()), ("exif", "2024-05-06T07:08:09"));
    assert_eq!((taken.place.unwrap().latitude, taken.favourite), (37.5, true));

    // Nothing told beside the file's own time of change.
    let plain = upload(&ada, &samples::jpeg(3), &json!({"modified_at": "2024-06-01T10:00:00Z"})).await;
    assert_eq!((plain.captured.source.as_str(), plain.favourite), ("file", false));
    assert!(plain.place.is_none() && plain.description.is_none());

    // Its owner's own word counts more than anything.
    let mut word = told();
    word["captured"] = json!({"local": "1999-12-31T23:59:59", "offset_minutes": 60});
    let said = upload(&ada, &samples::jpeg_taken(4, "2024:05:06 07:08:09", Some("+09:00"), 1), &word).await;
    assert_eq!((said.captured.source.as_str(), said.captured.local.as_str()), ("edited", "1999-12-31T23:59:59"));
    assert_eq!((said.captured.at.as_str(), said.captured.offset_minutes), ("1999-12-31T22:59:59Z", Some(60)));

    let timeline = ada.timeline().await;
    assert_eq!(timeline.id, [plain.id, taken.id, asset.id, said.id]);
    assert_eq!((timeline.favourite, timeline.motion), (vec![false, true, true, true], vec![false; 4]));
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    for (field, value) in [
        ("captured_at", json!("yesterday")),
        ("captured_at", json!("-009999-01-01T00:00:00Z")),
        ("captured.local", json!({"local": "2024-02-30T00:00:00"})),
        ("captured.offset_minutes", json!({"local": "2024-02-28T00:00:00", "offset_minutes": 1440})),
        ("place", json!({"latitude": 90.5, "longitude": 0.0})),
        ("place", json!({"latitude": 1.0, "longitude": -181.0})),
        ("description", json!("a".repeat(5_001))),
        ("description", json!("a\u{0}b")),
    ] {
        let mut wish = json!({"file_name": "a.jpg", "bytes": 1, "sha256": hash(b"a")});
        wish[field.split('.').next().unwrap()] = value;
        let problem = ada.post("/api/uploads", &wish).await.refused(422);
        assert!(problem.detail.contains(field), "{}", problem.detail);
    }
    assert_eq!(ada.account_now().await.reserved_bytes, 0);
    app.finish().await;
}
