//! The keys that open media: one signs, the next is known before it does, and old ones are for as long as what they signed holds.
//!
//! Each step is one file that appears or goes, so that a PicUp that is running, and one that is killed amid a step, always finds a whole:
//! `media-key.pem` signs, `media-key-next.pem` will, and `media-keys-old/ID.pem` are the public halves of those that did.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use picup_delivery::{Audience, KeyId, Keyring, SigningKey, TokenKey, TokenRing, TokenSecret};
use picup_domain::{Clock, SystemClock, Timestamp};

use super::{MEDIA_KEY, create, folder, generated, key_id, named, read, signing_key};

const NEXT: &str = "media-key-next.pem";
const OLD: &str = "media-keys-old";
/// The longest that anything signed holds: media cookies of a day.
pub(crate) const LONGEST: Duration = Duration::from_secs(86_400);

/// The keys of one PicUp.
pub(crate) struct MediaKeys {
    pub(crate) signs: SigningKey,
    pub(crate) next: Option<SigningKey>,
    pub(crate) old: Vec<OldKey>,
}

/// A key that signs no more.
pub(crate) struct OldKey {
    pub(crate) id: KeyId,
    pub(crate) public_pem: String,
    /// Since when it does not.
    pub(crate) since: Timestamp,
}

impl OldKey {
    /// When nothing that it signed holds any more.
    pub(crate) fn ends(&self) -> Timestamp {
        self.since.plus(LONGEST)
    }
}

impl MediaKeys {
    /// Reads them; the one that signs is made when there is none.
    pub(crate) fn load_or_create(data_dir: &Path) -> anyhow::Result<Self> {
        signing_key(&folder(data_dir).join(MEDIA_KEY))?;
        Self::load(data_dir)?.context("the key that signs vanished")
    }

    /// Reads them; `None` when none signs.
    pub(super) fn load(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let folder = folder(data_dir);
        let key = |name: &str| {
            let path = folder.join(name);
            read(&path)?.map(|pem| named(&path, &pem)).transpose()
        };
        // In this order: a key that moves on while this is read is then found twice, and never not at all.
        let next = key(NEXT)?;
        let Some(signs) = key(MEDIA_KEY)? else { return Ok(None) };
        let mut old = Vec::new();
        for path in old_files(&folder)? {
            old.extend(old_key(&path)?);
        }
        old.sort_by_key(|key| key.since);
        let (next, signing) = (next.filter(|next| next.id() != signs.id()), signs.id().clone());
        old.retain(|key| key.id != signing);
        Ok(Some(Self { signs, next, old }))
    }

    /// All that signatures are accepted from.
    pub(crate) fn keyring(&self) -> anyhow::Result<Keyring> {
        Ok(Keyring::from_pems(self.public().iter().map(|(id, pem)| (id.clone(), pem.as_str())))?)
    }

    /// All that tokens are accepted from: those of the keys that can sign them, P-256, and `secrets`.
    pub(crate) fn tokens(&self, audience: &Audience, secrets: &[TokenSecret]) -> anyhow::Result<TokenRing> {
        let keys = self.public().into_iter().filter_map(|(id, pem)| TokenKey::public(id, &pem).ok());
        Ok(TokenRing::new(audience.clone(), keys.chain(secrets.iter().map(TokenKey::secret)))?)
    }

    fn public(&self) -> Vec<(KeyId, String)> {
        let ours = [Some(&self.signs), self.next.as_ref()].into_iter().flatten();
        let ours = ours.map(|key| (key.id().clone(), key.public_key_pem()));
        ours.chain(self.old.iter().map(|key| (key.id.clone(), key.public_pem.clone()))).collect()
    }
}

/// Makes the next key, unless there is one, and gives it back. It signs nothing yet.
pub(crate) fn prepare(data_dir: &Path) -> anyhow::Result<SigningKey> {
    let path = folder(data_dir).join(NEXT);
    let pem = super::read_or_create(&path, generated)?;
    named(&path, &pem)
}

/// Has the next key sign from now on; the one that did stays known.
pub(crate) fn switch(data_dir: &Path) -> anyhow::Result<SigningKey> {
    let folder = folder(data_dir);
    let keys = MediaKeys::load_or_create(data_dir)?;
    let Some(next) = keys.next else { bail!("there is no next key; make one with: picup media-key prepare") };
    let old = folder.join(OLD);
    DirBuilder::new().recursive(true).mode(0o700).create(&old).context("making the folder of old keys")?;
    let path = old_path(&folder, keys.signs.id());
    // Of a switch that was cut short: its time would be that of then.
    let _ = fs::remove_file(&path);
    create(&path, &keys.signs.public_key_pem()).with_context(|| format!("writing {}", path.display()))?;
    fs::rename(folder.join(NEXT), folder.join(MEDIA_KEY)).context("putting the next key in place")?;
    File::open(&folder).and_then(|folder| folder.sync_all()).context("making that durable")?;
    Ok(next)
}

/// Forgets an old key: what it signed opens nothing from then on. `early`: also what may still hold.
pub(crate) fn retire(data_dir: &Path, id: &KeyId, early: bool) -> anyhow::Result<()> {
    let keys = MediaKeys::load_or_create(data_dir)?;
    if keys.signs.id() == id {
        bail!("{id} is the key that signs; make the next one sign first: picup media-key prepare, then switch");
    }
    let Some(key) = keys.old.iter().find(|key| key.id == *id) else {
        bail!("there is no old key {id}; picup media-key list tells which there are");
    };
    if !early && SystemClock.now() < key.ends() {
        bail!(
            "what {id} has signed may hold for up to 24 hours after it signed last; wait, or say --early: pages that are open then show no photos until they renew their session, within five minutes"
        );
    }
    fs::remove_file(old_path(&folder(data_dir), id)).context("removing it")
}

