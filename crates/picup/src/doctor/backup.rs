//! What is asked of the destinations of copies.

use picup_storage::Backup;

use super::{Check, ill, well};
use crate::config::Config;
use crate::secrets;

/// Looks at every destination, and whether there is a recovery key.
pub(super) async fn backup(config: &Config) -> Vec<Check> {
    let all = match config.backup.all() {
        Ok(all) if all.is_empty() => return Vec::new(),
        Ok(all) => all,
        Err(error) => return vec![ill("backup", error)],
    };
    let mut checks = vec![recovery_key(config)];
    for (name, destination) in all {
        let label = |check: &str| format!("backup-{name}-{check}");
        let opened = config.backup_settings(&destination, None, None).and_then(|settings| Ok(Backup::open(settings)?));
        match opened {
            Ok(backup) => {
                let asked = backup.check().await;
                checks.extend(asked.into_iter().map(|asked| Check {
                    name: label(asked.name),
                    ok: asked.ok,
                    advice: asked.advice,
                }));
            }
            Err(error) => checks.push(ill(&label("there"), format!("{error:#}"))),
        }
    }
    checks
}

fn recovery_key(config: &Config) -> Check {
    let name = "backup-recovery-key";
    match secrets::recovery_recipient(&config.data_dir) {
        Ok(Some(recipient)) => well(name, format!("copies are sealed to {recipient} too")),
        Ok(None) => ill(name, "there is none, so no restore is possible; make one: picup backup recovery-key"),
        Err(error) => ill(name, format!("{error:#}")),
    }
}
