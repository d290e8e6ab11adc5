//! Certificates that PicUp fetches itself, from pebble: an authority that refuses every twentieth number it has given, and looks where a
//! real one would.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use picup_testkit::{
    Pebble, PebbleBuilder, PicupProcess, ProcessBuilder, RenewalStandIn, TempDir, free_address, fresh_folder, run,
};
use reqwest::{Certificate, redirect};
use rustix::process::Signal;

use crate::app::{BINARY, eventually, prepare, write_private};

const NAME: &str = "photos.example";

/// A PicUp that fetches certificates.
struct Fetching {
    server: PicupProcess,
    data: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    _folder: TempDir,
}

/// The addresses of one that is yet to begin.
#[derive(Clone, Copy)]
struct Addresses {
    tls: SocketAddr,
    plain: SocketAddr,
}

impl Addresses {
    fn free() -> Self {
        Self { tls: free_address(), plain: free_address() }
    }

    /// An authority that looks there.
    fn pebble(self) -> PebbleBuilder {
        PebbleBuilder::new(self.plain.port(), self.tls.port())
    }
}

impl Fetching {
    /// Begins. `acme` and `tls` are further lines of their sections.
    fn begin(addresses: Addresses, directory: &str, root: &Path, tls: &str, acme: &str) -> Self {
        let folder = fresh_folder();
        let data = folder.path().join("data");
        prepare(
            &data,
            &format!(
                "listen = \"{}\"\npublic_base = \"https://{NAME}:{}\"\n[gateway.tls]\n{tls}\n[gateway.tls.acme]\ndomains = [\"{NAME}\"]\n\
                 directory = \"{directory}\"\nroot_file = \"{}\"\n{acme}\n",
                addresses.tls,
                addresses.tls.port(),
                root.display()
            ),
        );
        let admin = free_address();
        let builder = ProcessBuilder::new(BINARY, &data).listen(addresses.tls);
        let server = builder.arg("--admin-listen").arg(admin.to_string()).spawn().unwrap();
        Self { server, data, address: addresses.tls, admin, _folder: folder }
    }

    /// By the first way: with a listener for who comes without TLS.
    fn redirecting(addresses: Addresses, directory: &str, root: &Path) -> Self {
        Self::begin(addresses, directory, root, &format!("redirect_listen = \"{}\"", addresses.plain), "")
    }

    fn acme(&self, name: &str) -> PathBuf {
        self.data.join("acme").join(name)
    }

    fn log(&self) -> String {
        self.server.output().text()
    }

    async fn says(&self, what: &str) {
        let said = eventually(what, async || self.log().contains(what).then_some(())).await;
        said.unwrap_or_else(|late| panic!("{late}\n{}", self.log()));
    }

    async fn ready(&self, client: &reqwest::Client) {
        let ready = async || is_ready(client, self.address).await.then_some(());
        eventually("an answer over that certificate", ready)
            .await
            .unwrap_or_else(|late| panic!("{late}\n{}", self.log()));
    }

    async fn metrics(&self) -> String {
        let asked = reqwest::Client::builder().no_proxy().build().unwrap();
        asked.get(format!("http://{}/metrics", self.admin)).send().await.unwrap().text().await.unwrap()
    }

    /// Waits until that is written down.
    async fn noted(&self, what: &str) {
        let read = || std::fs::read_to_string(self.acme("state.json")).unwrap_or_default();
        let noted = eventually(what, async || read().contains(what).then_some(())).await;
        noted.unwrap_or_else(|late| panic!("{late}\n{}\n{}", read(), self.log()));
    }

    fn certificate(&self) -> String {
        std::fs::read_to_string(self.acme("certificate-and-key.pem")).unwrap_or_default()
    }

    async fn stop(mut self) {
        self.server.signal(Signal::TERM);
        let status = self.server.wait().await.unwrap();
        assert!(status.success() && !self.log().contains("panicked"), "{}", self.log());
    }
}

async fn is_ready(client: &reqwest::Client, address: SocketAddr) -> bool {
    let asked = client.get(format!("https://{NAME}:{}/ready", address.port())).send().await;
    asked.is_ok_and(|answer| answer.status() == 200)
}