fn old_path(folder: &Path, id: &KeyId) -> PathBuf {
    folder.join(OLD).join(format!("{id}.pem"))
}

fn old_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let old = folder.join(OLD);
    let entries = match fs::read_dir(&old) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("listing {}", old.display())),
    };
    let paths = entries.map(|entry| Ok(entry.with_context(|| format!("listing {}", old.display()))?.path()));
    let paths = paths.collect::<anyhow::Result<Vec<_>>>()?;
    // What is being written has a name of its own, which begins with a dot.
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "pem")).collect())
}

/// `None` when it went meanwhile.
fn old_key(path: &Path) -> anyhow::Result<Option<OldKey>> {
    let Some(public_pem) = read(path)? else { return Ok(None) };
    let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
    let modified = metadata.modified().with_context(|| format!("looking at {}", path.display()))?;
    let since = Timestamp::from_micros(0).plus(modified.duration_since(UNIX_EPOCH).unwrap_or_default());
    Ok(Some(OldKey { id: key_id(&public_pem)?, public_pem: public_pem.to_string(), since }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::AUTHORIZATION;
    use picup_delivery::{Denied, Fetch, TokenSigner, TokenTerms, media_token};

    fn ids(data_dir: &Path) -> (KeyId, Option<KeyId>, Vec<KeyId>) {
        let keys = MediaKeys::load_or_create(data_dir).unwrap();
        keys.keyring().unwrap();
        let old = keys.old.iter().map(|key| key.id.clone()).collect();
        (keys.signs.id().clone(), keys.next.map(|key| key.id().clone()), old)
    }

    fn data() -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        super::super::load_or_create(data.path()).unwrap();
        data
    }

    #[test]
    fn a_key_is_known_before_it_signs_and_after() {
        let data = data();
        let (first, ..) = ids(data.path());
        assert!(switch(data.path()).is_err(), "no next one yet");
        let second = prepare(data.path()).unwrap().id().clone();
        assert_eq!(prepare(data.path()).unwrap().id(), &second, "asking twice makes one");
        assert_eq!(ids(data.path()), (first.clone(), Some(second.clone()), vec![]));
        assert_eq!(switch(data.path()).unwrap().id(), &second);
        assert_eq!(ids(data.path()), (second.clone(), None, vec![first.clone()]));
        for (id, early) in [(&second, true), (&first, false)] {
            assert!(retire(data.path(), id, early).is_err());
        }
        retire(data.path(), &first, true).unwrap();
        assert_eq!(ids(data.path()), (second, None, vec![]));
    }

    /// A token opens as long as its key is known, whichever key signs meanwhile.
    #[test]
    fn a_token_outlives_the_switch_and_not_its_key() {
        let data = data();
        let audience = Audience::default();
        let keys = || MediaKeys::load_or_create(data.path()).unwrap();
        let secret = TokenSecret::parse(KeyId::parse("T1").unwrap(), &"x".repeat(32)).unwrap();
        let token = |key: &SigningKey| {
            let terms =
                TokenTerms { audience: &audience, owner: "ann", issued_at_epoch_s: 1_000, expires_at_epoch_s: 2_000 };
            media_token(TokenSigner::Key(key), &terms).unwrap()
        };
        let opens = |token: &str| {
            let headers = [(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())].into_iter().collect();
            let client = [192, 0, 2, 1].into();
            let fetch =
                Fetch { public_base: "", path_and_query: "/media/ann/1", client, now_epoch_s: 1_500, may_verify: true };
            keys().tokens(&audience, std::slice::from_ref(&secret)).unwrap().authorise(&headers, &fetch)
        };
        let first = keys().signs;
        let by_second = token(&prepare(data.path()).unwrap());
        for _ in 0..2 {
            assert_eq!((opens(&token(&first)), opens(&by_second)), (Ok(()), Ok(())));
            let _ = switch(data.path());
        }
        retire(data.path(), first.id(), true).unwrap();
        assert_eq!((opens(&token(&first)), opens(&by_second)), (Err(Denied::UnknownKey), Ok(())));
    }

    /// Killed between the two steps of a switch: the key still signs, and is no second one of its id.
    #[test]
    fn half_a_switch_is_none() {
        let data = data();
        let (first, ..) = ids(data.path());
        let second = prepare(data.path()).unwrap();
        let old = folder(data.path()).join(OLD);
        fs::create_dir(&old).unwrap();
        create(
            &old_path(&folder(data.path()), &first),
            &signing_key(&folder(data.path()).join(MEDIA_KEY)).unwrap().public_key_pem(),
        )
        .unwrap();
        assert_eq!(ids(data.path()), (first.clone(), Some(second.id().clone()), vec![]));
        switch(data.path()).unwrap();
        assert_eq!(ids(data.path()), (second.id().clone(), None, vec![first]));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let data = data();
        let old = folder(data.path()).join(OLD);
        fs::create_dir(&old).unwrap();
        create(&old.join("K1.pem"), "hello").unwrap();
        let keys = MediaKeys::load_or_create(data.path()).unwrap();
        assert!(keys.keyring().unwrap_err().to_string().contains("not a PEM public key"));
    }
}
