//! A PicUp whose bucket, the destination of its copies and the networks before both fail all the time, while photos are imported:
//! what is shown is right, and in the end everything is there, copied and proved.

use std::path::Path;
use std::time::{Duration, Instant};

use picup_testkit::{Direction, Fault, FaultProxy, S3Server, fresh_folder, run};
use reqwest::Method;

use crate::app::{BINARY, TestApp, write_private};
use crate::backup::{backup_done, status};
use crate::buckets::{Bucket, Service, counts, gives_back};
use crate::client::hash;
use crate::pictures::noise;

/// How long the whole may take; it is far less.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How many files are imported in one go.
const FOLDER: usize = 100;
/// How long a fault lasts, and how long everything is well after it.
const FAULT: Duration = Duration::from_millis(150);
const CALM: Duration = Duration::from_millis(600);

/// A service, reached through a network.
struct Behind {
    server: S3Server,
    proxy: FaultProxy,
}

impl Behind {
    async fn new(server: S3Server) -> Self {
        let proxy = FaultProxy::start(server.address()).await.unwrap();
        Self { server, proxy }
    }

    fn calm(&self) {
        self.server.trouble_every(0);
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.proxy.set(direction, Fault::Pass);
        }
    }
}

impl Bucket for Behind {
    fn endpoint(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    fn keys(&self) -> (&str, &str) {
        (self.server.access_key(), self.server.secret_key())
    }

    fn folder(&self) -> &Path {
        self.server.folder()
    }
}

/// Has the services and networks fail in turns, until it is dropped; counts the faults.
async fn trouble(ends: [&Behind; 2], turn: &mut usize) -> ! {
    let faults = [
        (Direction::ToServer, Fault::ResetAfter(700)),
        (Direction::ToClient, Fault::ResetAfter(300)),
        (Direction::ToServer, Fault::CutAfter(4_000)),
        (Direction::ToClient, Fault::CutAfter(150)),
        (Direction::ToServer, Fault::Stall),
        (Direction::ToClient, Fault::Stall),
        (Direction::ToServer, Fault::Corrupt(2_500)),
        (Direction::ToClient, Fault::Corrupt(1_500)),
        (Direction::ToClient, Fault::Slow(200_000)),
    ];
    ends[0].server.trouble_every(23);
    ends[1].server.trouble_every(17);
    loop {
        let (end, (direction, fault)) = (ends[*turn / 2 % 2], faults[*turn % faults.len()]);
        end.proxy.set(direction, fault);
        tokio::time::sleep(FAULT).await;
        end.proxy.set(direction, Fault::Pass);
        end.proxy.sever();
        tokio::time::sleep(CALM).await;
        *turn += 1;
    }
}

/// Whatever is shown is whole, or cannot be shown at the moment. Never ends; counts what was seen. Not their hashes: a bit that the
/// network turns on its way from the store to who looks is for TLS to see, which there is none of here.
async fn look(app: &TestApp, seen: &mut u64) -> ! {
    loop {
        // Anew each time: a session that nobody renews ends.
        let ada = app.sign_in_browser("ada").await;
        for id in ada.timeline().await.id {
            let asset: picup_api::wire::Asset = ada.get(&format!("/api/assets/{id}")).await.json(200);
            let original = ada.request(Method::GET, &asset.media.original);
            if let Ok(answer) = ada.try_send(original).await
                && answer.status == 200
            {
                assert_eq!(answer.body.len() as u64, asset.bytes, "{}", asset.file_name);
                *seen += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Imports each folder again and again, as a person does, until everything is there; then waits for the copies.
async fn import(app: &TestApp, photos: &Path, files: usize) {
    let deadline = Instant::now() + PATIENCE;
    for folder in std::fs::read_dir(photos).unwrap() {
        let folder = folder.unwrap().path();
        loop {
            let done = run(BINARY, app.import_arguments("ada", &folder, None, &[])).await;
            if done.as_ref().is_ok_and(|done| done.status.success()) {
                break;
            }
            // Also one that takes too long is stopped, and begun again.
            assert!(Instant::now() < deadline, "{done:?}\n{}", app.log());
        }
    }
    while status(app).await["offsite"]["kept"]["copies"].as_u64() < Some(files as u64) {
        assert!(Instant::now() < deadline, "{:?}\n{}", status(app).await, app.log());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn uploads_and_copies_in_trouble(files: usize) {
    let service = Service::with(Behind::new(S3Server::start_like_amazon().unwrap()).await);
    let offsite = Behind::new(S3Server::start_with_rights().unwrap()).await;
    let keys = fresh_folder();
    let (writer, reader) = (keys.path().join("writer"), keys.path().join("reader"));
    for (file, (id, secret)) in [(&writer, offsite.server.writer()), (&reader, offsite.server.reader())] {
        write_private(file, &format!("{id}\n{secret}\n"));
    }
    let settings = format!(
        "{}\n[backup.destinations.offsite]\nurl = \"s3://picup/family\"\nendpoint = \"{}\"\nencrypt = false\n\
         access_key_file = \"{}\"\nreader_key_file = \"{}\"\n",
        service.settings(),
        offsite.endpoint(),
        writer.display(),
        reader.display()
    );
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let photos = app.path("photos");
    let wanted = (0..files).map(|number| {
        let (content, folder) = (noise(number as u64, 200 + 97 * number), photos.join((number / FOLDER).to_string()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{number}.mp4")), &content).unwrap();
        hash(&content)
    });
    let wanted = wanted.collect();
    let (mut seen, mut faults) = (0, 0);
    tokio::select! {
        () = import(&app, &photos, files) => {}
        _ = trouble([&service.server, &offsite], &mut faults) => {}
        _ = look(&app, &mut seen) => {}
    }
    assert!(seen > 0, "nothing was shown meanwhile");
    assert!(faults > 5, "there was no trouble");
    [&service.server, &offsite].into_iter().for_each(Behind::calm);
    app.settle().await;
    gives_back(&app.sign_in_browser("ada").await, &wanted).await;
    let scrubbed = counts(&backup_done(&app, &["scrub", "--json"]).await.stdout);
    assert_eq!((scrubbed["healed"].as_u64(), scrubbed["lost"].as_u64()), (Some(0), Some(0)), "{scrubbed}");
    assert_eq!(scrubbed["good"].as_u64(), Some(2 * files as u64), "{scrubbed}");
    // What was begun in the bucket, and neither noted nor taken back because that failed too, goes with the next start.
    let app = app.kill_and_restart().await;
    service.finish(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_all_is_uploaded_copied_and_proved() {
    uploads_and_copies_in_trouble(60).await;
}

/// As many as the promise says: `scripts/test-more copies`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; scripts/test-more copies runs it"]
async fn a_thousand_uploads_and_copies_in_trouble() {
    uploads_and_copies_in_trouble(1_000).await;
}
