//! One life with every step in it, and what must be true after it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use picup_api::wire::{AssetState, UploadAnswer, UploadAnswers, UploadManyAnswer};
use picup_testkit::{ProcessBuilder, S3Server, fresh_folder, run, samples};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;
use uuid::Uuid;

use crate::app::{BINARY, PASSWORD, email, eventually, prepare, write_private};
use crate::books;
use crate::client::{Client, hash};
use crate::mortal::Mortal;
use crate::patient::{Kept, Patient, TRIES};
use crate::pictures::noise;
use crate::points::{Point, Reached};
use crate::{keeping, leaving};

/// Two parts.
static FILM: LazyLock<Vec<u8>> = LazyLock::new(|| noise(1, (16 << 20) + 1_000));

/// Leads a life that ends at a point, and the one after.
pub(crate) async fn lead(point: &'static Point) {
    let folder = fresh_folder();
    let data = folder.path().join("data");
    write_private(&folder.path().join("password"), PASSWORD);
    let with_bucket = point.is_in_a_bucket() || point.is_of_a_move();
    let service = with_bucket.then(|| S3Server::start().unwrap());
    let settings = service.as_ref().map(|service| bucket(service, &folder.path().join("bucket-key")));
    let store = settings.filter(|_| point.is_in_a_bucket()).unwrap_or_default();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let copies = if point.is_backed_up() { keeping::destination(&disk) } else { String::new() };
    prepare(&data, &format!("{store}[accounts]\ndeletion_grace = \"0s\"\n{copies}"));
    let key = ["backup", "recovery-key", "--data-dir", data.to_str().unwrap()];
    assert!(run(BINARY, key).await.unwrap().status.success());
    for name in ["ada", "bob"] {
        make_account(name, folder.path(), &data).await;
    }
    let plain = ProcessBuilder::new(BINARY, &data).arg("--admin-listen").arg("");
    // Armed twice: what puts things right after the first death may die of the same.
    let arms = match point.reached {
        Reached::ByUse | Reached::ByExpiry | Reached::ByCommand => [point.name, point.name],
        Reached::After(first) => [first, point.name],
    };
    let mut server = Mortal::start(plain.clone(), &[]).await;
    let ada = Patient(Client::browser(plain.address(), &email("ada"), PASSWORD).await);
    let bob = Patient(Client::program(plain.address(), &email("bob"), PASSWORD).await);
    let mut before = Vec::new();
    if point.reached == Reached::ByExpiry {
        before.push(begin_what_expires(&ada).await);
    }
    server.stop().await;
    if point.reached == Reached::ByExpiry {
        let_expire(&data).await;
    }
    let mut server = Mortal::start(plain, &arms).await;
    let life = async {
        let kept = use_everything(&ada).await;
        leave(&bob, &data).await;
        if point.is_backed_up() {
            keeping::copied(&data).await;
        }
        if let Some(service) = service.as_ref().filter(|_| point.is_of_a_move()) {
            leaving::leave(service, folder.path(), &data).await;
        }
        kept
    };
    let mut kept = tokio::select! {
        kept = life => kept,
        never = server.look_after() => match never {},
    };
    kept.append(&mut before);
    server.lay_down_arms().await;
    let wanted = if let Reached::After(_) = point.reached { &arms[..] } else { &arms[..1] };
    assert!(server.deaths.starts_with(wanted), "{point:?} was not reached: {:?}", server.deaths);
    let quiet = eventually("the end of all work", async || books::at_rest(&data).await.then_some(())).await;
    quiet.unwrap();
    eventually("the removal of what was given up", async || books::is_tidy(&data).await.then_some(())).await.unwrap();
    if point.is_backed_up() {
        keeping::copied(&data).await;
    }
    ada.holds_exactly(&kept).await;
    let log = server.stop().await;
    assert!(!log.contains("panicked"), "{log}");
    if let Some(service) = service.as_ref().filter(|_| point.is_of_a_move()) {
        leaving::tell_the_books(&objects(service), &data);
    }
    books::audit(&data).await;
    let staging = service.as_ref().map_or_else(|| data.join("objects"), objects).join("staging");
    let staged =
        walkdir::WalkDir::new(staging).into_iter().filter(|entry| entry.as_ref().unwrap().file_type().is_file());
    assert_eq!(staged.count(), 0, "{point:?} left something staged\n{log}");
}

