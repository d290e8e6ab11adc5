//! What a server forgets when it is started again, unless its configuration file says it.

use super::channel_words::Words;
use super::scene::Scene;
use crate::family::Family;

/// What has to stand in the configuration file of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// Which server.
    pub server: String,
    /// In its section `[mysqld]`.
    pub lines: Vec<String>,
}

/// What MariaDB, and of filters MySQL too, does not keep over a restart by itself.
pub(super) fn lines(scene: &Scene<'_>) -> Vec<Lines> {
    let family = scene.target.node.family;
    let keeps = family == Family::MySql;
    let semi_sync = scene.sources.iter().any(|source| source.channel.semi_sync);
    let mut lines = vec!["read_only=ON".to_owned()];
    if keeps {
        // It keeps them itself, in a file that is not read when it starts without its defaults.
        lines.push("super_read_only=ON".to_owned());
    } else {
        lines.extend(family.target_settings().into_iter().map(|(name, value)| format!("{name}={value}")));
        lines.extend(semi_sync.then(|| format!("{}=ON", family.semi_sync_target())));
    }
    for source in &scene.sources {
        let words = Words { family, channel: &source.channel.name };
        lines.extend(words.filter_lines(&source.seen.node.place.schema, &source.channel.schema));
    }
    let target = Lines { server: scene.target.node.name.clone(), lines };
    let waiting = scene.sources.iter().filter(|source| source.channel.semi_sync && !keeps);
    let waiting = waiting.map(|source| Lines {
        server: source.seen.node.name.clone(),
        lines: family.semi_sync_source().iter().map(|(name, value)| format!("{name}={value}")).collect(),
    });
    [target].into_iter().chain(waiting).collect()
}
