//! PicUp in several processes: a gateway, two that answer and one that works in the background, on one database and one store.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use picup_api::wire;
use picup_testkit::{PicupProcess, ProcessBuilder, S3Server, TempDir, fresh_folder, samples};
use rustix::process::Signal;
use serde_json::json;

use crate::app::{BINARY, PASSWORD, email, eventually, make_account, prepare, write_private};
use crate::books;
use crate::buckets::Service;
use crate::client::Client;

/// All of them, with photos in a bucket.
struct Parts {
    _bucket: Service<S3Server>,
    folder: TempDir,
    gateway: PicupProcess,
    api: [PicupProcess; 2],
    worker: PicupProcess,
}

fn part(data: PathBuf, roles: &str) -> ProcessBuilder {
    ProcessBuilder::new(BINARY, data).arg("--roles").arg(roles).arg("--admin-listen").arg("")
}

impl Parts {
    /// With an account for Ada, and these lines in the gateway's configuration.
    async fn start(gateway: &str) -> Self {
        let folder = fresh_folder();
        let data = folder.path().join("data");
        // Every answer comes from a client of its own, as far as limits go; here all come from one.
        let limits = "gateway.limits.exempt = [\"127.0.0.0/8\"]\n";
        let bucket = Service::with(S3Server::start_like_amazon().unwrap());
        prepare(&data, &format!("gateway.trusted_proxies = [\"127.0.0.1\"]\n{limits}{}", bucket.settings()));
        let first = part(data.clone(), "api").start().await.unwrap();
        let second = part(data.clone(), "api").start().await.unwrap();
        let worker = part(data.clone(), "worker").spawn().unwrap();
        let upstreams = format!("upstreams = [\"http://{}\", \"http://{}\"]\n", first.address(), second.address());
        let front = folder.path().join("gateway");
        std::fs::create_dir(&front).unwrap();
        let settings = format!("{limits}{gateway}[gateway.balance]\n{upstreams}");
        std::fs::write(front.join("picup.toml"), settings).unwrap();
        let gateway = part(front, "gateway").start().await.unwrap();
        let parts = Self { _bucket: bucket, folder, gateway, api: [first, second], worker };
        let password = parts.folder.path().join("password");
        write_private(&password, PASSWORD);
        make_account(&parts.data(), &password, "ada", None).await;
        parts
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn front(&self) -> SocketAddr {
        self.gateway.address()
    }

    fn log(&self) -> String {
        let of = |process: &PicupProcess| process.output().text();
        format!("{}\n{}\n{}\n{}", of(&self.gateway), of(&self.api[0]), of(&self.api[1]), of(&self.worker))
    }

    /// Stops all, and holds the database against the store.
    async fn finish(mut self) {
        let data = self.data();
        let quiet = eventually("the end of all work", async || books::at_rest(&data).await.then_some(())).await;
        quiet.unwrap_or_else(|problem| panic!("{problem}\n{}", self.log()));
        let [first, second] = &mut self.api;
        for process in [&mut self.gateway, first, second, &mut self.worker] {
            assert!(process.terminate().await.unwrap().success(), "{}", process.output().text());
        }
        assert!(!self.log().contains("panicked"), "{}", self.log());
        books::audit(&data).await;
    }
}

/// Keeps asking until it is told to stop, and counts.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(ada: &Client) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let tasks = (0..4).map(|number| {
            let (ada, stop, asked) = (ada.clone(), stop.clone(), asked.clone());
            tokio::spawn(async move {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = if number == 0 {
                        let request = ada.request(reqwest::Method::POST, "/api/albums");
                        ada.try_send(request.json(&json!({"title": "of the load"}))).await
                    } else {
                        ada.try_send(ada.request(reqwest::Method::GET, "/api/timeline")).await
                    };
                    asked.fetch_add(1, Ordering::Relaxed);
                    match answer {
                        Ok(answer) if answer.status < 300 => {}
                        Ok(answer) => failed.push(format!("{number}: {} {}", answer.status, answer.text())),
                        Err(error) => failed.push(format!("{number}: {error:?}")),
                    }
                }
                failed
            })
        });
        let tasks = tasks.collect();
        Self { stop, asked, tasks }
    }

    /// Until so many more were answered.
    async fn goes_on(&self, more: usize) {
        let until = self.asked.load(Ordering::Relaxed) + more;
        eventually("the load", async || (self.asked.load(Ordering::Relaxed) >= until).then_some(())).await.unwrap();
    }

    async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for task in self.tasks {
            failed.extend(task.await.unwrap());
        }
        failed
    }
}

#[tokio::test]
async fn who_signs_in_at_one_goes_on_at_another_while_the_first_dies() {
    let mut parts = Parts::start("").await;
    // The gateway asks each in turn: a sign-in at one of them is used at the other at once.
    let ada = Client::browser(parts.front(), &email("ada"), PASSWORD).await;
    let photo = samples::jpeg(1);
    let asset = ada.upload("one.jpg", &photo).await;
    let shown = ada.processed(asset).await;
    assert_eq!(shown.state, wire::AssetState::Ready);

    parts.api[0].kill().await.unwrap();
    for _ in 0..6 {
        assert_eq!(ada.get("/api/account").await.status, 200, "{}", parts.log());
        assert_eq!(ada.get("/").await.status, 200);
        assert_eq!(ada.get(shown.media.preview.as_ref().unwrap()).await.status, 200);
    }
    // Not only what looks: nothing is sent where nobody listens.
    assert_eq!(ada.post("/api/session/refresh", &json!({})).await.status, 200);
    let second = ada.upload("two.jpg", &samples::jpeg(2)).await;
    assert_eq!(ada.processed(second).await.state, wire::AssetState::Ready);

    // The one that died comes back, and the other may go.
    parts.api[0] = part(parts.data(), "api").listen(parts.api[0].address()).start().await.unwrap();
    parts.api[1].kill().await.unwrap();
    assert_eq!(ada.get("/api/account").await.status, 200);
    parts.api[1] = part(parts.data(), "api").listen(parts.api[1].address()).start().await.unwrap();
    let said = parts.gateway.output().text();
    assert!(said.contains("is not ready, and is sent no requests"), "{said}");
    parts.finish().await;
}

