//! The one place that reads secrets.
//!
//! A home server has no vault: its keys are made on the first run and kept under `DATA/secrets`, each in a file that only its
//! owner may read. A file that others can read is refused, because whoever read it can sign as this PicUp. Lower rooms get
//! plain values and never see a path.

pub(crate) mod media_keys;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use picup_app::Secrets;
use picup_delivery::{KeyId, SigningKey, TokenSecret, Zeroizing};
use picup_storage::{SealIdentity, SealRecipient};
use rustix::fs::OFlags;
use tokio::sync::watch;

const ACCESS_KEY: &str = "access-token-key.pem";
/// Its public half, for gateways that stand alone.
const ACCESS_PUBLIC: &str = "access-token-public.pem";
const MEDIA_KEY: &str = "media-key.pem";
const SERVER_KEY: &str = "server-key.hex";
const BACKUP_KEY: &str = "backup-key.txt";

/// The folder of a data directory that holds its secrets.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets")
}

/// Reads this PicUp's secrets, making on first use what is missing.
pub(crate) fn load_or_create(data_dir: &Path) -> anyhow::Result<Secrets> {
    let folder = folder(data_dir);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("making the folder {}", folder.display()))?;

    let access = signing_key(&folder.join(ACCESS_KEY))?;
    let public = access.public_key_pem();
    leave(&folder.join(ACCESS_PUBLIC), &public);
    let media = signing_key(&folder.join(MEDIA_KEY))?;
    let server_key = read_or_create(&folder.join(SERVER_KEY), || {
        let bytes: [u8; 32] = rand::random();
        Zeroizing::new(hex::encode(bytes))
    })?;
    let mut server_bytes = [0; 32];
    hex::decode_to_slice(server_key.trim(), &mut server_bytes)
        .with_context(|| format!("{} must hold 64 hexadecimal digits", folder.join(SERVER_KEY).display()))?;

    Ok(Secrets {
        access_public_pem: public.into(),
        access_key_pem: Arc::new(access.to_pem()),
        server_key: server_bytes,
        media_key: watch::channel(Arc::new(media)).1,
        token_secret: None,
    })
}

/// The password in a file: its first line.
///
/// # Errors
/// When the file is not there, can be read by others, or holds nothing.
pub(crate) fn password(path: &Path) -> anyhow::Result<String> {
    let text = read(path)?.with_context(|| format!("{} is not there; write the password into it", path.display()))?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => bail!("{} is empty; write the password on its first line", path.display()),
    }
}

/// The private key of a certificate, in PEM.
///
/// # Errors
/// When the file is not there, or can be read by others.
pub(crate) fn tls_key(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    read(path)?.with_context(|| format!("{} is not there", path.display()))
}

/// What is kept of an account at an authority of certificates, its key among it; none when there is no such file.
///
/// # Errors
/// When it can be read by others.
pub(crate) fn acme_account(path: &Path) -> anyhow::Result<Option<Zeroizing<String>>> {
    read(path)
}

/// The key that binds such an account to one that the authority keeps of its customers.
///
/// # Errors
/// When the file is not there, can be read by others, or holds something else.
pub(crate) fn acme_binding(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = read(path)?.with_context(|| format!("{} is not there", path.display()))?;
    let key = BASE64_URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('='));
    key.with_context(|| format!("{} does not hold a key in base64url", path.display()))
}

/// The secrets of edges, one on each line: two while one takes the other's place.
///
/// # Errors
/// When the file is not there, can be read by others, or has none, or a short one.
pub(crate) fn edge_secrets(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = read(path)?.with_context(|| format!("{} is not there; write a secret into it", path.display()))?;
    let secrets: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if secrets.is_empty() || secrets.iter().any(|secret| secret.len() < 32) {
        bail!("{} has no secret of 32 characters or more on each line; openssl rand -hex 32 makes one", path.display());
    }
    Ok(secrets)
}

/// An access key of an S3 service.
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The access key in a file of two lines: its id, its secret.
///
/// # Errors
/// When the file is not there, can be read by others, or holds something else.
pub(crate) fn access_key(path: &Path) -> anyhow::Result<AccessKey> {
    let shown = path.display();
    let what = "the key's ID on the first line, its secret on the second";
    let text = read(path)?.with_context(|| format!("{shown} is not there; write {what}"))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next(), lines.next()) {
        // A blank within means that there is more on a line than the one or the other.
        (Some(id), Some(secret), None)
            if !id.contains(char::is_whitespace) && !secret.contains(char::is_whitespace) =>
        {
            Ok(AccessKey { id: id.to_owned(), secret: secret.to_owned() })
        }
        _ => bail!("{shown} has to hold two lines and nothing else: {what}"),
    }
}

