//! Has a source's commits wait until a target has received them, and has the target tell.

use super::channel_words::Words;
use super::node::Node;
use super::plan::Planner;
use super::scene::Scene;
use super::words::Sql;
use super::{Error, Kind};

impl Planner<'_> {
    /// Whether the channel has to begin again for it.
    pub(super) async fn semi_sync(&mut self, scene: &mut Scene<'_>, place: usize) -> Result<bool, Error> {
        let family = scene.target.node.family;
        let wanted = scene.sources[place].channel.semi_sync;
        let name = family.semi_sync_target();
        let there = is_on(&mut scene.target.node, name).await?;
        if wanted {
            if let Some((plugin, file)) = family.semi_sync_plugin(true) {
                self.plugin(scene, Some(place), plugin, file).await?;
            }
            for (name, value) in family.semi_sync_source() {
                let now = scene.sources[place].seen.node.ask(&format!("SHOW GLOBAL VARIABLES LIKE '{name}'")).await?;
                if now.first().map(|row| row.at(1)).as_deref() != Some(value) {
                    let sql = family.set(name, if value == "AFTER_SYNC" { "'AFTER_SYNC'" } else { value });
                    self.say_to(&scene.sources[place], sql, "a commit waits until a replica has received it");
                }
            }
        }
        if wanted == there || scene.topology.kind == Kind::OffSite && !wanted {
            return Ok(false);
        }
        if let (true, Some((plugin, file))) = (wanted, family.semi_sync_plugin(false)) {
            self.plugin(scene, None, plugin, file).await?;
        }
        let value = if wanted { "ON" } else { "OFF" };
        self.say(scene, family.set(name, value), "it tells its source what it has received");
        let words = Words { family, channel: &scene.sources[place].channel.name };
        let stop = words.stop();
        let stopped = self.steps.iter().any(|step| step.what == stop.text());
        if scene.sources[place].state(&scene.target).is_some_and(|state| !state.rests()) && !stopped {
            self.say(scene, stop, "it begins anew with that");
        }
        Ok(true)
    }

    async fn plugin(
        &mut self,
        scene: &mut Scene<'_>,
        source: Option<usize>,
        name: &str,
        file: &str,
    ) -> Result<(), Error> {
        let node = match source {
            Some(place) => &mut scene.sources[place].seen.node,
            None => &mut scene.target.node,
        };
        let asked = format!("SELECT plugin_name FROM information_schema.plugins WHERE plugin_name = '{name}'");
        if node.text(&asked).await?.is_empty() {
            let sql = Sql::plain(format!("INSTALL PLUGIN {name} SONAME '{file}'"));
            match source {
                Some(place) => self.say_to(&scene.sources[place], sql, "MySQL has it as a plug-in"),
                None => {
                    self.open_target(scene);
                    self.say(scene, sql, "MySQL has it as a plug-in");
                }
            }
        }
        Ok(())
    }
}

/// Whether a server has that setting, and it is on.
pub(super) async fn is_on(node: &mut Node, variable: &str) -> Result<bool, Error> {
    let rows = node.ask(&format!("SHOW GLOBAL VARIABLES LIKE '{variable}'")).await?;
    Ok(rows.first().is_some_and(|row| row.at(1) == "ON"))
}
