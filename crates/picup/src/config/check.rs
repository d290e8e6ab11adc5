//! Reads a configuration file and finds every mistake in it at once, each with its line and what to write instead.
//!
//! A reader that stops at the first mistake makes people start the server five times. So the file is taken apart key by
//! key against what [`Config`] knows, each value is read alone, and only a file without mistakes is read as a whole.

use std::fmt;
use std::path::{Path, PathBuf};

use confique::meta::{FieldKind, Meta};
use confique::{Config as _, Layer as _};
use toml::de::{DeTable, DeValue};

use super::backup::DestinationConfig;
use super::{Config, Flags, Layer};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The line it is on, from 1; `None` when it is between lines.
    pub(crate) line: Option<usize>,
    /// What is wrong and what to write.
    pub(crate) text: String,
}

/// All the mistakes of a configuration, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Mistakes {
    /// The file, when there is one.
    pub(crate) file: Option<PathBuf>,
    /// In the order of the file.
    pub(crate) mistakes: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => write!(f, "the configuration has a mistake")?,
            count => write!(f, "the configuration has {count} mistakes")?,
        }
        for mistake in &self.mistakes {
            write!(f, "\n  ")?;
            match (&self.file, mistake.line) {
                (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
                (Some(file), None) => write!(f, "{}: ", file.display())?,
                (None, Some(line)) => write!(f, "line {line}: ")?,
                (None, None) => {}
            }
            write!(f, "{}", mistake.text)?;
        }
        Ok(())
    }
}

/// The settings: flags over the file over the defaults. The file is the one that is named, or else `picup.toml` in the data
/// folder, so that whoever names the folder names its settings too.
///
/// # Errors
/// Every mistake that can be found, or that the file cannot be read.
pub(crate) fn load(file: Option<&Path>, flags: Flags) -> Result<Config, Mistakes> {
    if let Some(path) = file {
        return load_file(path, flags);
    }
    let plain = read("", flags.clone())?;
    let path = plain.data_dir.join("picup.toml");
    if !path.exists() {
        return Ok(plain);
    }
    let config = load_file(&path, flags)?;
    if config.data_dir == plain.data_dir {
        return Ok(config);
    }
    let text = format!("`data_dir` is where this file is, {}; take the line out", plain.data_dir.display());
    Err(Mistakes { file: Some(path), mistakes: vec![Mistake { line: None, text }] })
}

fn load_file(path: &Path, flags: Flags) -> Result<Config, Mistakes> {
    let named = |mut mistakes: Mistakes| {
        mistakes.file = Some(path.to_owned());
        mistakes
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| named(one(None, format!("cannot be read: {error}; give the path of a TOML file in UTF-8"))))?;
    read(&text, flags).map_err(named)
}

/// As [`load`], from the file's text.
///
/// # Errors
/// Every mistake that can be found.
pub(crate) fn read(text: &str, flags: Flags) -> Result<Config, Mistakes> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .map(|error| Mistake {
            line: error.span().map(|span| line_of(text, span.start)),
            text: format!("not TOML: {}", error.message()),
        })
        .collect();
    // After a syntax error the rest of the file may have been read askew; its other mistakes would mislead.
    if mistakes.is_empty() {
        check_table(text, document.get_ref(), &Config::META, &mut Vec::new(), &mut mistakes);
    }
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|mistake| mistake.line);
        return Err(Mistakes { file: None, mistakes });
    }
    let layer: Layer = toml::from_str(text).map_err(|error| one(None, error.message().to_owned()))?;
    let layer = flags.into_layer().with_fallback(layer).with_fallback(Layer::default_values());
    let mut config = Config::from_layer(layer).map_err(|error| one(None, plain(&error.to_string())))?;
    // So that the same folder is the same, however it is named.
    config.data_dir = std::path::absolute(&config.data_dir).unwrap_or(config.data_dir);
    Ok(config)
}

fn one(line: Option<usize>, text: String) -> Mistakes {
    Mistakes { file: None, mistakes: vec![Mistake { line, text }] }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn check_table(text: &str, table: &DeTable<'_>, meta: &Meta, path: &mut Vec<String>, mistakes: &mut Vec<Mistake>) {
    for (key, value) in table {
        let line = Some(line_of(text, key.span().start));
        let name = key.get_ref().as_ref();
        path.push(name.to_owned());
        let full = path.join(".");
        let mut mistake = |text: String| mistakes.push(Mistake { line, text });
        match (meta.fields.iter().find(|field| field.name == name).map(|field| field.kind), value.get_ref()) {
            (None, found) => mistake(unknown(&full, name, meta, matches!(found, DeValue::Table(_)))),
            (Some(FieldKind::Nested { meta }), DeValue::Table(inner)) => {
                check_table(text, inner, meta, path, mistakes);
            }
            (Some(FieldKind::Nested { .. }), _) => {
                mistake(format!("`{full}` is a section; write [{full}] and its settings below it"));
            }
            (Some(FieldKind::Leaf { .. }), DeValue::Table(inner)) if full == DESTINATIONS => {
                check_destinations(text, inner, path, mistakes);
            }
            (Some(FieldKind::Leaf { .. }), DeValue::Table(_)) => {
                mistake(format!("`{full}` is a setting, not a section; write {name} = …"));
            }
            (Some(FieldKind::Leaf { .. }), _) => {
                if let Err(reason) = check_value(path, text.get(value.span()).unwrap_or_default()) {
                    mistake(format!("`{full}`: {reason}"));
                }
            }
        }
        path.pop();
    }
}

/// Sections whose names people choose.
const DESTINATIONS: &str = "backup.destinations";

fn check_destinations(text: &str, table: &DeTable<'_>, path: &mut Vec<String>, mistakes: &mut Vec<Mistake>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        path.push(name.to_owned());
        if let DeValue::Table(inner) = value.get_ref() {
            check_table(text, inner, &DestinationConfig::META, path, mistakes);
        } else {
            let line = Some(line_of(text, key.span().start));
            let full = path.join(".");
            mistakes.push(Mistake {
                line,
                text: format!("`{full}` is a section; write [{full}] and its settings below it"),
            });
        }
        path.pop();
    }
}

