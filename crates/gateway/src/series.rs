//! What is counted of each request by its labels: all of it is found by one look, and there are so many sets of labels and no more.
//!
//! Methods, protocols and parts of PicUp are few, and the API has as many templates as endpoints; what a process behind the gateway
//! answers with is not ours to bound, so the number of sets is.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::BUCKETS;
use crate::route::RouteLabel;

/// Sets of labels that are counted apart. What comes beyond them is counted together, by the first digit of its status alone.
const MOST: usize = 2000;

/// In the place of a label's value that has no series of its own.
pub(crate) const OTHER: &str = "_OTHER";

/// Requests that took so long are shown by their id, to be found in the log.
const SLOW: Duration = Duration::from_millis(100);

/// Sizes of bodies, in bytes, from a small answer of the API to a film.
const SIZES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// The labels of one request. `status` is 499 when the client left before there was one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    pub(crate) method: &'static str,
    pub(crate) route: RouteLabel,
    pub(crate) status: u16,
    pub(crate) protocol: &'static str,
}

/// What is known of one request at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// Its id in the log.
    pub(crate) id: &'a str,
    /// Until its last byte was handed over, or the client was gone.
    pub(crate) duration: Duration,
    /// Until the head of its answer, if there was one.
    pub(crate) first_byte: Option<Duration>,
    /// Bytes of its body that were read, if it had one.
    pub(crate) received: Option<u64>,
    /// Bytes of its answer's body that were handed over.
    pub(crate) sent: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: RouteLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ById {
    request_id: String,
}

type Times = HistogramWithExemplars<ById>;
type ByRoutes = Family<ByRoute, Histogram, fn() -> Histogram>;

/// All sets of labels there are.
#[derive(Debug)]
pub(crate) struct Series {
    known: RwLock<HashMap<Labels, Arc<Handles>>>,
    duration: Family<Labels, Times, fn() -> Times>,
    first_byte: ByRoutes,
    received: ByRoutes,
    sent: ByRoutes,
    redirects: Family<ByRoute, Counter>,
}

/// What is counted by one set.
#[derive(Debug)]
struct Handles {
    duration: Times,
    first_byte: Histogram,
    received: Histogram,
    sent: Histogram,
    redirects: Option<Counter>,
}

impl Labels {
    /// Those of whatever has no set of its own.
    fn beyond(&self) -> Self {
        Self { method: OTHER, route: RouteLabel::Class(OTHER), status: self.status / 100 * 100, protocol: OTHER }
    }

    fn redirects(&self) -> bool {
        matches!(self.status, 300..=303 | 305..=399)
    }
}

