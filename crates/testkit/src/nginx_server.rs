//! nginx, Debian's own, on a free port of loopback, with the files of a folder: an origin as people have it before an edge.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::listening::wait_until_it_listens;
use crate::{Error, TempDir, free_address, fresh_folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running nginx. Dropping it kills it.
#[derive(Debug)]
pub struct NginxServer {
    address: SocketAddr,
    child: Option<Child>,
    folder: TempDir,
}

impl NginxServer {
    /// Starts one that gives the files in `root`, and waits until it listens.
    ///
    /// # Errors
    /// When it did not begin: what it said is in the error.
    pub fn start(root: &Path) -> Result<Self, Error> {
        Self::start_saying(root, "", "")
    }

    /// As [`NginxServer::start`], with more in its blocks `http` and `server`.
    ///
    /// # Errors
    /// As [`NginxServer::start`].
    pub fn start_saying(root: &Path, http: &str, server: &str) -> Result<Self, Error> {
        let (folder, address) = (fresh_folder(), free_address());
        // One process, as the user who runs the tests: its worker would be another, who may not read the folder.
        let text = format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/log warn;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log {folder}/asked; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
             fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
             types {{ image/jpeg jpg; image/webp webp; video/mp4 mp4; }}\n\
             {http}\nserver {{ listen {address}; root {root}; {server} }} }}\n",
            folder = folder.path().display(),
            root = root.display(),
        );
        std::fs::write(folder.path().join("nginx.conf"), text).map_err(Error::io("write nginx's configuration"))?;
        let mut server = Self { address, child: None, folder };
        server.start_again()?;
        Ok(server)
    }

    /// Comes back at the same address.
    ///
    /// # Errors
    /// As [`NginxServer::start`].
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.stop();
        let log = self.folder.path().join("log");
        let said = std::fs::File::create(&log).map_err(Error::io("make a log"))?;
        // Where root's programs are, for users whose shell does not look there.
        let program = ["/usr/sbin/nginx", "nginx"].into_iter().find(|it| Path::new(it).exists()).unwrap_or("nginx");
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join("nginx.conf")).stdin(Stdio::null()).stderr(said);
        let child = self.child.insert(command.spawn().map_err(Error::io("start nginx"))?);
        wait_until_it_listens(child, "nginx", self.address, &log, PATIENCE)
    }

    /// Ends it as a power cut would.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Killed, unless it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Tells it to open its logs anew, as whoever has moved them away does (SIGUSR1).
    pub fn reopen_logs(&self) {
        let id = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        // One that has ended opens nothing.
        let _ = id.map(|id| kill_process(id, Signal::USR1));
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked for, a line each.
    #[must_use]
    pub fn asked(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default()
    }
}

impl Drop for NginxServer {
    fn drop(&mut self) {
        self.stop();
    }
}