/// A browser that knows this authority alone, and finds the name at that address.
fn browser(authority: &[u8], address: SocketAddr) -> reqwest::Client {
    let trusted = Certificate::from_pem(authority).unwrap();
    let builder = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none());
    builder.tls_certs_only([trusted]).resolve(NAME, address).build().unwrap()
}

#[tokio::test]
async fn a_first_certificate_comes_by_http_and_a_stranger_finds_nothing_wrong() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().start().unwrap();
    let tls = format!("redirect_listen = \"{}\"", addresses.plain);
    let (more, begun) = ("contact = \"ada@example.org\"", Instant::now());
    let picup = Fetching::begin(addresses, &pebble.directory(), &pebble.root_file(), &tls, more);
    picup.says("a new certificate is there").await;
    println!("{} ms from the start to the first certificate", begun.elapsed().as_millis());
    let authority = pebble.issues_by().await.unwrap();
    let client = browser(&authority, picup.address);
    picup.ready(&client).await;
    let log = picup.log();
    assert!(log.contains("one that no browser trusts") && log.contains("http-01"), "{log}");

    let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(picup.data.join("acme")), 0o700);
    for entry in std::fs::read_dir(picup.data.join("acme")).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
    let metrics = picup.metrics().await;
    for line in
        ["acme_attempts_total{result=\"issued\"} 1", "tls_handshakes_total{protocol=\"TLSv1.3\",result=\"done\"}"]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let until = metrics.lines().find_map(|line| line.strip_prefix("tls_certificate_not_after_seconds "));
    let days = (until.unwrap().parse::<f64>().unwrap() - now()) / 86_400.0;
    assert!((89.0..91.0).contains(&days), "{days}");

    // As a stranger who looks for weak spots.
    let root = picup.data.join("authority.pem");
    std::fs::write(&root, &authority).unwrap();
    let looked = picup_testkit::sslyze::look(NAME, picup.address, &root, "intermediate").await.unwrap();
    looked.unwrap_or_else(|found| panic!("{found}"));

    let diagnosis = run(BINARY, ["doctor", "--data-dir", picup.data.to_str().unwrap()]).await.unwrap().stdout;
    for row in ["ok    certificate ", "ok    acme ", "PicUp answers at"] {
        assert!(diagnosis.contains(row), "{row}: {diagnosis}");
    }
    picup.stop().await;
}

/// Seconds since 1970: of the clock that certificates are held against.
#[allow(clippy::disallowed_methods, reason = "pebble and PicUp go by it")]
fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[tokio::test]
async fn without_anybody_at_port_80_it_comes_by_tls_alone() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().start().unwrap();
    let picup = Fetching::begin(addresses, &pebble.directory(), &pebble.root_file(), "", "");
    picup.says("a new certificate is there").await;
    picup.ready(&browser(&pebble.issues_by().await.unwrap(), picup.address)).await;
    assert!(picup.log().contains("tls-alpn-01") && !picup.log().contains("http-01"), "{}", picup.log());
    assert!(picup.metrics().await.contains("result=\"challenge\"}"), "{}", picup.metrics().await);
    picup.stop().await;
}

#[tokio::test]
async fn where_one_way_fails_the_other_is_taken() {
    let addresses = Addresses::free();
    // Nobody is at the port where it looks without TLS.
    let pebble = PebbleBuilder::new(free_address().port(), addresses.tls.port()).start().unwrap();
    let picup = Fetching::redirecting(addresses, &pebble.directory(), &pebble.root_file());
    picup.says("no certificate came").await;
    assert!(picup.log().contains("did not see that the names are ours: photos.example: "), "{}", picup.log());
    picup.server.signal(Signal::HUP);
    picup.ready(&browser(&pebble.issues_by().await.unwrap(), picup.address)).await;
    picup.noted("\"challenge\": \"tls-alpn-01\"").await;
    picup.noted("\"failures\": 0").await;
    picup.stop().await;
}

/// A PicUp that has its certificate, and has asked when to renew it: not for long.
async fn renewed_later() -> (Pebble, RenewalStandIn, Fetching, reqwest::Client) {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().start().unwrap();
    let stand_in = RenewalStandIn::before(&pebble, "2090-01-01T00:00:00Z", "2090-01-02T00:00:00Z").await.unwrap();
    let picup = Fetching::redirecting(addresses, &stand_in.directory(), &pebble.root_file());
    picup.says("a new certificate is there").await;
    let client = browser(&pebble.issues_by().await.unwrap(), picup.address);
    picup.ready(&client).await;
    let asked = async || (!stand_in.asked().is_empty()).then_some(());
    eventually("the question when to renew", asked).await.unwrap();
    (pebble, stand_in, picup, client)
}

