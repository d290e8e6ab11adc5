//! What stands before all else, on a whole PicUp: limits that hold without being asked for, networks, proxies that are believed, TLS,
//! and the log of requests. What changes in a file holds without a restart.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use futures_util::future::join_all;
use picup_testkit::{NginxServer, PicupProcess, ProcessBuilder, free_address, fresh_folder};
use reqwest::{Certificate, Method, StatusCode, redirect};
use rustix::process::Signal;

use crate::app::{BINARY, TestApp, eventually, prepare};
use crate::client::Client;

async fn statuses(urls: impl IntoIterator<Item = String>) -> Vec<u16> {
    let http = Client::stranger(([127, 0, 0, 1], 1).into()).http;
    let asked = urls.into_iter().map(|url| http.get(url).send());
    join_all(asked).await.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect()
}

fn count(statuses: &[u16], of: u16) -> usize {
    statuses.iter().filter(|status| **status == of).count()
}

#[tokio::test]
async fn limits_hold_without_any_configuration() {
    let app = TestApp::builder().account("ada").start().await;
    let stranger = app.stranger();
    // Nothing that costs a password's time, and no wrong guess either.
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.extend(join_all((0..100).map(|_| stranger.post("/api/session", "no object"))).await);
    }
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!((100..250).contains(&refused.len()), "{}", refused.len());
    let problem = refused[0].refused(429);
    assert_eq!(problem.r#type, "urn:picup:too-many-requests");
    assert!(refused[0].header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(refused[0].header("ratelimit-policy").starts_with("\"sign_in\";q=100;"));
    assert_eq!(stranger.get("/api/setup").await.status, 200, "another class");
    // What moves logs away may say so to one that has no file of its own.
    app.server.signal(Signal::USR1);
    app.server.signal(Signal::HUP);
    assert_eq!(stranger.get("/live").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn ten_at_once_with_a_burst_of_five_beside_nginx() {
    let folder = fresh_folder();
    std::fs::write(folder.path().join("index.html"), "x").unwrap();
    for (ours, nginx) in [("1/m burst 5", "burst=5 nodelay"), ("60/m burst 5 delay", "burst=5")] {
        let app = TestApp::builder().config(format!("gateway.limits.health = \"{ours}\"")).start().await;
        // The start has looked whether it is ready.
        let said = statuses((0..10).map(|_| app.server.url("/media/x"))).await;
        assert_eq!(count(&said, 403), 10, "media have another limit: {said:?}");
        app.finish().await;

        let app = TestApp::builder().config(format!("gateway.limits.page = \"{ours}\"")).start().await;
        let said = statuses((0..10).map(|_| app.server.url("/"))).await;
        assert_eq!((count(&said, 200), count(&said, 429)), (5, 5), "{ours}: {said:?}");
        let zone = "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;";
        let server = NginxServer::start_saying(folder.path(), zone, &format!("limit_req zone=z {nginx};")).unwrap();
        let peer = statuses((0..10).map(|_| format!("{}/index.html", server.endpoint()))).await;
        println!(
            "{ours}: 5 times 200, 5 times 429; nginx with {nginx}: {} times 200, {} times 503",
            count(&peer, 200),
            count(&peer, 503)
        );
        assert_eq!((count(&peer, 200), count(&peer, 503)), (6, 4), "nginx lets one through beside its burst");
        app.finish().await;
    }
}

#[tokio::test]
async fn networks_are_closed_and_opened_without_a_restart() {
    let settings = "gateway.networks.admin.allow = [\"192.0.2.0/24\"]\n";
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let ada = app.sign_in_admin().await;
    let answer = ada.get("/api/admin/system").await;
    assert_eq!(answer.refused(403).r#type, "urn:picup:from-here");
    assert_eq!(ada.get("/api/account").await.status, 200);
    // The API knows its paths by their bytes: no other spelling gets there.
    assert_eq!(ada.get("/api/%61dmin/system").await.status, 404);

    let file = app.data().join("picup.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, before.replace("192.0.2.0/24", "127.0.0.0/8")).unwrap();
    app.server.signal(Signal::HUP);
    let opened = eventually("the new list", async || (ada.get("/api/admin/system").await.status == 200).then_some(()));
    opened.await.unwrap();

    // A list that makes no sense changes nothing, and is told.
    std::fs::write(&file, before.replace("192.0.2.0/24", "everywhere")).unwrap();
    app.server.signal(Signal::HUP);
    let told =
        eventually("the mistake in the log", async || app.log().contains("those that were stay in use").then_some(()));
    told.await.unwrap();
    // Nor does a file that is away: there is none without rules by that.
    std::fs::write(&file, before.replace("192.0.2.0/24", "198.51.100.0/24")).unwrap();
    app.server.signal(Signal::HUP);
    let closed = eventually("the list", async || (ada.get("/api/admin/system").await.status == 403).then_some(()));
    closed.await.unwrap();
    let away = app.path("away.toml");
    std::fs::rename(&file, &away).unwrap();
    app.server.signal(Signal::HUP);
    let told = eventually("that it is away", async || app.log().contains("cannot be read: No such file").then_some(()));
    told.await.unwrap();
    assert_eq!(ada.get("/api/admin/system").await.status, 403);
    std::fs::rename(&away, &file).unwrap();
    let log = app.finish().await;
    assert!(log.contains("'everywhere' is no address or network"), "{log}");
}

/// A client that connects from that address of loopback.
async fn asked_from(from: [u8; 4], url: &str, header: &str) -> StatusCode {
    let http = reqwest::Client::builder().no_proxy().local_address(IpAddr::from(from)).build().unwrap();
    http.get(url).header("x-forwarded-for", header).send().await.unwrap().status()
}

#[tokio::test]
async fn behind_nginx_everybody_is_who_nginx_says() {
    let settings = "gateway.trusted_proxies = [\"127.0.0.1\"]\ngateway.limits.page = \"1/m burst 2\"\n";
    let app = TestApp::builder().config(settings).start().await;
    let root = fresh_folder();
    let proxy = format!(
        "location / {{ proxy_pass {}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }}",
        app.server.url("").trim_end_matches('/')
    );
    let nginx = NginxServer::start_saying(root.path(), "", &proxy).unwrap();
    let at_nginx = format!("{}/", nginx.endpoint());
    for from in [2, 3] {
        for expected in [200, 200, 429] {
            // Whatever it says of itself.
            let status = asked_from([127, 0, 0, from], &at_nginx, &format!("198.51.100.{expected}")).await;
            assert_eq!(status, expected, "from 127.0.0.{from}");
        }
    }
    // Who is no trusted proxy is believed nothing.
    let straight = app.server.url("/");
    for expected in [200, 200, 429] {
        assert_eq!(asked_from([127, 0, 0, 4], &straight, &format!("198.51.100.{expected}")).await, expected);
    }
    let log = app.finish().await;
    for client in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        assert!(log.contains(&format!("client=\"{client}\"")), "{client}: {log}");
    }
    assert!(!log.contains("198.51.100."), "{log}");
}

/// Makes a certificate for photos.example, signed by its own key.
pub(crate) fn make_certificate(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=photos.example -addext basicConstraints=CA:FALSE \
                     -addext subjectAltName=DNS:photos.example";
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    let made = command.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// A client that trusts the certificate of that file alone.
pub(crate) fn trusting(certificate: &Path, address: SocketAddr) -> reqwest::Client {
    let trusted = Certificate::from_pem(&std::fs::read(certificate).unwrap()).unwrap();
    let builder = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none());
    builder.tls_certs_only([trusted]).resolve("photos.example", address).build().unwrap()
}

#[tokio::test]
async fn a_certificate_is_served_and_a_new_one_takes_its_place() {
    let folder = fresh_folder();
    let (certificate, key) = make_certificate(folder.path());
    let (address, plain) = (free_address(), free_address());
    let settings = format!(
        "public_base = \"https://photos.example:{}\"\n[gateway.tls]\ncertificate_file = \"{}\"\nkey_file = \"{}\"\nredirect_listen = \"{plain}\"\n",
        address.port(),
        certificate.display(),
        key.display()
    );
    let data = folder.path().join("data");
    prepare(&data, &settings);
    let mut server: PicupProcess =
        ProcessBuilder::new(BINARY, &data).listen(address).arg("--admin-listen").arg("").spawn().unwrap();
    let old = trusting(&certificate, address);
    let base = format!("https://photos.example:{}", address.port());
    let ready = async |http: &reqwest::Client| {
        let answer = http.get(format!("{base}/ready")).send().await.ok()?;
        (answer.status() == 200).then_some(answer)
    };
    let answer = eventually("a PicUp over TLS", async || ready(&old).await).await;
    let answer = answer.unwrap_or_else(|late| panic!("{late}\n{}", server.output().text()));
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");

    // As a stranger who looks for weak spots.
    let looked = picup_testkit::sslyze::look("photos.example", address, &certificate, "intermediate").await.unwrap();
    looked.unwrap_or_else(|found| panic!("{found}"));

    // Who comes without is sent there, with what was asked; nothing else is answered.
    let asked = old.request(Method::POST, format!("http://{plain}/api/session?a=b")).send().await.unwrap();
    assert_eq!(
        (asked.status().as_u16(), &asked.headers()["location"]),
        (308, &format!("{base}/api/session?a=b").parse().unwrap())
    );

    // A key that others can read is refused, as is a certificate that it is not the key of: the old one stays. Then both are in place.
    let fresh = fresh_folder();
    let (new_certificate, new_key) = make_certificate(fresh.path());
    for (open, says) in [(true, "chmod 600"), (false, "cannot be served together")] {
        std::fs::copy(&new_certificate, &certificate).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(if open { 0o640 } else { 0o600 })).unwrap();
        server.signal(Signal::HUP);
        let told = async || server.output().text().contains(says).then_some(());
        eventually(says, told).await.unwrap();
    }
    assert!(ready(&old).await.is_some());
    std::fs::copy(&new_key, &key).unwrap();
    server.signal(Signal::HUP);
    let new = trusting(&certificate, address);
    eventually("the new certificate", async || ready(&new).await).await.unwrap();
    let late = trusting(&new_certificate, address);
    assert!(ready(&late).await.is_some());
    server.signal(Signal::TERM);
    assert!(server.wait().await.unwrap().success());
}

#[tokio::test]
async fn modern_is_what_mozilla_calls_modern() {
    let folder = fresh_folder();
    let (certificate, key) = make_certificate(folder.path());
    let address = free_address();
    let settings = format!(
        "public_base = \"https://photos.example:{}\"\n[gateway.tls]\nprofile = \"modern\"\ncertificate_file = \"{}\"\nkey_file = \"{}\"\n",
        address.port(),
        certificate.display(),
        key.display()
    );
    let data = folder.path().join("data");
    prepare(&data, &settings);
    let server = ProcessBuilder::new(BINARY, &data).listen(address).arg("--admin-listen").arg("");
    let mut server: PicupProcess = server.spawn().unwrap();
    let client = trusting(&certificate, address);
    let url = format!("https://photos.example:{}/ready", address.port());
    let ready = async || client.get(&url).send().await.ok().filter(|answer| answer.status() == 200);
    eventually("a PicUp over TLS", ready).await.unwrap_or_else(|late| panic!("{late}\n{}", server.output().text()));
    let looked = picup_testkit::sslyze::look("photos.example", address, &certificate, "modern").await.unwrap();
    looked.unwrap_or_else(|found| panic!("{found}"));

    // Who says http:// to it is told what to say.
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let told = plain.get(format!("http://{address}/")).send().await.unwrap();
    assert_eq!(told.status(), 400);
    assert!(told.text().await.unwrap().contains("This port speaks HTTPS"));
    server.signal(Signal::TERM);
    assert!(server.wait().await.unwrap().success());
}

#[tokio::test]
async fn no_line_is_lost_when_the_access_log_is_moved_away() {
    let folder = fresh_folder();
    let log = folder.path().join("access.log");
    let settings = format!("log.access_format = \"combined\"\nlog.access_file = \"{}\"\n", log.display());
    let app = TestApp::builder().account("ada").config(settings).start().await;
    let ada = app.sign_in_browser("ada").await;
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    let (mut asked, begun, moved) = (0, lines(&log), folder.path().join("access.log.1"));
    for number in 0..60 {
        if number == 20 {
            std::fs::rename(&log, &moved).unwrap();
        }
        if number == 40 {
            app.server.signal(Signal::USR1);
            eventually("the new file", async || log.exists().then_some(())).await.unwrap();
        }
        let request = ada.request(Method::GET, "/api/timeline?token=hush");
        let request =
            request.header("referer", "https://photos.example/a?Signature=hush").header("user-agent", "a \"b\"");
        ada.send(request).await;
        asked += 1;
    }
    let written = async || (lines(&moved) + lines(&log) == begun + asked).then_some(());
    eventually("a line for each request", written).await.unwrap();
    let last = std::fs::read_to_string(&log).unwrap();
    let last = last.lines().last().unwrap();
    let begins = last.starts_with("127.0.0.1 - - [") && last.contains("] \"GET /api/timeline HTTP/1.1\" ");
    assert!(
        begins && last.contains(" \"https://photos.example/a\" \"a \\x22b\\x22\" 0.") && last.ends_with(" -"),
        "{last}"
    );
    for file in [&log, &moved] {
        assert!(!std::fs::read_to_string(file).unwrap().contains("hush"));
    }
    let said = app.finish().await;
    assert!(!said.contains("access:"), "{said}");
}
