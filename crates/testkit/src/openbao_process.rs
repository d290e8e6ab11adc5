//! How OpenBao's program is found and started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use crate::listening::start;
use crate::{Error, free_address};

/// The installed version; the folder is named after it.
const PROGRAM: &str = ".cache/picup-tools/bao-2.7.2/bao";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where it holds what it has.
#[derive(Clone, Copy)]
pub(crate) enum Storage {
    Memory,
    Raft,
}

impl Storage {
    /// What stands in the configuration.
    pub(crate) fn text(self, folder: &Path) -> Result<String, Error> {
        match self {
            Self::Memory => Ok("storage \"inmem\" {}".to_owned()),
            Self::Raft => {
                let data = folder.join("data");
                std::fs::create_dir(&data).map_err(Error::io("make a folder for OpenBao"))?;
                let others = free_address();
                Ok(format!(
                    "cluster_addr = \"https://{others}\"\n\
                     storage \"raft\" {{\n  path = {data:?}\n  node_id = \"one\"\n  performance_multiplier = 1\n}}"
                ))
            }
        }
    }
}

fn program() -> PathBuf {
    std::env::home_dir().unwrap_or_default().join(PROGRAM)
}

/// Starts it by the configuration in that folder, and waits until it listens.
pub(crate) fn spawn(folder: &Path, address: SocketAddr) -> Result<Child, Error> {
    let program = program();
    if !program.is_file() {
        return Err(Error::NoOpenBao(program));
    }
    let mut command = Command::new(program);
    command.arg("server").arg(format!("-config={}", folder.join("bao.hcl").display()));
    start(&mut command, address, &folder.join("log"), PATIENCE)
}