#[tokio::test]
async fn a_renewal_at_the_authoritys_wish_ends_nothing() {
    let (pebble, stand_in, picup, client) = renewed_later().await;
    let first = picup.certificate();

    // People go on looking, on one connection and on new ones.
    let (base, address) = (format!("https://{NAME}:{}/live", picup.address.port()), picup.address);
    let authority = pebble.issues_by().await.unwrap();
    let renewed = Arc::new(AtomicBool::new(false));
    let has_renewed = Arc::clone(&renewed);
    let asking = tokio::spawn(async move {
        let (mut asked, mut failed) = (0_u32, 0_u32);
        while asked < 100 || !has_renewed.load(Ordering::SeqCst) {
            let anew = browser(&authority, address);
            for client in [&client, &anew] {
                asked += 1;
                let answer = client.get(&base).send().await;
                failed += u32::from(!answer.is_ok_and(|answer| answer.status() == 200));
            }
        }
        (asked, failed)
    });
    // Something went wrong there: all certificates are to be replaced at once.
    stand_in.wish("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    picup.server.signal(Signal::HUP);
    let another = eventually("another certificate", async || (picup.certificate() != first).then_some(())).await;
    another.unwrap_or_else(|late| panic!("{late}\n{}", picup.log()));
    let counted = async || picup.log().contains("the new certificate is in use").then_some(());
    eventually("that it is served", counted).await.unwrap();
    renewed.store(true, Ordering::SeqCst);
    let (asked, failed) = asking.await.unwrap();
    println!("{asked} requests while the certificate was renewed, {failed} of them failed");
    assert_eq!(failed, 0);
    assert_eq!(stand_in.replaced(), stand_in.asked()[..1], "the authority was told which one it replaces");
    assert!(picup.metrics().await.contains("acme_attempts_total{result=\"issued\"} 2"));
    picup.stop().await;
}

#[tokio::test]
async fn an_authority_that_is_down_at_the_start_is_waited_for() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble();
    let (directory, folder) = (pebble.directory(), fresh_folder());
    // What it will be known by is made when it starts: until then, anything.
    let root = folder.path().join("root.pem");
    std::fs::write(&root, rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap().cert.pem()).unwrap();
    let mut picup = Fetching::redirecting(addresses, &directory, &root);
    picup.says("no certificate came").await;
    // It serves meanwhile, over one that nobody trusts.
    let temporary = browser(picup.certificate().as_bytes(), picup.address);
    picup.ready(&temporary).await;
    picup.noted("\"failures\": 1").await;
    let diagnosis = run(BINARY, ["doctor", "--data-dir", picup.data.to_str().unwrap()]).await.unwrap().stdout;
    assert!(diagnosis.contains("FAIL  certificate ") && diagnosis.contains("FAIL  acme "), "{diagnosis}");

    let pebble = pebble.start().unwrap();
    std::fs::copy(pebble.root_file(), &root).unwrap();
    let notes = std::fs::read_to_string(picup.acme("state.json")).unwrap();
    // A restart alone asks for nothing before its time: supervisors restart without end.
    picup.server = picup.server.restart_unready().await.unwrap();
    picup.ready(&temporary).await;
    assert_eq!(std::fs::read_to_string(picup.acme("state.json")).unwrap(), notes);
    picup.server.signal(Signal::HUP);
    picup.ready(&browser(&pebble.issues_by().await.unwrap(), picup.address)).await;
    picup.stop().await;
}

