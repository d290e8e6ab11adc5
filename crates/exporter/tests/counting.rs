//! What is counted and how it is told, by the exporter as `picup` uses it: configuration in, log in, metrics out.

#![allow(clippy::unwrap_used, reason = "a test stops where something it counts on fails")]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use picup_exporter::{Exporter, Namespace, Parser, Relabel, Settings};
use proptest::prelude::*;

const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// What the metrics of a log are.
struct Counted {
    text: String,
    exporter: Exporter,
}

impl Counted {
    fn of(settings: &Settings) -> Self {
        let exporter = Exporter::new(settings).unwrap();
        exporter.read_once().unwrap();
        Self { text: exporter.metrics(), exporter }
    }

    fn value(&self, series: &str) -> Option<f64> {
        let found = self.text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.map(|value| value.parse().unwrap())
    }

    #[track_caller]
    fn has(&self, series: &str, value: f64) {
        assert_eq!(self.value(series), Some(value), "{series} in:\n{}", self.text);
    }
}

fn settings(namespaces: Vec<Namespace>) -> Settings {
    Settings { host: "127.0.0.1".to_owned(), port: 0, metrics_path: "/metrics".to_owned(), namespaces }
}

fn one(namespace: Namespace, log: &str) -> Counted {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), log).unwrap();
    Counted::of(&settings(vec![Namespace { files: vec![file.path().display().to_string()], ..namespace }]))
}

fn text(format: &str) -> Namespace {
    Namespace::new("nginx", Parser::Text(format.to_owned()))
}

fn relabel(target_label: &str, from: &str) -> Relabel {
    Relabel { target_label: target_label.to_owned(), from: from.to_owned(), ..Relabel::default() }
}

