//! What is shipped for Prometheus and Grafana names metrics that PicUp has, and every alert has a section that says what to do.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use picup_testkit::{PicupProcess, ProcessBuilder, PrometheusServer, TempDir, free_address, fresh_folder, run};
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::app::{BINARY, eventually, prepare};
use crate::client::Client;
use crate::prometheus::{rules, wait_for};

const DASHBOARD: &str = include_str!("../../../../deploy/grafana/picup.json");
const PAGE: &str = include_str!("../../../../docs/operations/metrics.md");
/// What names of metrics begin with.
const FAMILIES: [&str; 7] = ["acme_", "client_", "delivery_", "http_server_", "nginx_", "picup_", "tls_"];

/// Where those are registered that have no sample before something has happened: a copy, an upload, a replica.
const SOURCES: [&str; 6] = [
    include_str!("../../../app/src/backup/metrics.rs"),
    include_str!("../../../app/src/metrics.rs"),
    include_str!("../../../database/src/metrics.rs"),
    include_str!("../../../gateway/src/metrics.rs"),
    include_str!("../../../media/src/metrics.rs"),
    include_str!("../../../storage/src/metrics.rs"),
];

/// A PicUp with all that has metrics of its own, and a gateway before nothing.
struct Stage {
    processes: [PicupProcess; 2],
    admins: [std::net::SocketAddr; 2],
    plain: std::net::SocketAddr,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = fresh_folder();
        let (plain, admins) = (free_address(), [free_address(), free_address()]);
        let settings = format!(
            "public_base = \"https://photos.example\"\nedge.cache_dir = \"{}\"\n\
             [gateway.tls]\nredirect_listen = \"{plain}\"\n\
             [gateway.tls.acme]\ndomains = [\"photos.example\"]\ndirectory = \"https://127.0.0.1:1/directory\"\n\
             [backup.destinations.cellar]\nurl = \"{}\"\n",
            folder.path().join("cache").display(),
            folder.path().join("cellar").display(),
        );
        std::fs::create_dir(folder.path().join("cellar")).unwrap();
        let begin = |name: &str, roles: &str, settings: &str, admin: std::net::SocketAddr| {
            let data = folder.path().join(name);
            prepare(&data, settings);
            let process = ProcessBuilder::new(BINARY, data).arg("--roles").arg(roles);
            process.arg("--admin-listen").arg(admin.to_string()).spawn().unwrap()
        };
        let gateway = "[gateway.balance]\nupstreams = [\"http://127.0.0.1:1\"]\n";
        let processes = [begin("data", "all", &settings, admins[0]), begin("gateway", "gateway", gateway, admins[1])];
        let stage = Self { processes, admins, plain, folder };
        for number in [0, 1] {
            let live = eventually("the admin listener", async || stage.metrics(number, "text/plain").await).await;
            live.unwrap_or_else(|late| panic!("{late}\n{}", stage.processes[number].output().text()));
        }
        stage.is_asked().await;
        stage
    }

    /// By TLS, without it, and through the gateway: most is counted from the first request on.
    async fn is_asked(&self) {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none());
        let http = http.tls_danger_accept_invalid_certs(true).build().unwrap();
        let [all, gateway] = self.processes.each_ref().map(PicupProcess::address);
        for (url, status) in [
            (format!("https://{all}/api/setup"), 200),
            (format!("http://{}/photos", self.plain), 308),
            (format!("http://{gateway}/api/setup"), 502),
        ] {
            let answer = async || Some(http.get(&url).send().await.ok()?.status().as_u16());
            assert_eq!(eventually(&url, answer).await.unwrap(), status, "{url}");
        }
    }

    async fn metrics(&self, number: usize, accept: &str) -> Option<String> {
        let url = format!("http://{}/metrics", self.admins[number]);
        let http = Client::stranger(self.admins[number]).http;
        http.get(url).header(ACCEPT, accept).send().await.ok()?.text().await.ok()
    }

    /// The names of all samples of theirs that there are, or may be.
    async fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for number in [0, 1] {
            names.extend(samples(&self.metrics(number, "application/openmetrics-text").await.unwrap(), "_total"));
        }
        names
    }

    /// Those of others: of a load's client, and of nginx's log.
    async fn others(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::from(["client_request_duration_seconds_bucket".to_owned()]);
        let log = self.folder.path().join("access.log");
        std::fs::write(&log, "").unwrap();
        let told = run(BINARY, ["nginx-exporter", "--once", log.to_str().unwrap()]).await.unwrap();
        assert!(told.status.success(), "{}", told.stderr);
        names.extend(samples(&told.stdout, ""));
        names
    }
}

/// Of the families that a text declares; counters have their ending only on samples, or already.
fn samples(text: &str, counter: &str) -> Vec<String> {
    let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let all = declared.flat_map(|(name, kind)| match kind {
        "counter" => vec![format!("{name}{counter}")],
        "histogram" => ["_bucket", "_count", "_sum"].iter().map(|ending| format!("{name}{ending}")).collect(),
        _ => vec![name.to_owned()],
    });
    all.collect()
}