/// Where a service keeps what is in its bucket, as files.
fn objects(service: &S3Server) -> PathBuf {
    service.folder().join(service.bucket()).join("photos")
}

/// The settings of a PicUp whose photos are at a service; the remark is for the books.
fn bucket(service: &S3Server, key: &Path) -> String {
    write_private(key, &format!("{}\n{}\n", service.access_key(), service.secret_key()));
    format!(
        "store.url = \"s3://{}/photos\"\nstore.endpoint = \"{}\"\nstore.access_key_file = \"{}\"\n\
         store.parts = \"proxied\"\n# objects: {}\n",
        service.bucket(),
        service.endpoint(),
        key.display(),
        objects(service).display()
    )
}

pub(crate) async fn make_account(name: &str, folder: &Path, data: &Path) {
    let password = folder.join("password");
    let (password, data, email) = (password.to_str().unwrap(), data.to_str().unwrap(), email(name));
    let made = run(BINARY, ["user", "create", &email, "--password-file", password, "--data-dir", data]).await.unwrap();
    assert!(made.status.success(), "{}", made.stderr);
}

/// Uploads, one finished and one not.
async fn begin_what_expires(ada: &Patient) -> Kept {
    let photo = samples::jpeg(100);
    let kept = Kept { asset: keep(ada, "early.jpg", &photo).await, sha256: hash(&photo), state: AssetState::Ready };
    let abandoned = samples::jpeg(101);
    let UploadAnswer::Upload { upload, .. } = ada.reserve("abandoned.jpg", &abandoned, &hash(&abandoned)).await else {
        panic!("it is there already")
    };
    assert!(ada.send_parts(&upload, &abandoned).await);
    ada.processed(kept.asset).await;
    kept
}

/// Their time is over when the next server starts.
async fn let_expire(data: &Path) {
    let mut database = books::open(data).await;
    let ended = sqlx::query("UPDATE uploads SET expires_at = 1").execute(&mut database).await.unwrap();
    assert_eq!(ended.rows_affected(), 2);
    database.close().await.unwrap();
}

/// Everything a person does, once; what the server said it has.
async fn use_everything(ada: &Patient) -> Vec<Kept> {
    let mut kept = Vec::new();
    let photo = samples::jpeg(1);
    let asset = keep(ada, "photo.jpg", &photo).await;
    kept.push(Kept { asset, sha256: hash(&photo), state: AssetState::Ready });

    let asset = keep(ada, "film.mp4", &FILM).await;
    kept.push(Kept { asset, sha256: hash(&FILM), state: AssetState::Unviewable });

    let unlike = samples::jpeg(2);
    let asset = ada.keep_as("unlike.jpg", &unlike, &hash(b"something else"), async |_| ()).await;
    kept.push(Kept { asset, sha256: hash(&unlike), state: AssetState::Damaged });

    let streamed = samples::jpeg(4);
    let asset = send_as_immich_does(ada, &streamed).await;
    kept.push(Kept { asset, sha256: hash(&streamed), state: AssetState::Ready });

    kept.extend(keep_together(ada, &[samples::jpeg(6), samples::jpeg(7)]).await);

    let asset = keep(ada, "live.jpg", &samples::jpeg(9)).await;
    kept.push(Kept { asset, sha256: hash(&samples::jpeg(9)), state: AssetState::Ready });
    make_it_move(ada, asset, b"a film of a second").await;

    throw_away(ada).await;
    cancel(ada).await;
    for kept in &kept {
        ada.processed(kept.asset).await;
    }
    kept
}

/// Bob has his account erased, with a photo, an upload under way, and no grace.
async fn leave(bob: &Patient, data: &Path) {
    let photo = samples::jpeg(5);
    let asset = keep(bob, "photo.jpg", &photo).await;
    bob.processed(asset).await;
    bob.reserve("never.jpg", b"never sent", &hash(b"never sent")).await;
    let asked = bob.post("/api/account/deletion", &json!({"password": PASSWORD})).await;
    // Refused: it is gone already, and it died before saying so.
    assert!(matches!(asked.status, 202 | 401), "{}", asked.text());
    let gone = async || {
        let mut database = books::open(data).await;
        let left = sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM accounts").fetch_one(&mut database).await.unwrap();
        database.close().await.unwrap();
        (left.0 == 1).then_some(())
    };
    eventually("the end of an account", gone).await.unwrap();
}

