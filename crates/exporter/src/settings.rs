//! What an exporter is told: plain values, checked as a whole before anything is read.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::FormatError;
use crate::relabel::Relabel;
use crate::tally::{Plan, Tally};

/// The most series of a namespace, unless it says otherwise.
pub const MAX_SERIES: usize = 1000;

/// The bounds of the histograms, in seconds, unless a namespace says otherwise.
pub const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The variables that are queries or secrets as a whole.
const SECRET: [&str; 4] = ["args", "query_string", "http_cookie", "http_authorization"];

/// Settings of an exporter.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The host or address on which it listens.
    pub host: String,
    /// The port on which it listens.
    pub port: u16,
    /// The path of its metrics.
    pub metrics_path: String,
    /// What is counted, each by itself.
    pub namespaces: Vec<Namespace>,
}

/// One format, the logs that have it, and the names under which they are counted.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// What its metrics' names begin with; the name, unless said otherwise. May be empty.
    pub prefix: String,
    /// The label that has the name.
    pub name_label: Option<String>,
    /// How its lines are written.
    pub parser: Parser,
    /// Files, or patterns with `*`.
    pub files: Vec<String>,
    /// Where messages arrive.
    pub syslog: Option<Syslog>,
    /// Labels that are always the same.
    pub labels: BTreeMap<String, String>,
    /// Labels made of variables, beside method and status.
    pub relabels: Vec<Relabel>,
    /// Bounds of the histograms, in seconds, in rising order.
    pub buckets: Vec<f64>,
    /// How many sets of label values are told apart; further ones become `other`.
    pub max_series: usize,
}

/// How lines are written.
#[derive(Debug, Clone)]
pub enum Parser {
    /// As nginx's `log_format` says.
    Text(String),
    /// As JSON objects whose keys are nginx's variables.
    Json,
}

/// Messages by syslog.
#[derive(Debug, Clone)]
pub struct Syslog {
    /// `udp://ADDRESS:PORT`, `tcp://ADDRESS:PORT` or `unix:///PATH`.
    pub listen: String,
    /// Messages with one of these tags are lines of the log.
    pub tags: Vec<String>,
}

/// What is wrong with settings, and what to change.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// Something of a namespace.
    #[error("namespace '{name}': {what}")]
    Namespace {
        /// Which.
        name: String,
        /// What.
        what: String,
    },
    /// There is nothing to do.
    #[error("there is no namespace: name at least one, with its format and its files")]
    NoNamespace,
    /// The file is no such configuration.
    #[error("{0}")]
    File(String),
}

impl Settings {
    /// Looks at everything that can be known before a log is read.
    ///
    /// # Errors
    /// The first mistake, and what to change.
    pub fn check(&self) -> Result<(), Mistake> {
        if self.namespaces.is_empty() {
            return Err(Mistake::NoNamespace);
        }
        if !self.metrics_path.starts_with('/') || self.metrics_path.contains(['{', '}', '*']) {
            return Err(Mistake::File("listen.metrics_endpoint is a path, such as /metrics".to_owned()));
        }
        let mut told_apart = BTreeSet::new();
        for namespace in &self.namespaces {
            let mistake = |what| Mistake::Namespace { name: namespace.name.clone(), what };
            namespace.check().map_err(mistake)?;
            namespace.tally().map_err(|error| mistake(error.to_string()))?;
            let by = namespace.name_label.as_ref().map(|label| (label, &namespace.name));
            if !told_apart.insert((&namespace.prefix, by)) {
                let what = "another namespace has the same metrics: give both a namespace_label, or other names";
                return Err(mistake(what.to_owned()));
            }
        }
        Ok(())
    }
}

impl Namespace {
    /// A namespace of that name, without logs, and all else as it is by default.
    #[must_use]
    pub fn new(name: impl Into<String>, parser: Parser) -> Self {
        let name = name.into();
        Self {
            prefix: name.clone(),
            name,
            name_label: None,
            parser,
            files: Vec::new(),
            syslog: None,
            labels: BTreeMap::new(),
            relabels: Vec::new(),
            buckets: BUCKETS.to_vec(),
            max_series: MAX_SERIES,
        }
    }

    pub(crate) fn constant_labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.extend(self.name_label.iter().map(|label| (label.clone(), self.name.clone())));
        labels
    }

    pub(crate) fn tally(&self) -> Result<Tally, FormatError> {
        Tally::new(Plan {
            name: &self.name,
            parser: &self.parser,
            constant: self.constant_labels(),
            relabels: &self.relabels,
            buckets: &self.buckets,
            max_series: self.max_series,
        })
    }

    fn check(&self) -> Result<(), String> {
        let is_metric = |text: &str| is_name(&text.replace(':', "_"));
        if !self.prefix.is_empty() && !is_metric(&self.prefix) {
            let prefix = &self.prefix;
            return Err(format!(
                "metrics cannot begin with '{prefix}': take letters, digits and _, or metrics_override"
            ));
        }
        self.check_labels()?;
        if self.buckets.is_empty()
            || !self.buckets.iter().all(|bound| bound.is_finite())
            || !self.buckets.is_sorted_by(|low, high| low < high)
        {
            return Err("histogram_buckets are numbers of seconds, each larger than the one before".to_owned());
        }
        if self.max_series == 0 {
            return Err("max_series is 1 or more".to_owned());
        }
        match &self.syslog {
            None if self.files.is_empty() => Err("it has no source: name files, or a syslog to listen for".to_owned()),
            Some(syslog) if syslog.tags.is_empty() => {
                Err("source.syslog.tags is empty: nginx's tag is nginx".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn check_labels(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        let constant = self.labels.keys().chain(&self.name_label);
        for name in constant.chain(self.relabels.iter().map(|relabel| &relabel.target_label)) {
            if !is_name(name) || name.starts_with("__") || ["le", "quantile"].contains(&name.as_str()) {
                return Err(format!("'{name}' cannot be a label: take letters, digits and _, but not le or quantile"));
            }
            if !names.insert(name) {
                return Err(format!("label '{name}' is set twice: in labels, namespace_label or relabel_configs"));
            }
        }
        for name in ["method", "status"] {
            if self.labels.contains_key(name) || self.name_label.as_deref() == Some(name) {
                return Err(format!("label '{name}' comes from the log: take another name"));
            }
        }
        for relabel in &self.relabels {
            let (label, from) = (&relabel.target_label, &relabel.from);
            if from.is_empty() {
                return Err(format!("relabel_configs of '{label}' do not say which variable it is made of: from"));
            }
            if SECRET.contains(&from.as_str()) && relabel.whitelist.is_empty() {
                return Err(format!("label '{label}' would show ${from}, which has secrets: give it a whitelist"));
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let mut letters = text.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
