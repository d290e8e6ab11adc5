//! `picup nginx-exporter`: for those who keep nginx, Prometheus' metrics of its log.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use picup_exporter::{Error, Exporter, Fit, Mistake, Namespace, Settings};

use super::{Failure, block_on, output};
use crate::roles::exporter;

/// Where metrics are asked for, unless said otherwise: on loopback, at the port of prometheus-nginxlog-exporter.
const LISTEN: &str = "127.0.0.1:4040";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExporterArgs {
    /// The logs, or patterns with * in quotes
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// A log; the same as without --file
    #[arg(long = "file", value_name = "FILE")]
    named: Vec<String>,
    /// How a line is written: the text of nginx's log_format, or that whole statement [default: combined]
    #[arg(long, value_name = "LOG_FORMAT")]
    format: Option<String>,
    /// Whether a line is that text, or a JSON object whose keys are nginx's variables
    #[arg(long, value_enum, default_value_t = Parser::Text)]
    parser: Parser,
    /// What the metrics' names begin with
    #[arg(long, value_name = "NAME", default_value = "nginx")]
    namespace: String,
    /// How many sets of label values are told apart
    #[arg(long, value_name = "NUMBER", default_value_t = picup_exporter::MAX_SERIES)]
    max_series: usize,
    /// A configuration of prometheus-nginxlog-exporter, in YAML, in the place of all of the above
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "named", "format", "parser", "namespace", "max_series"])]
    config: Option<PathBuf>,
    /// The address and port for metrics [default: the configuration's, or 127.0.0.1:4040]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Count what is in the logs already too
    #[arg(long)]
    from_start: bool,
    /// Read the logs from their start to their end, print the metrics, and end
    #[arg(long, conflicts_with_all = ["from_start", "listen", "check"])]
    once: bool,
    /// Read the last lines of each log, and say whether the format fits them
    #[arg(long, conflicts_with_all = ["from_start", "listen"])]
    check: bool,
}

const EXAMPLES: &str = "Examples:
  picup nginx-exporter /var/log/nginx/access.log
  picup nginx-exporter --format '$remote_addr [$time_local] \"$request\" $status $request_time' '/var/log/nginx/*access.log'
  picup nginx-exporter --config /etc/prometheus-nginxlog-exporter.yaml --check";

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Parser {
    Text,
    Json,
}

pub(super) fn run(args: ExporterArgs) -> Result<ExitCode, Failure> {
    exporter::log();
    let (from_start, once, check) = (args.from_start, args.once, args.check);
    let settings = settings(args)?;
    if check {
        let fits = picup_exporter::check(&settings).map_err(failure)?;
        output::text_of(&fits.iter().map(told).collect::<String>());
        return Ok(if fits.iter().all(Fit::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if once {
        let exporter = Exporter::new(&settings).map_err(mistake)?;
        exporter.read_once().map_err(failure)?;
        output::text_of(&exporter.metrics());
        return Ok(ExitCode::SUCCESS);
    }
    block_on(async move { exporter::serve(&settings, from_start).await.map_err(Failure::from) })?;
    Ok(ExitCode::SUCCESS)
}

fn settings(args: ExporterArgs) -> Result<Settings, Failure> {
    let mut settings = match &args.config {
        Some(file) => read(file)?,
        None => of_flags(args.format, args.parser, args.namespace, args.max_series, [args.files, args.named].concat())?,
    };
    if let Some(listen) = args.listen {
        (settings.host, settings.port) = (listen.ip().to_string(), listen.port());
    }
    settings.check().map_err(mistake)?;
    Ok(settings)
}

fn read(file: &Path) -> Result<Settings, Failure> {
    if file.extension().is_some_and(|ending| ending == "hcl") {
        let next = "write it as YAML: the run book nginx-exporter.md has an example";
        return Err(Failure::usage("a configuration in HCL is not read").next(next));
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let (settings, notes) = Settings::from_yaml(&text)
        .map_err(|mistake| Failure::usage(format!("{}: {mistake}", file.display())).next("correct the file"))?;
    for note in notes {
        tracing::warn!("{note}");
    }
    Ok(settings)
}

fn of_flags(
    format: Option<String>,
    parser: Parser,
    namespace: String,
    max_series: usize,
    files: Vec<String>,
) -> Result<Settings, Failure> {
    let parser = match (parser, format) {
        (Parser::Text, format) => picup_exporter::Parser::Text(format.unwrap_or_else(|| "combined".to_owned())),
        (Parser::Json, None) => picup_exporter::Parser::Json,
        (Parser::Json, Some(_)) => return Err(Failure::usage("a log of JSON has no format").next("leave --format out")),
    };
    if files.is_empty() {
        return Err(Failure::usage("there is no log to read").next("name one, or a --config FILE"));
    }
    let address: SocketAddr = LISTEN.parse().context("the default address")?;
    Ok(Settings {
        host: address.ip().to_string(),
        port: address.port(),
        metrics_path: "/metrics".to_owned(),
        namespaces: vec![Namespace { files, max_series, ..Namespace::new(namespace, parser) }],
    })
}

fn mistake(mistake: Mistake) -> Failure {
    Failure::usage(mistake.to_string())
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Mistake(it) => mistake(it),
        other => Failure::from(anyhow::Error::from(other)),
    }
}

/// How well a format fits, in lines for people.
fn told(fit: &Fit) -> String {
    let Fit { namespace, files, lines, fitting, .. } = fit;
    let mut text =
        format!("namespace {namespace}: {fitting} of the last {lines} lines of {files} files fit the format\n");
    // Writing to a String cannot fail.
    if let Some((why, shape)) = &fit.objection {
        let _ = writeln!(text, "  the first that does not: {why}\n  it looks like: {shape}");
    }
    if *lines == 0 {
        text.push_str("  there is no line to look at yet\n");
    } else if *fitting > 0 {
        for (metric, variable) in &fit.missing {
            let _ = writeln!(text, "  no {metric}: it needs {variable} in the log");
        }
    }
    text
}