#[tokio::test]
async fn while_the_names_are_elsewhere_the_old_certificate_stays() {
    let (pebble, stand_in, picup, client) = renewed_later().await;
    let first = picup.certificate();

    pebble.names_are_at(Ipv4Addr::new(127, 0, 0, 77)).await.unwrap();
    stand_in.wish("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    picup.server.signal(Signal::HUP);
    picup.says("no certificate came").await;
    picup.ready(&client).await;
    assert_eq!(picup.certificate(), first);
    let log = picup.log();
    assert!(log.contains("stays in use") && log.contains("A SIGHUP tries at once"), "{log}");
    picup.noted("\"failures\": 1").await;
    let diagnosis = run(BINARY, ["doctor", "--data-dir", picup.data.to_str().unwrap()]).await.unwrap().stdout;
    assert!(diagnosis.contains("ok    certificate ") && diagnosis.contains("FAIL  acme "), "{diagnosis}");

    pebble.names_are_at(Ipv4Addr::LOCALHOST).await.unwrap();
    picup.server.signal(Signal::HUP);
    let renewed = eventually("another certificate", async || (picup.certificate() != first).then_some(())).await;
    renewed.unwrap_or_else(|late| panic!("{late}\n{}", picup.log()));
    picup.stop().await;
}

#[tokio::test]
async fn who_is_killed_goes_on_with_the_account_and_the_certificate_it_has() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().start().unwrap();
    let mut picup = Fetching::redirecting(addresses, &pebble.directory(), &pebble.root_file());
    picup.says("a new certificate is there").await;
    let client = browser(&pebble.issues_by().await.unwrap(), picup.address);
    picup.ready(&client).await;
    let settled = async || std::fs::read_to_string(picup.acme("state.json")).ok().filter(|notes| asks_later(notes));
    eventually("the question when to renew", settled).await.unwrap();
    let (first, said) = (picup.certificate(), pebble.said());

    picup.server = picup.server.restart_unready().await.unwrap();
    picup.ready(&client).await;
    assert_eq!(pebble.said(), said, "nothing is asked for while the certificate is good");
    assert_eq!(picup.certificate(), first);

    // Killed after it had made its key, and before it knew the account's name.
    picup.server.kill().await.unwrap();
    let account = std::fs::read_dir(picup.data.join("acme")).unwrap().map(|entry| entry.unwrap().path());
    let account = account.into_iter().find(|path| path.to_string_lossy().contains("account-")).unwrap();
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&account).unwrap()).unwrap();
    kept["url"] = serde_json::Value::Null;
    std::fs::write(&account, kept.to_string()).unwrap();
    std::fs::remove_file(picup.acme("certificate-and-key.pem")).unwrap();
    std::fs::remove_file(picup.acme("state.json")).unwrap();
    picup.server = picup.server.restart_unready().await.unwrap();
    picup.ready(&client).await;
    assert_eq!(pebble.accounts(), 1, "{}", pebble.said());

    // One that the authority knows no more is asked for again.
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&account).unwrap()).unwrap();
    let spoilt = kept.to_string().replace("/my-account/", "/my-account/9");
    assert_ne!(spoilt, kept.to_string());
    picup.server.kill().await.unwrap();
    std::fs::write(&account, spoilt).unwrap();
    std::fs::remove_file(picup.acme("certificate-and-key.pem")).unwrap();
    picup.server = picup.server.restart_unready().await.unwrap();
    picup.says("accountDoesNotExist").await;
    picup.noted("\"failures\": 1").await;
    picup.server.signal(Signal::HUP);
    picup.ready(&client).await;
    assert_eq!(pebble.accounts(), 1, "{}", pebble.said());
    picup.stop().await;
}

/// Whether the notes say that the authority is not to be asked for hours.
fn asks_later(notes: &str) -> bool {
    let notes: serde_json::Value = serde_json::from_str(notes).unwrap_or_default();
    notes["ask_at"].as_f64().is_some_and(|at| at > now() + 3_600.0)
}

