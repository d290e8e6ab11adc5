//! The settings of the store as words of the configuration, and the configuration with other ones in their place.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use picup_storage::Style;
use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::note::write_whole;
use crate::config::{Config, Flags, read};

/// Where a store is and how it is reached, as the configuration says it. Without an address: the folder in the data folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) url: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) style: Option<String>,
    pub(crate) access_key_file: Option<String>,
}

impl Words {
    /// Those of a configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let store = &config.store;
        let style = |style| if style == Style::Path { "path" } else { "virtual-host" };
        let usual = config.store_folder().is_some_and(|folder| folder == config.objects());
        Self {
            url: store.url.as_ref().filter(|_| !usual).map(ToString::to_string),
            provider: store.provider.map(|profile| profile.to_string()),
            endpoint: store.endpoint.as_ref().map(|endpoint| endpoint.as_str().to_owned()),
            region: store.region.clone(),
            style: store.style.map(|it| style(it).to_owned()),
            access_key_file: store.access_key_file.as_ref().map(|file| file.display().to_string()),
        }
    }

    /// Whether both name the same place, by whatever key it is reached.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.url == other.url && self.endpoint == other.endpoint
    }

    /// The place, for people.
    pub(crate) fn place(&self) -> String {
        match (&self.url, &self.endpoint) {
            (None, _) => "the folder objects in the data folder".to_owned(),
            (Some(url), None) => url.clone(),
            (Some(url), Some(endpoint)) => format!("{url} at {endpoint}"),
        }
    }

    fn is_bucket(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.starts_with("s3://"))
    }

    fn all(&self) -> [(&'static str, Option<&String>); 6] {
        [
            ("url", self.url.as_ref()),
            ("provider", self.provider.as_ref()),
            ("endpoint", self.endpoint.as_ref()),
            ("region", self.region.as_ref()),
            ("style", self.style.as_ref()),
            ("access_key_file", self.access_key_file.as_ref()),
        ]
    }
}

/// The text of a configuration with another store in place of its own, and what it says then. Everything else stays, remarks too.
///
/// # Errors
/// When the file cannot be read, or such a configuration would have mistakes.
pub(crate) fn rewritten(file: &Path, data_dir: &Path, words: &Words) -> anyhow::Result<(String, Config)> {
    let text = text_of(file)?;
    let mut document: DocumentMut = text.parse().with_context(|| format!("reading {}", file.display()))?;
    let store = document.entry("store").or_insert_with(|| Item::Table(Table::new()));
    let store = store.as_table_like_mut().with_context(|| format!("`store` in {} is no section", file.display()))?;
    for (name, word) in words.all() {
        set(store, name, word);
    }
    if !words.is_bucket() {
        ["parts", "reads", "cdn", "cdn_key_file", "cdn_key_id"].iter().for_each(|name| set(store, name, None));
    }
    if store.is_empty() {
        document.remove("store");
    }
    let text = document.to_string();
    let flags = Flags { data_dir: Some(data_dir.to_owned()), ..Flags::default() };
    match read(&text, flags) {
        Ok(config) => Ok((text, config)),
        Err(mistakes) => {
            let told: Vec<String> = mistakes.mistakes.into_iter().map(|mistake| mistake.text).collect();
            bail!("{}", told.join("; "))
        }
    }
}

/// Sets a word in place of what stood there, or takes it out.
fn set(store: &mut dyn TableLike, name: &str, word: Option<&String>) {
    match word {
        Some(word) => match store.get_mut(name).and_then(Item::as_value_mut) {
            Some(value) => {
                let decor = value.decor().clone();
                *value = word.as_str().into();
                *value.decor_mut() = decor;
            }
            None => {
                store.insert(name, toml_edit::value(word.as_str()));
            }
        },
        None => {
            store.remove(name);
        }
    }
}