/// What an expression names of metrics and recorded rules.
fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let of_ours = |word: &&str| word.contains(':') || FAMILIES.iter().any(|family| word.starts_with(family));
    words.filter(of_ours).map(str::to_owned).collect()
}

/// Whether a metric that has no sample yet is registered under that name, without what its room, its kind and its unit add.
fn is_registered(name: &str) -> bool {
    let cut = |name: &str, endings: &[&str]| -> String {
        let cut = endings.iter().find_map(|ending| name.strip_suffix(ending));
        cut.unwrap_or(name).to_owned()
    };
    let room = ["picup_backup_", "picup_storage_", "picup_"].iter().find_map(|room| name.strip_prefix(room));
    let whole = cut(room.unwrap_or(name), &["_bucket", "_count", "_sum", "_total"]);
    let bare = cut(&whole, &["_bytes", "_seconds"]);
    SOURCES.iter().any(|source| [&whole, &bare].iter().any(|name| source.contains(&format!("\"{name}\""))))
}

/// Those that are neither there nor registered.
fn missing(expression: &str, names: &BTreeSet<String>) -> Vec<String> {
    named(expression).into_iter().filter(|name| !names.contains(name) && !is_registered(name)).collect()
}

/// As links to headings are written.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-")).collect()
}

#[tokio::test]
async fn rules_and_dashboard_name_what_picup_has_and_alerts_say_what_to_do() {
    let stage = Stage::set().await;
    let jobs = [("picup-front", stage.admins[0]), ("picup-other", stage.admins[1])];
    let server = PrometheusServer::start(&jobs, &rules()).unwrap();
    let mut names = stage.names().await;
    names.extend(stage.others().await);
    let groups = server.ask("rules", &[]).await.unwrap();
    let rules: Vec<&Value> =
        groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let recorded = rules.iter().filter(|rule| rule["type"] == "recording");
    names.extend(recorded.map(|rule| text(&rule["name"])));
    assert!(rules.len() > 35, "{}", rules.len());

    for rule in &rules {
        let missing = missing(&text(&rule["query"]), &names);
        assert!(missing.is_empty(), "{}: there is no {missing:?}", rule["name"]);
        if rule["type"] == "alerting" {
            let notes = &rule["annotations"];
            let (name, link) = (text(&rule["name"]), text(&notes["runbook"]));
            let anchor = link.strip_prefix("docs/operations/metrics.md#").unwrap_or_else(|| panic!("{name}: {link}"));
            assert!(anchors(PAGE).contains(anchor), "{name}: no section #{anchor}");
            assert!(!text(&notes["summary"]).is_empty() && !text(&notes["description"]).is_empty(), "{name}");
            assert!(matches!(text(&rule["labels"]["severity"]).as_str(), "page" | "ticket"), "{name}");
        }
    }
    for name in &stage.names().await {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|ending| name.strip_suffix(ending));
        let told = PAGE.contains(name.as_str()) || family.is_some_and(|family| PAGE.contains(family));
        assert!(told, "docs/operations/metrics.md does not tell of {name}");
    }

    let mut ids = BTreeSet::new();
    for (panel, expression) in expressions(&mut ids) {
        let missing = missing(&expression, &names);
        assert!(missing.is_empty(), "panel {panel}: there is no {missing:?}");
        server.values(&expression).await.unwrap_or_else(|problem| panic!("panel {panel}: {problem}"));
    }

    // And of the certificate that is served, and of who came without TLS.
    wait_for(&server, "tls_certificate_not_after_seconds - time()", |left| left > 0.0).await;
    wait_for(&server, r#"http_server_redirects_total{job="picup-front",route="static"}"#, |times| times > 0.0).await;
    wait_for(&server, r#"acme_attempts_total{result="failed"}"#, |times| times > 0.0).await;
    for mut process in stage.processes {
        assert!(process.terminate().await.unwrap().success(), "{}", process.output().text());
    }
}

/// The dashboard's expressions, each with its panel's title and with values in the place of variables; ids are told apart.
fn expressions(ids: &mut BTreeSet<u64>) -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert!(dashboard["id"].is_null(), "an id is given by the Grafana that imports it");
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap().to_owned();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "the id of {title} is another's too");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
            assert!(!expression.contains('$'), "{title}: {expression}");
            all.push((title.clone(), expression));
        }
    }
    assert!(all.len() > 30, "{}", all.len());
    all
}

#[tokio::test]
async fn promtool_reads_the_metrics_and_objects_to_none() {
    let stage = Stage::set().await;
    for number in [0, 1] {
        check(&stage.metrics(number, "*/*").await.unwrap());
    }
    for mut process in stage.processes {
        assert!(process.terminate().await.unwrap().success(), "{}", process.output().text());
    }
}

fn check(text: &str) {
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool =
        tool.spawn().expect("promtool comes with Debian's package prometheus: scripts/system-packages --tests");
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert_eq!(said, "", "{text}");
}
