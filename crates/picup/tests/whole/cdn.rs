//! A CDN before the bucket: who has the right is sent there, with an address in CloudFront's format that opens one photo for a while; and
//! one that lets others in is not used.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONTENT_TYPE, RANGE};
use axum::http::{Response, StatusCode};
use picup_delivery::{Fetch, KeyId, Keyring, SigningKey, authorise};
use picup_domain::{Clock, SystemClock};
use picup_testkit::{S3Server, samples};
use reqwest::Method;

use crate::app::{TestApp, eventually, write_private};
use crate::buckets::Service;
use crate::client::Client;
use crate::reads::{ask, diagnosis, open};

/// What is before the bucket's part of PicUp: it asks for a signature, unless it is one that was set up badly.
struct Cdn {
    address: SocketAddr,
    key: SigningKey,
}

impl Cdn {
    async fn start(objects: PathBuf, asks: bool) -> Self {
        let key = SigningKey::generate(KeyId::parse("KCDN").unwrap(), &mut rand::rng());
        let ring = Keyring::from_pems([(key.id().clone(), key.public_key_pem().as_str())]).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = async move |ConnectInfo(client): ConnectInfo<SocketAddr>, request: Request| {
            let fetch = Fetch {
                public_base: &format!("http://{address}"),
                path_and_query: request.uri().path_and_query().unwrap().as_str(),
                client: client.ip(),
                now_epoch_s: SystemClock.now().seconds().unsigned_abs(),
                may_verify: true,
            };
            if asks && authorise(&ring, request.headers(), &fetch).is_err() {
                return bare(StatusCode::FORBIDDEN);
            }
            give(&objects, &request)
        };
        let app = Router::new().fallback(answer).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, key }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn settings(&self, service: &Service<S3Server>, key_file: &Path) -> String {
        write_private(key_file, &self.key.to_pem());
        format!(
            "{}store.reads = \"cdn\"\nstore.cdn = \"{}\"\nstore.cdn_key_file = \"{}\"\nstore.cdn_key_id = \"KCDN\"\n",
            service.settings(),
            self.origin(),
            key_file.display()
        )
    }
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// What the bucket holds, all of it or one range.
fn give(objects: &Path, request: &Request) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/');
    let Ok(mut content) = std::fs::read(objects.join(path)) else { return bare(StatusCode::NOT_FOUND) };
    let mut status = StatusCode::OK;
    if let Some(range) = request.headers().get(RANGE) {
        let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        content = content[first.parse().unwrap()..=last.parse().unwrap()].to_vec();
        status = StatusCode::PARTIAL_CONTENT;
    }
    let kind = if path.ends_with(".jpg") { "image/jpeg" } else { "image/png" };
    Response::builder().status(status).header(CONTENT_TYPE, kind).body(content.into()).unwrap()
}

async fn stage(asks: bool) -> (Service<S3Server>, Cdn, TestApp, Client) {
    let service = Service::with(S3Server::start_like_amazon().unwrap());
    let cdn = Cdn::start(service.server.folder().join("picup/family/photos"), asks).await;
    let settings = cdn.settings(&service, &service.key_file().with_file_name("cdn-key"));
    let app = TestApp::builder().account("ada").account("bob").config(settings).start().await;
    let told = if asks { "read from the CDN" } else { "PicUp carries photos and videos" };
    eventually("a probe", async || app.log().contains(told).then_some(())).await.unwrap();
    let ada = app.sign_in_browser("ada").await;
    (service, cdn, app, ada)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_sent_to_the_cdn_and_a_stranger_nowhere() {
    let (service, cdn, app, ada) = stage(true).await;
    let media = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media;
    let other = ada.processed(ada.upload("b.jpg", &samples::jpeg(2)).await).await.media;
    let bob = app.sign_in_browser("bob").await;
    let image = [("sec-fetch-dest", "image")];
    for who in [&app.stranger(), &bob] {
        let refused = ask(who, Method::GET, &media.original, &image).await;
        assert_eq!((refused.status, refused.header("location")), (403, ""));
    }
    let sent = ask(&ada, Method::GET, &media.original, &image).await;
    let address = sent.header("location").to_owned();
    assert_eq!((sent.status, sent.header("cache-control")), (307, "private, max-age=300"), "{}", sent.text());
    assert!(address.starts_with(&format!("{}{}?Expires=", cdn.origin(), media.original)), "{address}");
    let again = ask(&ada, Method::GET, &media.original, &image).await;
    assert_eq!(again.header("location").split("Signature=").next(), address.split("Signature=").next());

    let given = open(&address, &[]).await;
    assert_eq!((given.status, given.header("content-type"), &given.body[..]), (200, "image/jpeg", samples::JPEG));
    assert_eq!(&open(&address, &[("range", "bytes=100-199")]).await.body[..], &samples::JPEG[100..200]);
    let bare = address.split('?').next().unwrap();
    for bad in [bare.to_owned(), address.replace(&media.original, &other.original)] {
        assert_eq!(open(&bad, &[]).await.status, 403, "{bad}");
    }
    // A page of its own and a thumbnail come through PicUp.
    for (path, wanted_for) in [(&media.original, "document"), (media.thumbnail.as_ref().unwrap(), "image")] {
        assert_eq!(ask(&ada, Method::GET, path, &[("sec-fetch-dest", wanted_for)]).await.status, 200);
    }
    let policy = app.stranger().get("/").await;
    assert!(policy.header("content-security-policy").contains(&cdn.origin()), "{policy:?}");
    let told = diagnosis(&app).await;
    assert!(told.contains("\nok storage-reads: ") && told.contains("from the CDN"), "{told}");
    let log = service.finish(app).await;
    assert!(!log.contains("Signature="), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cdn_that_lets_anybody_in_is_not_used() {
    let (service, _cdn, app, ada) = stage(false).await;
    let media = ada.processed(ada.upload("a.jpg", samples::JPEG).await).await.media;
    let carried = ask(&ada, Method::GET, &media.original, &[("sec-fetch-dest", "image")]).await;
    assert_eq!((carried.status, &carried.body[..]), (200, samples::JPEG));
    let told = diagnosis(&app).await;
    assert!(told.contains("\nstorage-reads: ") && told.contains("the signature was left out"), "{told}");
    service.finish(app).await;
}