/// Reads one value alone, as the file that would hold nothing else.
fn check_value(path: &[String], value: &str) -> Result<(), String> {
    let (name, sections) = path.split_last().ok_or("a value without a name")?;
    let alone = if sections.is_empty() {
        format!("{name} = {value}")
    } else {
        format!("[{}]\n{name} = {value}", sections.join("."))
    };
    toml::from_str::<Layer>(&alone).map(|_| ()).map_err(|error| plain(error.message()))
}

/// What the libraries say around our own advice helps nobody.
fn plain(message: &str) -> String {
    let message = message.trim().trim_start_matches("validation failed: ");
    message.strip_prefix("config validation of `Config` failed: ").unwrap_or(message).to_owned()
}

fn unknown(full: &str, name: &str, meta: &Meta, section: bool) -> String {
    let what = if section { "section" } else { "setting" };
    let destinations = every_name(&DestinationConfig::META, &format!("{DESTINATIONS}.NAME."));
    let nearest = every_name(&Config::META, "")
        .into_iter()
        .chain(destinations)
        .map(|known| {
            // Right in this section, or right in name but in another section.
            let here = meta.fields.iter().any(|field| known.rsplit('.').next() == Some(field.name));
            let last = known.rsplit('.').next().unwrap_or(&known);
            let likeness = strsim::jaro_winkler(name, last) + if here { 0.05 } else { 0.0 };
            (likeness, known)
        })
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((likeness, known)) if likeness > 0.8 => format!("unknown {what} `{full}`; did you mean `{known}`?"),
        _ => format!("unknown {what} `{full}`; `picup config template` prints every one there is"),
    }
}

fn every_name(meta: &Meta, prefix: &str) -> Vec<String> {
    meta.fields
        .iter()
        .flat_map(|field| {
            let full = format!("{prefix}{}", field.name);
            match field.kind {
                FieldKind::Nested { meta } => {
                    let mut names = every_name(meta, &format!("{full}."));
                    names.push(full);
                    names
                }
                FieldKind::Leaf { .. } => vec![full],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mistakes(text: &str) -> Vec<(Option<usize>, String)> {
        let mistakes = read(text, Flags::default()).unwrap_err().mistakes;
        mistakes.into_iter().map(|mistake| (mistake.line, mistake.text)).collect()
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_a_way_out() {
        let found = mistakes(
            "lisen = '0.0.0.0:80'\nadmin_listen = 'here'\n\n[session]\nrefresh_life = 30\n\n[worker]\nconcurrency = 'many'\n\
             \n[log]\nformat = 'xml'\nlevel = 'loud noise'\n[media]\nthumbnail_px = 5\n[limits]\nupload = '10 bananas'\n",
        );
        let lines: Vec<_> = found.iter().map(|(line, _)| line.unwrap()).collect();
        assert_eq!(lines, [1, 2, 5, 8, 11, 12, 14, 16], "{found:#?}");
        let says = |n: usize, what: &str| assert!(found[n].1.contains(what), "{:?} lacks {what}", found[n]);
        says(0, "did you mean `listen`?");
        says(1, "write for example 127.0.0.1:8080");
        says(2, "expected a duration as text");
        says(3, "invalid type: string");
        says(4, "`text` or `json`");
        says(5, "write error, warn, info");
        says(6, "from 64 to 1024");
        says(7, "500MB, 10GB");
    }

    #[test]
    fn a_setting_in_the_wrong_place_is_found() {
        assert!(mistakes("thumbnail_px = 300")[0].1.contains("did you mean `media.thumbnail_px`?"));
        assert!(mistakes("[serve]\nx = 1")[0].1.contains("unknown section `serve`"));
        assert!(mistakes("media = 3")[0].1.contains("write [media]"));
        assert!(mistakes("[listen]\nport = 80")[0].1.contains("is a setting, not a section"));
        assert!(mistakes("zzzqqq = 1")[0].1.contains("picup config template"));
    }

    #[test]
    fn what_is_not_toml_is_told_by_line() {
        let found = mistakes("listen = '127.0.0.1:1'\ndata_dir = \nx");
        assert_eq!(found[0].0, Some(2), "{found:?}");
        assert!(found[0].1.starts_with("not TOML"));
    }

    #[test]
    fn a_folder_may_hold_its_own_settings() {
        let folder = tempfile::tempdir().unwrap();
        let load = || load(None, Flags { data_dir: Some(folder.path().to_owned()), ..Flags::default() });
        assert_eq!(load().unwrap().media.preview_px, 2048);
        std::fs::write(folder.path().join("picup.toml"), "[media]\npreview_px = 1024").unwrap();
        assert_eq!(load().unwrap().media.preview_px, 1024);
        std::fs::write(folder.path().join("picup.toml"), "[media]\npreview = 1024").unwrap();
        assert!(load().unwrap_err().to_string().contains("picup.toml:2: unknown setting"));
    }

    #[test]
    fn a_missing_file_is_a_mistake_that_names_it() {
        let error = load(Some(Path::new("/nonexistent/picup.toml")), Flags::default()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/picup.toml: cannot be read"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a-z_.\\[\\]=\"'{}, 0-9#\n]|listen|media|log){0,60}") {
            let _ = read(&text, Flags::default());
        }
    }
}