#[test]
fn a_log_is_counted_under_the_known_names() {
    let format = format!("{COMBINED} $request_length $request_time \"$upstream_response_time\" $upstream_connect_time");
    let line = |request: &str, rest: &str| format!("192.0.2.7 - - [11/Oct/2026:22:14:15 +0000] \"{request}\" {rest}\n");
    let log = [
        line("GET /a HTTP/1.1", r#"200 612 "-" "curl" 100 0.004 "0.010, 0.020 : 0.030" 0.001, 0.002"#),
        line("GET /b HTTP/1.1", r#"200 12 "-" "curl" 50 0.300 "-" -"#),
        line("BREW /pot HTTP/1.1", r#"418 0 "-" "curl" 50 11.5 "-, 0.250" 0.000"#),
        line("GET /c HTTP/1.1", r#"200 many "-" "curl" 50 0.300 "-" -"#),
        "nonsense\n".to_owned(),
    ];
    let counted = one(text(&format), &log.concat());
    let get = r#"{method="GET",status="200"}"#;
    counted.has(&format!("nginx_http_response_count_total{get}"), 3.0);
    counted.has(r#"nginx_http_response_count_total{method="other",status="418"}"#, 1.0);
    counted.has(&format!("nginx_http_response_size_bytes{get}"), 624.0);
    counted.has(&format!("nginx_http_request_size_bytes{get}"), 200.0);
    counted.has("nginx_parse_errors_total", 2.0);
    counted.has(&format!("nginx_http_upstream_time_seconds_sum{get}"), 0.06);
    counted.has(&format!("nginx_http_upstream_time_seconds_count{get}"), 1.0);
    counted.has(&format!("nginx_http_upstream_connect_time_seconds_hist_sum{get}"), 0.003);
    counted.has(r#"nginx_http_upstream_time_seconds{method="other",status="418",quantile="0.5"}"#, 0.2495);
    counted.has(r#"nginx_http_response_time_seconds{method="GET",status="200",quantile="0.5"}"#, 0.2995);
    for (bound, count) in [("0.005", 1.0), ("0.25", 1.0), ("0.5", 3.0), ("10", 3.0), ("+Inf", 3.0)] {
        let series =
            format!(r#"nginx_http_response_time_seconds_hist_bucket{{method="GET",status="200",le="{bound}"}}"#);
        counted.has(&series, count);
    }
    counted.has(r#"nginx_http_response_time_seconds_hist_bucket{method="other",status="418",le="10"}"#, 0.0);
    counted.has(r#"picup_exporter_lines_total{namespace="nginx"}"#, 5.0);
    counted.has(r#"picup_exporter_format_fits{namespace="nginx"}"#, 1.0);
    assert_eq!(counted.exporter.misfits(), Vec::<&str>::new());
}

#[test]
fn labels_come_from_the_log_and_some_for_the_count_alone() {
    let path = Relabel { split: 2, only_counter: true, ..relabel("path", "request") };
    let user = Relabel { whitelist: vec!["foo".to_owned()], ..relabel("user", "remote_user") };
    let format = format!("{COMBINED} $upstream_cache_status $request_time");
    let namespace = Namespace {
        relabels: vec![path, user, relabel("cache", "upstream_cache_status")],
        labels: BTreeMap::from([("app".to_owned(), "a\"b\\".to_owned())]),
        ..text(&format)
    };
    let log = r#"a - - [t] "GET /users?token=hunter2 HTTP/1.1" 200 612 "-" "curl" HIT 0.1
a - foo [t] "GET /groups HTTP/1.1" 200 518 "-" "curl" MISS 0.1
a - foo [t] "GET /users HTTP/1.1" 200 518 "-" "curl" MISS 0.1
"#;
    let counted = one(namespace, log);
    let app = r#"app="a\"b\\""#;
    for (rest, count) in [
        (r#"cache="HIT",method="GET",path="/users",status="200",user="other""#, 1.0),
        (r#"cache="MISS",method="GET",path="/groups",status="200",user="foo""#, 1.0),
        (r#"cache="MISS",method="GET",path="/users",status="200",user="foo""#, 1.0),
    ] {
        counted.has(&format!("nginx_http_response_count_total{{{app},{rest}}}"), count);
    }
    let shared = format!(r#"{{{app},cache="MISS",method="GET",status="200",user="foo"}}"#);
    counted.has(&format!("nginx_http_response_size_bytes{shared}"), 1036.0);
    counted.has(&format!("nginx_http_response_time_seconds_hist_count{shared}"), 2.0);
    counted.has("nginx_parse_errors_total", 0.0);
    assert!(!counted.text.contains("hunter2"));
}

#[test]
fn a_log_of_json_is_counted_as_one_of_text() {
    let log = r#"{"request":"GET /a HTTP/1.1","status":200,"body_bytes_sent":"10","request_time":0.25,"upstream_response_time":""}
{"request_method":"POST","status":"201","bytes_sent":20,"upstream_response_time":"0.1, 0.2"}
[]
"#;
    let counted = one(Namespace::new("nginx", Parser::Json), log);
    counted.has(r#"nginx_http_response_size_bytes{method="GET",status="200"}"#, 10.0);
    counted.has(r#"nginx_http_response_size_bytes{method="POST",status="201"}"#, 20.0);
    counted.has(r#"nginx_http_response_time_seconds_count{method="GET",status="200"}"#, 1.0);
    assert_eq!(counted.value(r#"nginx_http_upstream_time_seconds_count{method="GET",status="200"}"#), None);
    assert!(
        (counted.value(r#"nginx_http_upstream_time_seconds_sum{method="POST",status="201"}"#).unwrap() - 0.3).abs()
            < 1e-9
    );
    counted.has("nginx_parse_errors_total", 1.0);
}

#[test]
fn labels_that_clients_choose_are_folded_and_memory_is_bounded() {
    let path = Relabel { split: 2, ..relabel("path", "request") };
    let user = Relabel { only_counter: true, ..relabel("user", "remote_user") };
    let namespace =
        Namespace { relabels: vec![user, path], max_series: 10, ..text(&format!("{COMBINED} $request_time")) };
    let mut log = String::new();
    for number in 0..5000 {
        let status = 100 + number % 900;
        log += &format!("a - u{number} [t] \"GET /{number} HTTP/1.1\" {status} 1 \"-\" \"curl\" 0.1\n");
    }
    let counted = one(namespace, &log);
    let counts: Vec<_> =
        counted.text.lines().filter(|line| line.starts_with("nginx_http_response_count_total{")).collect();
    assert_eq!(counts.len(), 10 + 200 + 1);
    let sum: u64 = counts.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 5000, "none is lost");
    counted.has(r#"nginx_http_response_count_total{method="GET",path="/3",status="103",user="u3"}"#, 1.0);
    counted.has(r#"nginx_http_response_count_total{method="GET",path="other",status="120",user="other"}"#, 5.0 + 1.0);
    let last =
        counted.value(r#"nginx_http_response_count_total{method="other",path="other",status="other",user="other"}"#);
    assert!(last.unwrap() > 3000.0);
    counted.has(r#"picup_exporter_series{namespace="nginx"}"#, 211.0);
    counted.has(r#"picup_exporter_lines_folded_total{namespace="nginx"}"#, 4990.0);
}

#[test]
fn what_is_no_status_shows_that_the_format_is_another() {
    let counted = one(text("$request $status"), "GET 200\nGET 2000\n200 GET\nGET -\n");
    counted.has("nginx_parse_errors_total", 2.0);
    counted.has(r#"nginx_http_response_count_total{method="GET",status="-"}"#, 1.0);
    let counted =
        one(Namespace::new("nginx", Parser::Json), "{\"status\":200}\n{\"status\":\"ok\"}\n{\"status\":\"\"}\n");
    counted.has("nginx_parse_errors_total", 1.0);
}

#[test]
fn most_lines_not_fitting_is_said() {
    let counted = one(text("$remote_addr [$status]"), "a [200]\nb\nc\n");
    assert_eq!(counted.exporter.misfits(), ["nginx"]);
    counted.has(r#"picup_exporter_format_fits{namespace="nginx"}"#, 0.0);
    counted.has("nginx_parse_errors_total", 2.0);
}

#[test]
fn a_configuration_of_prometheus_nginxlog_exporter_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let yaml = include_str!("nginxlog-exporter.yaml").replace("/var/log/nginx/", &file(""));
    let (settings, notes) = Settings::from_yaml(&yaml).unwrap();
    assert_eq!((&*settings.host, settings.port, &*settings.metrics_path), ("10.1.2.3", 4040, "/metrics"));
    assert_eq!(notes.len(), 2, "{notes:?}");
    let line = |request: &str, user: &str| {
        format!("10.0.0.1 - {user} [t] \"{request}\" 200 10 \"-\" \"curl\" \"-\" 0.010, 0.020\n")
    };
    std::fs::write(file("app1_access.log"), line("GET /users/12?token=hunter2 HTTP/1.1", "-") + "wrong\n").unwrap();
    std::fs::write(file("app2_access.log"), line("PUT /x HTTP/1.1", "ada")).unwrap();
    std::fs::write(file("json.log"), r#"{"request":"GET / HTTP/1.1","status":"404","request_time":"2"}"#).unwrap();
    let counted = Counted::of(&settings);
    counted.has(
        r#"web_http_response_count_total{app="application-one",environment="production",method="GET",request_uri="/users/:id",status="200",vhost="app1"}"#,
        1.0,
    );
    counted.has(r#"web_http_response_count_total{method="PUT",status="200",user="other",vhost="app2"}"#, 1.0);
    counted.has(r#"web_parse_errors_total{vhost="app1"}"#, 1.0);
    counted.has(r#"web_parse_errors_total{vhost="app2"}"#, 0.0);
    counted.has(r#"http_response_time_seconds_hist_bucket{method="GET",status="404",le="2"}"#, 1.0);
    let sum =
        counted.value(r#"web_http_upstream_time_seconds_sum{method="PUT",status="200",user="other",vhost="app2"}"#);
    assert!((sum.unwrap() - 0.03).abs() < 1e-9);
    assert!(!counted.text.contains("hunter2"));
    promtool(&counted.text);
}

/// Prometheus' own tool reads it, and objects to nothing but the names, which are as they are elsewhere.
fn promtool(text: &str) {
    use std::io::Write as _;
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool comes with Debian's package prometheus: scripts/system-packages --tests");
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(!said.contains("error while linting"), "{said}\n{text}");
    let objections: Vec<_> =
        said.lines().filter(|line| !line.contains("counter metrics should have \"_total\" suffix")).collect();
    assert_eq!(objections, Vec::<&str>::new());
}

#[test]
fn mistakes_in_a_configuration_say_what_to_change() {
    let namespace =
        |more: &str| format!("namespaces:\n- name: a\n  format: '$status'\n  source: {{files: [/x]}}\n{more}");
    for (yaml, expected) in [
        ("namespaces: []".to_owned(), "there is no namespace"),
        (namespace("  whitelists: [a]"), "unknown field"),
        (namespace("  parser: xml"), "parser 'xml' is unknown"),
        (namespace("  histogram_buckets: [1, 0.5]"), "each larger than the one before"),
        (namespace("  labels: {status: x}"), "label 'status' comes from the log"),
        (namespace("  labels: {le: x}"), "'le' cannot be a label"),
        (namespace("  labels: {x: 1}\n  namespace_label: x"), "label 'x' is set twice"),
        (namespace("  relabel_configs: [{target_label: q, from: args}]"), "label 'q' would show $args"),
        (
            namespace("  relabel_configs: [{target_label: q, from: uri, matches: [{regexp: '('}]}]"),
            "relabel_configs of 'q': ",
        ),
        (namespace("  relabel_configs: [{target_label: q}]"), "do not say which variable"),
        (
            namespace("- name: b\n  metrics_override: {prefix: a}\n  format: x\n  source_files: [/x]"),
            "another namespace has the same",
        ),
        ("namespaces: [{name: a-b, format: x, source_files: [/x]}]".to_owned(), "metrics cannot begin with 'a-b'"),
        (
            "namespaces: [{name: a, format: $a$status, source_files: [/x]}]".to_owned(),
            "nothing stands between $a and $status",
        ),
        ("namespaces: [{name: a, format: x}]".to_owned(), "it has no source"),
        ("namespaces: [{name: a, source_files: [/x]}]".to_owned(), "it has no format"),
        (
            "namespaces: [{name: a, format: x, source: {syslog: {listen_address: 'udp://[::1]:1'}}}]".to_owned(),
            "tags is empty",
        ),
        ("listen: {metrics_endpoint: metrics}\n".to_owned() + &namespace(""), "is a path"),
        ("consul: [".to_owned(), "the configuration cannot be read"),
    ] {
        let error = Settings::from_yaml(&yaml).unwrap_err().to_string();
        assert!(error.contains(expected), "{yaml}\n{error}");
    }
    assert!(
        Settings::from_yaml(&namespace(
            "  labels: {x: 1}\n  relabel_configs: [{target_label: s, from: status, whitelist: [200, 404]}]"
        ))
        .is_ok()
    );
}

#[test]
fn a_format_is_checked_against_a_log() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a [200]\nb secret 7\n").unwrap();
    let mut namespace = text("$remote_addr [$status]");
    namespace.files = vec![file.path().display().to_string()];
    let settings = settings(vec![namespace]);
    let fit = &picup_exporter::check(&settings).unwrap()[0];
    assert_eq!((fit.files, fit.lines, fit.fitting, fit.is_good()), (1, 2, 1, false));
    assert_eq!(fit.objection, Some(("there is no ' [' after $remote_addr".to_owned(), "a a 9".to_owned())));
    assert_eq!(fit.missing.len(), 5);
    std::fs::write(file.path(), "a [200]\n").unwrap();
    assert!(picup_exporter::check(&settings).unwrap()[0].is_good());
}

proptest! {
    #[test]
    fn no_configuration_panics(cut in 0_usize..2500, more in "[a-z:\\[\\]{}&*!|>'\"# \n-]{0,40}") {
        let whole = include_str!("nginxlog-exporter.yaml");
        let begin = &whole[..cut.min(whole.len())];
        let _ = Settings::from_yaml(&format!("{begin}{more}"));
    }
}