/// The server's own key for its backups, made on first use.
///
/// # Errors
/// When the file cannot be read or made, can be read by others, or holds something else.
pub(crate) fn backup_key(data_dir: &Path) -> anyhow::Result<SealIdentity> {
    let path = folder(data_dir).join(BACKUP_KEY);
    let text = read_or_create(&path, || Zeroizing::new(SealIdentity::generate().reveal()))?;
    text.parse().with_context(|| format!("{} has to hold an age key", path.display()))
}

/// Keeps the server's own key for its backups, which came back with them.
///
/// # Errors
/// When there is another, or the file cannot be made.
pub(crate) fn keep_backup_key(data_dir: &Path, key: &SealIdentity) -> anyhow::Result<()> {
    let path = folder(data_dir).join(BACKUP_KEY);
    let found = read_or_create(&path, || Zeroizing::new(key.reveal()))?;
    if found.trim() == key.reveal() { Ok(()) } else { bail!("{} is another server's", path.display()) }
}

/// To whom backups are sealed beside the server: the public half of the recovery key; `None` when nobody has made one.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub(crate) fn recovery_recipient(data_dir: &Path) -> anyhow::Result<Option<SealRecipient>> {
    let path = recovery_file(data_dir);
    let Some(text) = read(&path)? else { return Ok(None) };
    text.parse().map(Some).with_context(|| format!("{} has to hold an age recipient", path.display()))
}

/// Keeps the public half of a new recovery key.
///
/// # Errors
/// When the file cannot be made.
pub(crate) fn keep_recovery_recipient(data_dir: &Path, recipient: &SealRecipient) -> anyhow::Result<()> {
    let path = recovery_file(data_dir);
    DirBuilder::new().recursive(true).mode(0o700).create(folder(data_dir)).context("making the folder of secrets")?;
    let _ = fs::remove_file(&path);
    create(&path, &format!("{recipient}\n")).with_context(|| format!("writing {}", path.display()))
}

fn recovery_file(data_dir: &Path) -> PathBuf {
    folder(data_dir).join("recovery-recipient.txt")
}

/// An age key in a file of its own.
///
/// # Errors
/// When the file is not there, can be read by others, or holds something else.
pub(crate) fn age_key(path: &Path) -> anyhow::Result<SealIdentity> {
    let text =
        read(path)?.with_context(|| format!("{} is not there; write the recovery key into it", path.display()))?;
    let key = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-"));
    let key = key.with_context(|| format!("{} holds no line that begins with AGE-SECRET-KEY-", path.display()))?;
    key.parse().with_context(|| format!("reading {}", path.display()))
}

/// What is wrong with the secrets of `data_dir`: one line each, none when all is well or nothing is there yet.
pub(crate) fn problems(data_dir: &Path) -> Vec<String> {
    let folder = folder(data_dir);
    if !folder.exists() {
        return Vec::new();
    }
    let files = [ACCESS_KEY, MEDIA_KEY, SERVER_KEY, BACKUP_KEY].map(|name| read(&folder.join(name)).map(drop));
    let keyring = media_keys::MediaKeys::load(data_dir).and_then(|keys| keys.map(|keys| keys.keyring()).transpose());
    let failed = files.into_iter().chain([keyring.map(drop)]).filter_map(Result::err);
    let mut problems: Vec<_> = failed.map(|error| format!("{error:#}")).collect();
    problems.dedup();
    problems
}

/// A private key in a file of its own, under the name it goes by elsewhere.
///
/// # Errors
/// When the file is not there, can be read by others, or holds something else.
pub(crate) fn private_key(path: &Path, id: KeyId) -> anyhow::Result<SigningKey> {
    let text = read(path)?.with_context(|| format!("{} is not there", path.display()))?;
    SigningKey::from_pem(id, &text).with_context(|| format!("reading {}", path.display()))
}

/// A secret that tokens are signed with, in a file of its own, under the name it goes by elsewhere.
///
/// # Errors
/// When the file is not there, can be read by others, or holds something else.
pub(crate) fn token_secret(path: &Path, id: KeyId) -> anyhow::Result<TokenSecret> {
    let text = read(path)?.with_context(|| format!("{} is not there; write a secret into it", path.display()))?;
    TokenSecret::parse(id, &text).with_context(|| format!("reading {}", path.display()))
}

fn signing_key(path: &Path) -> anyhow::Result<SigningKey> {
    named(path, &read_or_create(path, generated)?)
}

/// A new private key in PEM.
fn generated() -> Zeroizing<String> {
    // It is named once it is read; a fresh key only needs a name to exist.
    KeyId::parse("new")
        .map_or_else(|_| Zeroizing::new(String::new()), |id| SigningKey::generate(id, &mut rand::rng()).to_pem())
}

/// The private key in `pem`, which stands in the file, under its name.
fn named(path: &Path, pem: &str) -> anyhow::Result<SigningKey> {
    let what = || format!("{} is not a private key in PEM", path.display());
    let unnamed = SigningKey::from_pem(KeyId::parse("new")?, pem).with_context(what)?;
    SigningKey::from_pem(key_id(&unnamed.public_key_pem())?, pem).with_context(what)
}

