//! The configuration of prometheus-nginxlog-exporter, in YAML, as it is. A field that it does not know is a mistake here; one that it knows
//! and that has no meaning here is told.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use crate::relabel::Relabel;
use crate::settings::{BUCKETS, MAX_SERIES, Mistake, Namespace, Parser, Settings, Syslog};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    listen: Listen,
    consul: Option<Consul>,
    #[serde(default)]
    namespaces: Vec<Section>,
    #[serde(rename = "enable_experimental")]
    _experimental: Option<bool>,
    #[serde(rename = "enableexperimentalfeatures")]
    _experimental_once: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    port: Option<u16>,
    address: Option<String>,
    metrics_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Consul {
    #[serde(default)]
    enable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    name: String,
    namespace_label: Option<String>,
    metrics_override: Option<Override>,
    source_files: Option<Vec<String>>,
    source: Option<Source>,
    parser: Option<String>,
    format: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    relabel_configs: Option<Vec<RelabelSection>>,
    histogram_buckets: Option<Vec<f64>>,
    print_log: Option<bool>,
    /// Ours.
    max_series: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    #[serde(default)]
    prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    files: Option<Vec<String>>,
    syslog: Option<SyslogSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SyslogSection {
    listen_address: String,
    format: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelabelSection {
    target_label: String,
    #[serde(default)]
    from: String,
    whitelist: Option<Vec<String>>,
    matches: Option<Vec<Match>>,
    split: Option<usize>,
    separator: Option<String>,
    only_counter: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    regexp: String,
    #[serde(default)]
    replacement: String,
}

impl Settings {
    /// Reads the text of a configuration file. Beside the settings, what in it has no meaning here.
    ///
    /// # Errors
    /// A mistake, with the line where that is known, and what to change.
    pub fn from_yaml(text: &str) -> Result<(Self, Vec<String>), Mistake> {
        // Without the lines around a mistake: a token may stand there.
        let options = serde_saphyr::options! { with_snippet: false };
        let file: File = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| Mistake::File(format!("the configuration cannot be read: {error}")))?;
        let mut notes = Vec::new();
        if file.consul.is_some_and(|consul| consul.enable) {
            notes.push("consul: this exporter does not register itself; register it where Consul runs".to_owned());
        }
        let namespaces =
            file.namespaces.into_iter().map(|section| section.namespace(&mut notes)).collect::<Result<_, _>>()?;
        let settings = Self {
            host: file.listen.address.filter(|host| !host.is_empty()).unwrap_or_else(|| "0.0.0.0".to_owned()),
            port: file.listen.port.unwrap_or(4040),
            metrics_path: file
                .listen
                .metrics_endpoint
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| "/metrics".to_owned()),
            namespaces,
        };
        settings.check()?;
        Ok((settings, notes))
    }
}

impl Section {
    fn namespace(self, notes: &mut Vec<String>) -> Result<Namespace, Mistake> {
        let mistake = |what: String| Mistake::Namespace { name: self.name.clone(), what };
        if self.print_log == Some(true) {
            notes.push(format!("namespace '{}': print_log prints nothing here: lines have secrets in them", self.name));
        }
        let parser = match self.parser.as_deref() {
            Some("json") => Parser::Json,
            None | Some("" | "text") => {
                let format =
                    self.format.ok_or_else(|| mistake("it has no format: copy nginx's log_format".to_owned()))?;
                Parser::Text(format)
            }
            Some(other) => return Err(mistake(format!("parser '{other}' is unknown: text or json"))),
        };
        let source = self.source.unwrap_or(Source { files: None, syslog: None });
        let syslog = source.syslog.map(SyslogSection::syslog).transpose().map_err(&mistake)?;
        let relabels = self.relabel_configs.unwrap_or_default().into_iter().map(RelabelSection::relabel);
        let relabels = relabels.collect::<Result<_, _>>().map_err(&mistake)?;
        let mut buckets = self.histogram_buckets.unwrap_or_default();
        // The last one is always there.
        buckets.pop_if(|last| *last == f64::INFINITY);
        Ok(Namespace {
            prefix: self.metrics_override.map_or_else(|| self.name.clone(), |it| it.prefix),
            name_label: self.namespace_label.filter(|label| !label.is_empty()),
            parser,
            // As there, the elder setting wins.
            files: self.source_files.filter(|files| !files.is_empty()).or(source.files).unwrap_or_default(),
            syslog,
            labels: self.labels.unwrap_or_default(),
            relabels,
            buckets: if buckets.is_empty() { BUCKETS.to_vec() } else { buckets },
            max_series: self.max_series.unwrap_or(MAX_SERIES),
            name: self.name,
        })
    }
}

impl SyslogSection {
    fn syslog(self) -> Result<Syslog, String> {
        match self.format.as_deref() {
            // Each message tells by itself which it is.
            None | Some("" | "auto" | "rfc3164" | "rfc5424" | "rfc6587") => {
                Ok(Syslog { listen: self.listen_address, tags: self.tags })
            }
            Some(other) => Err(format!("source.syslog.format '{other}' is unknown: auto, rfc3164, rfc5424 or rfc6587")),
        }
    }
}

impl RelabelSection {
    fn relabel(self) -> Result<Relabel, String> {
        let compile = |it: Match| match Regex::new(&it.regexp) {
            Ok(regex) if !it.regexp.is_empty() => Ok((regex, it.replacement)),
            Ok(_) => Err(format!("relabel_configs of '{}' have a match without regexp", self.target_label)),
            Err(error) => Err(format!("relabel_configs of '{}': {error}", self.target_label)),
        };
        let matches = self.matches.unwrap_or_default().into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Relabel {
            target_label: self.target_label,
            from: self.from,
            split: self.split.unwrap_or(0),
            separator: self.separator.unwrap_or_default(),
            whitelist: self.whitelist.unwrap_or_default(),
            matches,
            only_counter: self.only_counter.unwrap_or(false),
        })
    }
}
