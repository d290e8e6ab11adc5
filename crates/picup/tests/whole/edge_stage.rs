//! An edge before an origin, with the key that it trusts.

use std::path::{Path, PathBuf};

use picup_delivery::{Form, HashAlgorithm, KeyId, Policy, Resource, SigningKey, signed_url};
use picup_domain::{Clock, SystemClock};
use picup_testkit::{NginxServer, PicupProcess, ProcessBuilder, TempDir, free_address, fresh_folder};

use crate::app::BINARY;

pub(crate) const BASE: &str = "https://photos.example";
pub(crate) const OWNER: &str = "01a22bb4-06cc-7a7d-a47e-4d72eb97345c";

/// A folder of objects as PicUp keeps them, an edge before it, and the key that it trusts.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    key: SigningKey,
    pub(crate) public_keys: PathBuf,
    pub(crate) edge: PicupProcess,
    pub(crate) admin: String,
}

pub(crate) fn key(id: &str) -> SigningKey {
    SigningKey::generate(KeyId::parse(id).unwrap(), &mut rand::rng())
}

/// Puts a video there; its path.
pub(crate) fn put(objects: &Path, name: &str, content: &[u8]) -> String {
    let path = format!("/media/{OWNER}/01a22bb4-06cc-7a7d-a47e-4d72eb97{name}/file/original.1.mp4");
    let file = objects.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
    path
}

impl Stage {
    pub(crate) async fn before(origin: impl FnOnce(&Path) -> String) -> Self {
        Self::before_with(origin, &[]).await
    }

    /// With more arguments.
    pub(crate) async fn before_with(origin: impl FnOnce(&Path) -> String, more: &[String]) -> Self {
        let folder = fresh_folder();
        let objects = folder.path().join("objects");
        std::fs::create_dir_all(&objects).unwrap();
        let (key, public_keys) = (key("K1"), folder.path().join("public.pem"));
        std::fs::write(&public_keys, key.public_key_pem()).unwrap();
        let admin = free_address().to_string();
        // All readers are on this machine.
        let data = folder.path().join("no-data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("picup.toml"), "gateway.connections_per_address = 1100\n").unwrap();
        let process = ProcessBuilder::new(BINARY, data)
            .arg("--roles")
            .arg("edge")
            .arg("--origin")
            .arg(origin(&objects))
            .arg("--public-key")
            .arg(format!("K1={}", public_keys.display()))
            .arg("--public-base")
            .arg(BASE)
            .arg("--cache-dir")
            .arg(folder.path().join("cache"))
            .arg("--cache-memory")
            .arg("8MB")
            .arg("--admin-listen")
            .arg(&admin);
        let edge = more.iter().fold(process, ProcessBuilder::arg).start().await.unwrap();
        Self { folder, key, public_keys, edge, admin: format!("http://{admin}") }
    }

    /// Before nginx, which gives the objects.
    pub(crate) async fn before_nginx() -> (Self, NginxServer) {
        let mut nginx = None;
        let stage = Self::before(|objects| {
            let server = NginxServer::start(objects).unwrap();
            let origin = server.endpoint();
            nginx = Some(server);
            origin
        });
        (stage.await, nginx.unwrap())
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    /// The path and query that open a medium for an hour.
    pub(crate) fn signed(&self, path: &str) -> String {
        signed_by(&self.key, path)
    }

    pub(crate) async fn fetch(&self, path_and_query: &str) -> reqwest::Response {
        reqwest::get(self.edge.url(path_and_query)).await.unwrap()
    }

    pub(crate) async fn count(&self, name: &str) -> u64 {
        let metrics = reqwest::get(format!("{}/metrics", self.admin)).await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("picup_edge_cache_{name} ")));
        line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
    }
}

pub(crate) fn signed_by(key: &SigningKey, path: &str) -> String {
    let (url, now) = (format!("{BASE}{path}"), SystemClock.now().seconds().unsigned_abs());
    let policy = Policy::until(Resource::parse(&url).unwrap(), now + 3_600);
    let url = signed_url(key, HashAlgorithm::Sha256, &url, &policy, Form::Shortest).unwrap();
    url.strip_prefix(BASE).unwrap().to_owned()
}