async fn keep(ada: &Patient, name: &str, content: &[u8]) -> Uuid {
    ada.keep_as(name, content, &hash(content), async |_| ()).await
}

/// Small files in few requests, as `picup import` sends them.
async fn keep_together(ada: &Patient, photos: &[Vec<u8>]) -> Vec<Kept> {
    let file = |photo: &Vec<u8>| json!({"file_name": "small.jpg", "bytes": photo.len(), "sha256": hash(photo)});
    let wish = json!({ "files": photos.iter().map(file).collect::<Vec<_>>() });
    for _ in 0..TRIES {
        let answers: UploadAnswers = ada.post("/api/uploads/many", &wish).await.json(200);
        let (mut kept, mut uploads) = (Vec::new(), Vec::new());
        for (photo, answer) in photos.iter().zip(answers.answers) {
            match answer {
                UploadManyAnswer::Duplicate { asset } => {
                    kept.push(Kept { asset, sha256: hash(photo), state: AssetState::Ready });
                }
                UploadManyAnswer::Upload { upload, .. } => {
                    ada.send_parts(&upload, photo).await;
                    uploads.push(upload.id);
                }
                UploadManyAnswer::Refused { problem } => panic!("{problem:?}"),
            }
        }
        if uploads.is_empty() {
            return kept;
        }
        // Whatever it answers, the next round tells what is there.
        ada.post("/api/uploads/complete", &json!({ "uploads": uploads })).await;
    }
    panic!("small files never came to be kept")
}

/// The whole file in one request, whose size is not told.
async fn send_as_immich_does(ada: &Patient, content: &[u8]) -> Uuid {
    let head = b"--form\r\nContent-Disposition: form-data; name=\"assetData\"; filename=\"streamed.jpg\"\r\n\r\n";
    let body = Bytes::from([head, content, b"\r\n--form--\r\n"].concat());
    let sent = ada.answer(|| {
        let request = ada.0.request(Method::POST, "/api/immich/assets");
        request.header("content-type", "multipart/form-data; boundary=form").body(body.clone())
    });
    let sent = sent.await;
    assert!(matches!(sent.status, 200 | 201), "{}", sent.text());
    sent.json::<Value>(sent.status)["id"].as_str().unwrap().parse().unwrap()
}

/// A photo gets its moving part.
async fn make_it_move(ada: &Patient, photo: Uuid, film: &[u8]) {
    let wish = json!({"file_name": "live.mov", "bytes": film.len(), "sha256": hash(film), "motion_of": photo});
    for _ in 0..TRIES {
        let answer = ada.post("/api/uploads", &wish).await;
        match answer.json::<UploadAnswer>(answer.status) {
            UploadAnswer::Duplicate { asset } => {
                assert_eq!(asset, photo);
                return;
            }
            // Whatever the completion answers, the next round tells whether it is there.
            UploadAnswer::Upload { upload, .. } => {
                ada.send_parts(&upload, film).await;
                ada.post(&format!("/api/uploads/{}/complete", upload.id), &json!({})).await;
            }
        }
    }
    panic!("a film never came to be kept")
}

/// A photo goes into the trash and out of it, in again, and away with all of the trash.
async fn throw_away(ada: &Patient) {
    let asset = keep(ada, "bad.jpg", &samples::jpeg(8)).await;
    ada.processed(asset).await;
    for change in ["trash", "restore", "trash"] {
        let changed = ada.post(&format!("/api/assets/{change}"), &json!({"assets": [asset]})).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    }
    let emptied = ada.answer(|| ada.0.request(Method::DELETE, "/api/trash")).await;
    assert_eq!(emptied.status, 202, "{}", emptied.text());
    let gone = async || (ada.get(&format!("/api/assets/{asset}")).await.status == 404).then_some(());
    eventually("the end of what was in the trash", gone).await.unwrap();
}

async fn cancel(ada: &Patient) {
    let unwanted = samples::jpeg(3);
    let UploadAnswer::Upload { upload, .. } = ada.reserve("unwanted.jpg", &unwanted, &hash(&unwanted)).await else {
        panic!("it is there already")
    };
    ada.send_parts(&upload, &unwanted).await;
    let path = format!("/api/uploads/{}", upload.id);
    let cancelled = ada.answer(|| ada.0.request(Method::DELETE, &path)).await;
    // Not found: it died after cancelling and before saying so.
    assert!(matches!(cancelled.status, 204 | 404), "{}", cancelled.text());
}
