//! How MariaDB's and MySQL's servers are set up and spoken to where they differ.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Error;

/// Servers are no commands of everybody's, so not every user's own path has them.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Root may come by TCP, too.
const ROOT: &str = "CREATE USER root@'127.0.0.1'; GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;";

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    MariaDb,
    MySql,
}

impl Make {
    /// The server's program, ready for its options.
    fn program(self) -> Vec<String> {
        match self {
            Self::MariaDb => vec!["mariadbd".into(), "--no-defaults".into()],
            Self::MySql => {
                let root = mysql_root();
                let path = |name: &str| root.join(name).display().to_string();
                vec![
                    path("usr/lib64/ld-linux-x86-64.so.2"),
                    "--library-path".into(),
                    path("usr/lib/x86_64-linux-gnu"),
                    path("usr/sbin/mysqld"),
                    "--no-defaults".into(),
                    format!("--lc-messages-dir={}", path("usr/share/mysql")),
                    format!("--character-sets-dir={}", path("usr/share/mysql/charsets")),
                    format!("--plugin-dir={}", path("usr/lib/mysql/plugin")),
                ]
            }
        }
    }

    pub(crate) fn killed_with_its_parent(self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(self.program()).env("PATH", PATH);
        if self == Self::MariaDb {
            // Nothing is to survive a power cut: what waits for the disk returns at once.
            command.env("LD_PRELOAD", "libeatmydata.so");
        }
        command
    }

    /// An empty server's files. Making them takes seconds, so they are made once on a machine, and copied.
    pub(crate) fn initialise(self, data: &Path, temporary: &Path) -> Result<(), Error> {
        let model = self.model()?;
        if !model.exists() {
            let fresh = temporary.join("model");
            self.install(&fresh, temporary)?;
            // Two servers of one name could not follow each other.
            let _ = std::fs::remove_file(fresh.join("auto.cnf"));
            let beside = model.with_extension(std::process::id().to_string());
            output_of(Command::new("cp").arg("-a").arg(&fresh).arg(&beside))?;
            if std::fs::rename(&beside, &model).is_err() {
                // Another process was quicker.
                let _ = std::fs::remove_dir_all(&beside);
            }
        }
        output_of(Command::new("cp").arg("-a").arg(&model).arg(data)).map(drop)
    }

    /// Where the files of an empty server of this version are kept.
    fn model(self) -> Result<PathBuf, Error> {
        let mut asked = self.killed_with_its_parent();
        let version = output_of(asked.arg("--version"))?;
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let number = version.split("Ver ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or("unknown");
        let number: String = number.chars().map(plain).collect();
        let folder = tools();
        std::fs::create_dir_all(&folder).map_err(Error::io("make a folder for tools"))?;
        Ok(folder.join(format!("{self:?}-{number}-empty")))
    }

    /// Temporary files have a folder of their own each time: a server that starts removes the temporary tables that it finds,
    /// those of another one too.
    fn install(self, data: &Path, temporary: &Path) -> Result<(), Error> {
        let mut installer = match self {
            Self::MariaDb => {
                let mut installer = Command::new("mariadb-install-db");
                installer.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
                installer.args(["--skip-test-db", "--skip-name-resolve"]);
                installer
            }
            Self::MySql => {
                let root = temporary.join("root.sql");
                std::fs::write(&root, ROOT).map_err(Error::io("write down who root is"))?;
                let mut installer = self.killed_with_its_parent();
                installer.args(["--initialize-insecure", "--innodb-flush-method=nosync"]);
                installer.arg(format!("--init-file={}", root.display()));
                installer
            }
        };
        installer.arg("--user=root").arg(format!("--datadir={}", data.display())).args(self.usual());
        output_of(installer.env("PATH", PATH).env("TMPDIR", temporary)).map(drop)
    }

    /// What each server of this make is told.
    pub(crate) const fn usual(self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &["--innodb-log-file-size=16M", "--sync-frm=0"],
            Self::MySql => &["--innodb-redo-log-capacity=32M", "--mysqlx=OFF", "--secure-file-priv=NULL"],
        }
    }

    /// What a server is told that others can follow.
    pub(crate) const fn replicating(self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &[
                "--log-bin=bin",
                "--log-slave-updates=ON",
                "--gtid-strict-mode=ON",
                "--binlog-format=ROW",
                "--slave-net-timeout=5",
            ],
            Self::MySql => {
                &["--log-bin=bin", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--replica-net-timeout=5"]
            }
        }
    }

    pub(crate) fn follow(self, primary: SocketAddr) -> String {
        let (host, port) = (primary.ip(), primary.port());
        match self {
            Self::MariaDb => format!(
                "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='root', MASTER_CONNECT_RETRY=1, \
                 MASTER_HEARTBEAT_PERIOD=1, MASTER_USE_GTID=slave_pos; START SLAVE; SET GLOBAL read_only = 1"
            ),
            Self::MySql => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, SOURCE_USER='root', \
                 SOURCE_CONNECT_RETRY=1, SOURCE_HEARTBEAT_PERIOD=1, SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; \
                 START REPLICA; SET GLOBAL read_only = 1"
            ),
        }
    }

    /// What it calls a server that follows another.
    pub(crate) const fn replica(self) -> &'static str {
        match self {
            Self::MariaDb => "SLAVE",
            Self::MySql => "REPLICA",
        }
    }

    /// Asks how far it has come.
    pub(crate) const fn position(self) -> &'static str {
        match self {
            Self::MariaDb => "SELECT @@global.gtid_binlog_pos",
            Self::MySql => "SELECT @@global.gtid_executed",
        }
    }

    pub(crate) fn take_both_passwords(self, user: &str, old: &str, new: &str) -> String {
        match self {
            Self::MariaDb => format!(
                "ALTER USER {user} IDENTIFIED VIA mysql_native_password USING PASSWORD('{old}') \
                 OR mysql_native_password USING PASSWORD('{new}')"
            ),
            Self::MySql => format!("ALTER USER {user} IDENTIFIED BY '{new}' RETAIN CURRENT PASSWORD"),
        }
    }

    /// Waits for a position; answers 0 when it has come.
    pub(crate) fn wait_for(self, position: &str, patience: Duration) -> String {
        let function = match self {
            Self::MariaDb => "MASTER_GTID_WAIT",
            Self::MySql => "WAIT_FOR_EXECUTED_GTID_SET",
        };
        format!("SELECT {function}('{position}', {})", patience.as_secs())
    }
}

/// What a program that ended well has printed; else an error with what it was asked and what it complained of.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Error> {
    let asked = format!("{command:?}");
    let done = command.output().map_err(Error::io(format!("run {asked}")))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned());
    }
    let output = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Error::Ended { program: asked, status: done.status, output })
}

/// Where `scripts/mysql` has put it.
fn mysql_root() -> PathBuf {
    tools().join("mysql")
}

/// Where what only tests need is kept.
#[allow(clippy::disallowed_methods, reason = "where a user keeps such files is told by the environment alone")]
fn tools() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    home.join(".cache/picup-tools")
}