#[tokio::test]
async fn another_gateway_serves_what_one_has_fetched() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().start().unwrap();
    let picup = Fetching::redirecting(addresses, &pebble.directory(), &pebble.root_file());
    picup.says("one that no browser trusts").await;
    // Told of the file, at a time when there is nothing better in it.
    let other = free_address();
    let (file, folder) = (picup.acme("certificate-and-key.pem"), fresh_folder());
    let data = folder.path().join("data");
    prepare(
        &data,
        &format!(
            "public_base = \"https://{NAME}:{}\"\n[gateway.tls]\ncertificate_file = \"{file}\"\nkey_file = \"{file}\"\n",
            other.port(),
            file = file.display()
        ),
    );
    let mut second = ProcessBuilder::new(BINARY, &data).listen(other).arg("--admin-listen").arg("").spawn().unwrap();
    picup.says("a new certificate is there").await;
    let client = browser(&pebble.issues_by().await.unwrap(), other);
    let ready = async || is_ready(&client, other).await.then_some(());
    eventually("the second gateway over it", ready)
        .await
        .unwrap_or_else(|late| panic!("{late}\n{}", second.output().text()));

    // An edge in the same folder, told to fetch too, leaves that to the one that does.
    let (edge_address, media) = (free_address(), fresh_folder());
    let secret = folder.path().join("secret");
    write_private(&secret, "a-secret-of-more-than-32-characters");
    let text = std::fs::read_to_string(picup.data.join("picup.toml")).unwrap();
    let text = text.lines().filter(|line| !line.starts_with("redirect_listen")).collect::<Vec<_>>().join("\n");
    let settings = folder.path().join("edge.toml");
    std::fs::write(&settings, text).unwrap();
    let origin = format!("file:{}", media.path().display());
    let mut edge = ProcessBuilder::new(BINARY, &picup.data).listen(edge_address);
    for argument in ["--admin-listen", "", "--roles", "edge", "--origin", &origin, "--cache-dir"] {
        edge = edge.arg(argument);
    }
    let edge = edge.arg(folder.path().join("cache")).arg("--edges-secret").arg(&secret).arg("--config").arg(&settings);
    let mut edge = edge.spawn().unwrap();
    let client = browser(&pebble.issues_by().await.unwrap(), edge_address);
    let ready = async || is_ready(&client, edge_address).await.then_some(());
    eventually("the edge over it", ready).await.unwrap_or_else(|late| panic!("{late}\n{}", edge.output().text()));
    let left = async || edge.output().text().contains("another process fetches certificates here").then_some(());
    eventually("that it leaves that to the other", left).await.unwrap();
    assert_eq!(pebble.accounts(), 1);
    for server in [&mut second, &mut edge] {
        server.signal(Signal::TERM);
        assert!(server.wait().await.unwrap().success());
    }
    picup.stop().await;
}

#[tokio::test]
async fn an_authority_for_customers_alone_is_shown_who_asks() {
    let addresses = Addresses::free();
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let pebble = addresses.pebble().for_customer("customer-7", key).start().unwrap();
    let folder = fresh_folder();
    let file = folder.path().join("key");
    write_private(&file, key);
    let more = format!("account_key_id = \"customer-7\"\naccount_key_file = \"{}\"", file.display());
    let picup = Fetching::begin(addresses, &pebble.directory(), &pebble.root_file(), "", &more);
    picup.ready(&browser_when_issued(&pebble, &picup).await).await;
    picup.stop().await;
}

#[tokio::test]
async fn a_short_life_is_renewed_again_and_again_without_a_word_of_the_authority() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().life(Duration::from_secs(12)).remembering().start().unwrap();
    let picup = Fetching::begin(addresses, &pebble.directory(), &pebble.root_file(), "", "");
    let client = browser_when_issued(&pebble, &picup).await;
    picup.ready(&client).await;
    let issued = async || picup.metrics().await.contains("acme_attempts_total{result=\"issued\"} 3").then_some(());
    eventually("two renewals", issued).await.unwrap_or_else(|late| panic!("{late}\n{}", picup.log()));
    picup.ready(&client).await;
    picup.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_over_is_served_all_the_same_and_that_is_told() {
    let addresses = Addresses::free();
    let pebble = addresses.pebble().life(Duration::from_secs(6)).start().unwrap();
    let picup = Fetching::begin(addresses, &pebble.directory(), &pebble.root_file(), "", "");
    picup.says("a new certificate is there").await;
    // For good.
    drop(pebble);
    picup.says("the certificate is over, and is served all the same").await;
    let careless = reqwest::Client::builder().no_proxy().resolve(NAME, picup.address);
    picup.ready(&careless.tls_danger_accept_invalid_certs(true).build().unwrap()).await;
    picup.noted("\"error\": \"").await;
    let diagnosis = run(BINARY, ["doctor", "--data-dir", picup.data.to_str().unwrap()]).await.unwrap().stdout;
    assert!(diagnosis.contains("over since") && diagnosis.contains("FAIL  acme "), "{diagnosis}");
    picup.stop().await;
}

async fn browser_when_issued(pebble: &Pebble, picup: &Fetching) -> reqwest::Client {
    picup.says("a new certificate is there").await;
    browser(&pebble.issues_by().await.unwrap(), picup.address)
}