/// A key is named after its public half, so that a replaced file never goes by an old name.
fn key_id(public_pem: &str) -> anyhow::Result<KeyId> {
    let fingerprint = picup_domain::Sha256::of(public_pem.as_bytes()).to_string();
    KeyId::parse(&format!("K{}", fingerprint[..12].to_uppercase())).context("naming a key")
}

fn read_or_create(path: &Path, make: impl FnOnce() -> Zeroizing<String>) -> anyhow::Result<Zeroizing<String>> {
    if let Some(found) = read(path)? {
        return Ok(found);
    }
    create(path, &make()).with_context(|| format!("writing {}", path.display()))?;
    // Another process may have been first: what stands in the file is the truth.
    read(path)?.with_context(|| format!("{} vanished", path.display()))
}

/// The file's text; `None` when there is no such file.
fn read(path: &Path) -> anyhow::Result<Option<Zeroizing<String>>> {
    // A pipe that nobody writes to would be waited for before it can be told from a file.
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = match OpenOptions::new().read(true).custom_flags(at_once).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let metadata = file.metadata().with_context(|| format!("reading {}", path.display()))?;
    if !metadata.is_file() {
        bail!("{} is no regular file; write what it is to hold into one", path.display());
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        bail!("{} can be read by others; run: chmod 600 {}", path.display(), path.display());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() && !rustix::process::geteuid().is_root() {
        bail!("{} belongs to another user; run: chown $(id -u) {}", path.display(), path.display());
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(text))
}

/// Leaves a public key where whoever needs it finds it. PicUp itself does not, and starts without, be it that the disk is full.
fn leave(path: &Path, public_pem: &str) {
    if fs::read_to_string(path).is_ok_and(|found| found == public_pem) {
        return;
    }
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    if let Err(error) = removed.and_then(|()| create(path, public_pem)) {
        tracing::warn!(%error, path = %path.display(), "a public key could not be written down");
    }
}

/// Writes a whole new file or none: a temporary one, made durable, then linked into place unless somebody was first.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".new-{}", hex::encode(rand::random::<[u8; 8]>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    fs::remove_file(&temporary)?;
    linked?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(folder.path()).unwrap();
        let second = load_or_create(folder.path()).unwrap();
        assert_eq!(first.server_key, second.server_key);
        assert_eq!(*first.access_key_pem, *second.access_key_pem);
        assert_eq!(first.media_key.borrow().id(), second.media_key.borrow().id());
        assert_ne!(first.access_public_pem.as_ref(), first.media_key.borrow().public_key_pem());
        for entry in fs::read_dir(super::folder(folder.path())).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(problems(folder.path()).is_empty());
    }

    #[test]
    fn several_processes_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| load_or_create(folder.path()).unwrap().server_key)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path()).unwrap();
        let key = super::folder(folder.path()).join(MEDIA_KEY);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let error = format!("{:#}", load_or_create(folder.path()).unwrap_err());
        assert!(error.contains("chmod 600"), "{error}");
        assert_eq!(problems(folder.path()).len(), 1);
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        for place in [&pipe, folder.path()] {
            let error = format!("{:#}", password(place).unwrap_err());
            assert!(error.contains("no regular file"), "{error}");
        }
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        create(&file, "secret\n").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(password(&link).unwrap(), "secret");
    }

    #[test]
    fn an_access_key_is_two_lines_of_a_closed_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            create(&path, text).unwrap();
            path
        };
        for (name, text) in [("a", "AKIA1\nhush/+=\n"), ("b", "AKIA1\r\nhush/+=\r\n\r\n"), ("c", "AKIA1\nhush/+=")] {
            let key = access_key(&file(name, text)).unwrap();
            assert_eq!((key.id.as_str(), key.secret.as_str()), ("AKIA1", "hush/+="));
        }
        let refused = |path: &Path| format!("{:#}", access_key(path).err().unwrap());
        for (name, text) in
            [("d", ""), ("e", "AKIA1"), ("f", "AKIA1 hush\n"), ("g", "AKIA1\nhush\nmore\n"), ("h", "id = AKIA1\nhush")]
        {
            let said = refused(&file(name, text));
            assert!(said.contains("has to hold two lines") && !said.contains("hush"), "{said}");
        }
        assert!(refused(&folder.path().join("none")).contains("is not there; write the key's ID"));
        let loose = file("loose", "AKIA1\nhush\n");
        fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refused(&loose).contains("chmod 600"));
    }

    #[test]
    fn a_broken_key_says_which_file() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path()).unwrap();
        let key = super::folder(folder.path()).join(ACCESS_KEY);
        fs::write(&key, "not a key").unwrap();
        let error = format!("{:#}", load_or_create(folder.path()).unwrap_err());
        assert!(error.contains(ACCESS_KEY), "{error}");
    }
}