#[tokio::test]
async fn all_but_the_gateway_are_restarted_under_load_and_no_request_fails() {
    let mut parts = Parts::start("").await;
    let ada = Client::browser(parts.front(), &email("ada"), PASSWORD).await;
    let load = Load::start(&ada);
    for number in [0, 1, 0] {
        load.goes_on(40).await;
        parts.api[number].signal(Signal::TERM);
        load.goes_on(10).await;
        assert!(parts.api[number].wait().await.unwrap().success());
        parts.api[number] = part(parts.data(), "api").listen(parts.api[number].address()).start().await.unwrap();
    }
    parts.worker.terminate().await.unwrap();
    parts.worker = part(parts.data(), "worker").spawn().unwrap();
    load.goes_on(40).await;
    let failed = load.end().await;
    assert!(failed.is_empty(), "{} failed, first: {}", failed.len(), failed[0]);
    parts.finish().await;
}

#[tokio::test]
async fn the_gateway_is_restarted_under_load_and_no_request_fails() {
    let mut parts = Parts::start("").await;
    parts.gateway.terminate().await.unwrap();
    // As systemd does, which keeps the socket and passes it to one after the other.
    let socket = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let gateway = || part(parts.folder.path().join("gateway"), "gateway").socket(socket.clone());
    parts.gateway = gateway().start().await.unwrap();
    let ada = Client::browser(parts.front(), &email("ada"), PASSWORD).await;
    let load = Load::start(&ada);
    for _ in 0..3 {
        load.goes_on(40).await;
        assert!(parts.gateway.terminate().await.unwrap().success());
        parts.gateway = gateway().start().await.unwrap();
    }
    load.goes_on(40).await;
    let failed = load.end().await;
    assert!(failed.is_empty(), "{} failed, first: {}", failed.len(), failed[0]);
    assert!(!parts.gateway.output().text().contains("a socket was passed for an address"), "{}", parts.log());
    drop(socket);
    parts.finish().await;
}

#[tokio::test]
async fn upstreams_are_changed_without_a_restart() {
    let parts = Parts::start("").await;
    let ada = Client::browser(parts.front(), &email("ada"), PASSWORD).await;
    let file = parts.folder.path().join("gateway/picup.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let [kept, gone] = parts.api.each_ref().map(|process| process.address());
    let load = Load::start(&ada);
    std::fs::write(&file, before.replace(&format!("http://{gone}"), &format!("http://{gone} drain"))).unwrap();
    parts.gateway.signal(Signal::HUP);
    let sent = |line: &str| line.contains("access:") && line.contains(&format!("upstream=\"{gone}\""));
    let count = || parts.gateway.output().text().lines().filter(|line| sent(line)).count();
    let drained = async || {
        let before = count();
        load.goes_on(20).await;
        (count() == before).then_some(())
    };
    eventually("the end of what is sent there", drained).await.unwrap();
    assert!(parts.gateway.output().text().contains(&format!("upstream=\"{kept}\"")));
    let failed = load.end().await;
    assert!(failed.is_empty(), "{} failed, first: {}", failed.len(), failed[0]);
    parts.finish().await;
}

#[tokio::test]
async fn each_part_is_played_as_often_as_it_may_be() {
    let parts = Parts::start("").await;
    let refused = async |roles: &str| {
        let mut process = part(parts.data(), roles).spawn().unwrap();
        let status = process.wait().await.unwrap();
        assert!(!status.success());
        process.output().text()
    };
    assert!(refused("worker").await.contains("another PicUp is the worker of"));
    assert!(refused("all").await.contains("another PicUp is serving"));
    assert!(refused("gateway").await.contains("needs gateway.balance.upstreams"));
    parts.finish().await;
}

#[tokio::test]
async fn where_photos_are_in_a_folder_one_answers_and_one_works() {
    let folder = fresh_folder();
    let data = folder.path().join("data");
    prepare(&data, "");
    let mut answers = part(data.clone(), "api").start().await.unwrap();
    let mut works = part(data.clone(), "worker").spawn().unwrap();
    let mut second = part(data.clone(), "api").spawn().unwrap();
    assert!(!second.wait().await.unwrap().success());
    let said = second.output().text();
    assert!(said.contains("where photos are in a folder, one PicUp answers"), "{said}");
    let password = folder.path().join("password");
    write_private(&password, PASSWORD);
    make_account(&data, &password, "ada", None).await;
    let ada = Client::program(answers.address(), &email("ada"), PASSWORD).await;
    let asset = ada.upload("one.jpg", &samples::jpeg(1)).await;
    assert_eq!(ada.processed(asset).await.state, wire::AssetState::Ready);
    assert!(answers.terminate().await.unwrap().success() && works.terminate().await.unwrap().success());
    books::audit(&data).await;
    // What others delete is not told to a cache of one part.
    let settings = std::fs::read_to_string(data.join("picup.toml")).unwrap_or_default();
    let cache = folder.path().join("cache");
    std::fs::write(data.join("picup.toml"), format!("edge.cache_dir = \"{}\"\n{settings}", cache.display())).unwrap();
    let mut cached = part(data.clone(), "api").spawn().unwrap();
    assert!(!cached.wait().await.unwrap().success());
    assert!(cached.output().text().contains("put an edge before the bucket"), "{}", cached.output().text());
}