impl Series {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let by_route =
            |constructor: fn() -> Histogram| Family::<ByRoute, _, fn() -> Histogram>::new_with_constructor(constructor);
        let series = Self {
            known: RwLock::default(),
            duration: Family::new_with_constructor(|| Times::new(BUCKETS.into_iter())),
            first_byte: by_route(|| Histogram::new(BUCKETS)),
            received: by_route(|| Histogram::new(SIZES)),
            sent: by_route(|| Histogram::new(SIZES)),
            redirects: Family::default(),
        };
        let help = "Time from a request's head to the last byte of its answer";
        registry.register_with_unit("http_server_request_duration", help, Unit::Seconds, series.duration.clone());
        let help = "Time from a request's head to the head of its answer";
        registry.register_with_unit("http_server_time_to_first_byte", help, Unit::Seconds, series.first_byte.clone());
        let help = "Sizes of requests' bodies, of those that have one, as far as they were read";
        registry.register_with_unit("http_server_request_body_size", help, Unit::Bytes, series.received.clone());
        let help = "Sizes of answers' bodies, as far as they were handed to clients";
        registry.register_with_unit("http_server_response_body_size", help, Unit::Bytes, series.sent.clone());
        registry.register("http_server_redirects", "Answers that send the client elsewhere", series.redirects.clone());
        series
    }

    pub(crate) fn count(&self, labels: Labels, ended: Ended<'_>) {
        let handles = self.of(labels);
        let slow = (ended.duration >= SLOW).then(|| ById { request_id: ended.id.to_owned() });
        handles.duration.observe(ended.duration.as_secs_f64(), slow, None);
        if let Some(first_byte) = ended.first_byte {
            handles.first_byte.observe(first_byte.as_secs_f64());
        }
        if let Some(received) = ended.received {
            handles.received.observe(as_f64(received));
        }
        handles.sent.observe(as_f64(ended.sent));
        if let Some(redirects) = &handles.redirects {
            redirects.inc();
        }
    }

    fn of(&self, labels: Labels) -> Arc<Handles> {
        let labels = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(handles) = known.get(&labels) {
                return Arc::clone(handles);
            }
            let labels = if known.len() < MOST { labels } else { labels.beyond() };
            if let Some(handles) = known.get(&labels) {
                return Arc::clone(handles);
            }
            labels
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let labels = if known.len() < MOST || known.contains_key(&labels) { labels } else { labels.beyond() };
        Arc::clone(known.entry(labels).or_insert_with_key(|labels| Arc::new(self.handles(labels))))
    }

    fn handles(&self, labels: &Labels) -> Handles {
        let by_route = ByRoute { route: labels.route.clone() };
        Handles {
            duration: self.duration.get_or_create_owned(labels),
            first_byte: self.first_byte.get_or_create_owned(&by_route),
            received: self.received.get_or_create_owned(&by_route),
            sent: self.sent.get_or_create_owned(&by_route),
            redirects: labels.redirects().then(|| self.redirects.get_or_create_owned(&by_route)),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a sum of sizes, exact up to 2^53 bytes")]
fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::route::RouteTemplate;

    fn ended(milliseconds: u64) -> Ended<'static> {
        let duration = Duration::from_millis(milliseconds);
        Ended { id: "r-1", duration, first_byte: Some(duration), received: Some(1), sent: 2 }
    }

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        text
    }

    fn count(text: &str, start: &str) -> usize {
        text.lines().filter(|line| line.starts_with(start)).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn whatever_is_asked_and_answered_the_series_are_bounded_and_none_is_lost(
            asked in proptest::collection::vec((0..7000_u32, 100..1000_u16, 0..8_usize), 4000..6000),
        ) {
            const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];
            let mut registry = Registry::default();
            let series = Series::register(&mut registry);
            for (route, status, method) in &asked {
                let route = RouteLabel::Template(RouteTemplate::new(&format!("/api/{route}/{{id}}")));
                let labels = Labels { method: METHODS[*method], route, status: *status, protocol: "2" };
                series.count(labels, ended(1));
            }
            let text = text(&registry);
            let by_labels = count(&text, "http_server_request_duration_seconds_count{");
            prop_assert!((MOST..MOST + 10).contains(&by_labels), "{by_labels}");
            for name in ["time_to_first_byte_seconds_count", "request_body_size_bytes_count", "redirects_total"] {
                let by_route = count(&text, &(String::from("http_server_") + name + "{"));
                prop_assert!((1..MOST + 2).contains(&by_route), "{name} {by_route}");
            }
            let counts = text.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count{"));
            let counted: usize = counts.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum();
            prop_assert_eq!(counted, asked.len());
            let other = r#"_count{method="_OTHER",route="_OTHER",status="500",protocol="_OTHER"}"#;
            prop_assert!(text.contains(other), "{text}");
        }
    }

    #[test]
    fn a_slow_request_is_shown_by_its_id_and_a_quick_one_is_not() {
        let mut registry = Registry::default();
        let series = Series::register(&mut registry);
        let labels = Labels { method: "GET", route: RouteLabel::Class("media"), status: 200, protocol: "2" };
        series.count(labels.clone(), ended(99));
        assert!(!text(&registry).contains("request_id"));
        series.count(labels, ended(600));
        let text = text(&registry);
        let shown: Vec<_> = text.lines().filter(|line| line.contains("request_id")).collect();
        assert_eq!(shown.len(), 1, "{text}");
        assert!(shown[0].contains(r#"le="0.75""#) && shown[0].ends_with(r#"2 # {request_id="r-1"} 0.6"#), "{shown:?}");
    }
}
