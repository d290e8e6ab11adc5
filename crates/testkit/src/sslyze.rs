//! sslyze, which looks at a server's TLS as a stranger does: an external program that `scripts/tools` installs. It speaks to loopback
//! alone.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use crate::{Error, run};

/// The installed version; the folder is named after it.
const FOLDER: &str = ".cache/picup-tools/sslyze-6.3.1";

/// Looks at every protocol, cipher, curve and known weakness of the server at `address`, which is called `name` and whose certificate is
/// trusted by `authority`; says whether it is what Mozilla's configuration of that name wants, or what is not.
///
/// # Errors
/// [`Error::NoSslyze`], and as [`run`].
pub async fn look(
    name: &str,
    address: SocketAddr,
    authority: &Path,
    wanted: &str,
) -> Result<Result<(), String>, Error> {
    let root = std::env::home_dir().unwrap_or_default().join(FOLDER);
    if !root.join("sslyze").is_dir() {
        return Err(Error::NoSslyze(root));
    }
    let mut path = OsString::from("PYTHONPATH=");
    path.push(&root);
    let server = format!("{name}:{}{{{}}}", address.port(), address.ip());
    let mut arguments = vec![path];
    arguments.extend(["python3", "-m", "sslyze", "--mozilla_config", wanted, "--certinfo_ca_file"].map(OsString::from));
    arguments.extend([authority.into(), server.into()]);
    let looked = run("env", arguments).await?;
    let complies = looked.status.success() && looked.stdout.contains("OK - Compliant");
    Ok(if complies { Ok(()) } else { Err(format!("{}{}", looked.stdout, looked.stderr)) })
}
