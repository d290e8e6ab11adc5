//! All metrics as text: in OpenMetrics for whoever asks for it, as Prometheus does, and in Prometheus' own older format for everybody
//! else, which people, `promtool check metrics` and simple collectors read. That one has no exemplars.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// What `registry` has, for a request with these headers.
pub(super) fn encoded(registry: &Registry, asked: &HeaderMap) -> Response {
    let mut text = String::new();
    if let Err(error) = encode(&mut text, registry) {
        return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
    }
    let mut accepted = asked.get_all(header::ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    if accepted.any(|accepted| accepted.contains(OPEN_METRICS)) {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        return ([(header::CONTENT_TYPE, kind)], text).into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], older(&text)).into_response()
}

/// The same in the older format: there, a counter is declared by the name that its samples have, and a sample is its value alone.
fn older(text: &str) -> String {
    let mut older = String::with_capacity(text.len());
    let mut write = |line: &[&str]| {
        older.extend(line.iter().copied());
        older.push('\n');
    };
    let mut help = None;
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|said| said.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                write(&["# HELP ", name, suffix, " ", help]);
            }
            write(&["# TYPE ", name, suffix, " ", kind]);
        } else if !line.starts_with('#') {
            write(&[without_exemplar(line)]);
        }
    }
    older
}

/// A sample up to its value. An exemplar begins with a `#` outside of labels.
fn without_exemplar(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    let begins = |(_, c): &(usize, char)| {
        let ends_here = *c == '#' && !quoted;
        if *c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = *c == '\\' && !escaped;
        ends_here
    };
    line.char_indices().find(begins).map_or(line, |(at, _)| line[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prometheus_client::encoding::EncodeLabelSet;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::exemplar::HistogramWithExemplars;
    use prometheus_client::metrics::family::Family;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
    struct Label {
        name: String,
    }

    proptest! {
        #[test]
        fn the_older_format_has_every_sample_and_no_exemplar(
            names in proptest::collection::hash_set(r#"[ -~"\\#{}\n]{0,12}"#, 1..6),
            id in "[A-Za-z0-9_-]{1,24}",
        ) {
            let mut registry = Registry::default();
            let counters = Family::<Label, Counter>::default();
            registry.register("eggs", "Eggs, # of them", counters.clone());
            let times = Family::<Label, HistogramWithExemplars<Label>, fn() -> _>::new_with_constructor(|| {
                HistogramWithExemplars::new([1.0].into_iter())
            });
            registry.register("times", "Times", times.clone());
            for name in &names {
                counters.get_or_create(&Label { name: name.clone() }).inc();
                times.get_or_create(&Label { name: name.clone() }).observe(0.5, Some(Label { name: id.clone() }), None);
            }
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let older = older(&text);
            prop_assert!(older.contains("# HELP eggs_total Eggs, # of them.\n# TYPE eggs_total counter\n"), "{older}");
            prop_assert!(older.contains("# TYPE times histogram\n"), "{older}");
            prop_assert!(!older.contains("EOF"), "{older}");
            let exemplar = format!(" # {{name=\"{id}\"}} 0.5");
            let samples = |text: &str| -> BTreeSet<String> {
                let samples = text.lines().filter(|line| !line.starts_with("# "));
                samples.map(|line| line.strip_suffix(exemplar.as_str()).unwrap_or(line).to_owned()).collect()
            };
            prop_assert_eq!(samples(&older), samples(&text));
            let left = older.lines().find(|line| !line.starts_with("# ") && line.ends_with(&exemplar));
            prop_assert_eq!(left, None);
        }
    }
}