/// Puts another store into the configuration, and keeps the one before beside it.
///
/// # Errors
/// As [`rewritten`], and when it cannot be written.
pub(crate) fn rewrite(file: &Path, data_dir: &Path, words: &Words) -> anyhow::Result<()> {
    let (text, _) = rewritten(file, data_dir, words)?;
    let before = text_of(file)?;
    if text == before {
        return Ok(());
    }
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mode = fs::metadata(&file).map_or(0o600, |found| found.permissions().mode() & 0o777);
    write_whole(&kept_beside(&file), before.as_bytes(), mode)?;
    write_whole(&file, text.as_bytes(), mode)
}

/// Where the configuration from before a move is kept.
pub(crate) fn kept_beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".before-move");
    file.with_file_name(name)
}

/// Fine if the configuration can be rewritten.
///
/// # Errors
/// Why not.
pub(crate) fn require_writable(file: &Path) -> anyhow::Result<()> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().unwrap_or(Path::new("."));
    let tried = tempfile::tempfile_in(folder).map(drop);
    tried.with_context(|| format!("{} cannot be rewritten at the end: its folder is closed to writing", file.display()))
}

/// The text of a configuration; nothing where there is none.
fn text_of(file: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Words {
        Words {
            url: Some("s3://photos/family".to_owned()),
            endpoint: Some("https://minio.home".to_owned()),
            access_key_file: Some("/srv/key".to_owned()),
            ..Words::default()
        }
    }

    /// Rewrites `before` in a fresh folder; gives what stands there then.
    fn after(before: &str, words: &Words) -> (String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picup.toml");
        fs::write(&file, before).unwrap();
        rewrite(&file, folder.path(), words).unwrap();
        (fs::read_to_string(&file).unwrap(), folder)
    }

    #[test]
    fn everything_but_the_store_stays_as_it_was() {
        let before = "# ours\nlisten = '127.0.0.1:1' # here\n\n[store]\n# the old one\nurl = 's3://old' # near\nregion = 'r'\n\
                      reads = 'redirect'\n\n[log]\nlevel = 'debug'\n";
        let (text, folder) = after(before, &bucket());
        assert!(text.starts_with("# ours\nlisten = '127.0.0.1:1' # here\n\n[store]\n# the old one\n"), "{text}");
        assert!(
            text.contains("url = \"s3://photos/family\" # near\n") && text.contains("reads = 'redirect'"),
            "{text}"
        );
        assert!(text.ends_with("[log]\nlevel = 'debug'\n") && !text.contains("region"), "{text}");
        assert_eq!(fs::read_to_string(folder.path().join("picup.toml.before-move")).unwrap(), before);
        let config = read(&text, Flags::default()).unwrap();
        assert!(Words::of(&config).is_same_place(&bucket()));
        let (text, _folder) = after(&text, &Words::default());
        assert!(!text.contains("store") && text.contains("level = 'debug'"), "{text}");
        let (text, _folder) = after(&text, &Words { url: Some("/mnt/photos".to_owned()), ..Words::default() });
        assert!(text.contains("[store]\nurl = \"/mnt/photos\"\n"), "{text}");
    }

    #[test]
    fn dotted_settings_and_none_at_all_are_rewritten_too() {
        let (text, _folder) = after("store.url = \"s3://old\"\n# objects: here\n[log]\nlevel = 'debug'\n", &bucket());
        assert!(text.contains("s3://photos/family") && text.contains("# objects: here\n"), "{text}");
        let (text, _folder) = after("", &bucket());
        assert_eq!(Words::of(&read(&text, Flags::default()).unwrap()), bucket());
    }

    #[test]
    fn what_would_be_a_mistake_is_told_and_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picup.toml");
        fs::write(&file, "[backup.destinations.b]\nurl = 's3://photos'\nendpoint = 'https://minio.home'\n").unwrap();
        let told = rewrite(&file, folder.path(), &bucket()).unwrap_err().to_string();
        assert!(told.contains("backup.destinations.b is where the photos are"), "{told}");
        assert!(!kept_beside(&file).exists());
    }
}
