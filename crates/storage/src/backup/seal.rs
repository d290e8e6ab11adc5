//! Encryption of what a backup holds, by age: to the server's own key, which heals and rehearses, and to a recovery key that no
//! PicUp keeps. Either opens it.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use age::secrecy::ExposeSecret;
use age::stream::StreamWriter;
use age::x25519;
use bytes::Bytes;
use futures_util::{AsyncReadExt, StreamExt, TryStreamExt, stream};
use picup_domain::Invalid;

use crate::{ByteStream, Error};

/// How much is opened at a time: a few of age's chunks.
const OPENED_AT_ONCE: usize = 256 << 10;

/// A secret that opens what is sealed to it. Never printed by accident.
#[derive(Clone)]
pub struct SealIdentity(x25519::Identity);

/// To whom something is sealed: the public half of a [`SealIdentity`], no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SealRecipient(x25519::Recipient);

impl SealIdentity {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// Its public half.
    #[must_use]
    pub fn recipient(&self) -> SealRecipient {
        SealRecipient(self.0.to_public())
    }

    /// The secret as age writes it, `AGE-SECRET-KEY-1…`, to be kept or shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.0.to_string().expose_secret().to_owned()
    }
}

impl FromStr for SealIdentity {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let advice = "not an age key; it is one line that begins with AGE-SECRET-KEY-1";
        text.trim().parse().map(Self).map_err(|_| Invalid { field: "key", advice: advice.to_owned() })
    }
}

impl fmt::Debug for SealIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealIdentity").field(&self.recipient()).finish()
    }
}

impl FromStr for SealRecipient {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let advice = "not an age recipient; it is one word that begins with age1";
        text.trim().parse().map(Self).map_err(|_| Invalid { field: "recipient", advice: advice.to_owned() })
    }
}

impl fmt::Display for SealRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SealRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Encrypts a stream as it is pushed through.
pub(super) struct Sealer {
    writer: StreamWriter<Sink>,
    sink: Sink,
}

impl Sealer {
    /// # Errors
    /// When there is nobody to seal it to.
    pub(super) fn new(recipients: &[SealRecipient]) -> Result<Self, Error> {
        let recipients = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients)
            .map_err(|error| Error::io("encrypt")(io::Error::other(error)))?;
        let sink = Sink::default();
        let writer = encryptor.wrap_output(sink.clone()).map_err(Error::io("encrypt"))?;
        Ok(Self { writer, sink })
    }

    /// Encrypts some more; what is ready of it is appended to `out`.
    pub(super) fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.writer.write_all(plain).map_err(Error::io("encrypt"))?;
        out.append(&mut self.sink.held());
        Ok(())
    }

    /// The end, without which nobody takes what was encrypted for whole.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Self { writer, sink } = self;
        writer.finish().map_err(Error::io("encrypt"))?;
        out.append(&mut sink.held());
        Ok(())
    }
}

/// Where age writes to, shared with whoever takes it from there.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn held(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a sealed stream holds. It ends with an error where bytes were changed or are missing.
///
/// # Errors
/// [`Error::NotOpened`] when it is not sealed to `identity`, or not sealed at all.
pub(super) async fn open(name: &str, sealed: ByteStream, identity: &SealIdentity) -> Result<ByteStream, Error> {
    let not_opened = |error: age::DecryptError| {
        let why = match error {
            age::DecryptError::NoMatchingKeys => "this key is not one that it was sealed to".to_owned(),
            other => other.to_string(),
        };
        Error::NotOpened { name: name.to_owned(), why }
    };
    // What goes wrong on the way to the store keeps its own story.
    let reader = sealed.map_err(io::Error::other).into_async_read();
    let decryptor = match age::Decryptor::new_async_buffered(reader).await {
        Ok(decryptor) => decryptor,
        Err(age::DecryptError::Io(error)) => return Err(through(name, error)),
        Err(error) => return Err(not_opened(error)),
    };
    let key = &identity.0 as &dyn age::Identity;
    let opened = decryptor.decrypt_async(std::iter::once(key)).map_err(not_opened)?;
    let chunks = stream::try_unfold((opened, name.to_owned()), |(mut opened, name)| async move {
        let mut chunk = vec![0; OPENED_AT_ONCE];
        let count = opened.read(&mut chunk).await.map_err(|error| through(&name, error))?;
        chunk.truncate(count);
        Ok((count > 0).then_some((Bytes::from(chunk), (opened, name))))
    });
    Ok(chunks.boxed())
}

/// An error that came through age: the store's own, or that what is there was changed.
fn through(name: &str, error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|_| Error::Altered(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(plain: &[u8], recipients: &[SealRecipient]) -> Vec<u8> {
        let (mut sealer, mut out) = (Sealer::new(recipients).unwrap(), Vec::new());
        for piece in plain.chunks(1_000) {
            sealer.push(piece, &mut out).unwrap();
        }
        sealer.finish(&mut out).unwrap();
        out
    }

    async fn opened(sealed: Vec<u8>, identity: &SealIdentity) -> Result<Vec<u8>, Error> {
        let pieces: Vec<_> = sealed.chunks(777).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let plain = open("it", stream::iter(pieces).boxed(), identity).await?;
        let chunks: Vec<Bytes> = plain.try_collect().await?;
        Ok(chunks.concat())
    }

    #[tokio::test]
    async fn either_key_opens_it_and_no_other() {
        let (server, recovery, stranger) =
            (SealIdentity::generate(), SealIdentity::generate(), SealIdentity::generate());
        let plain: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
        let sealed = seal(&plain, &[server.recipient(), recovery.recipient()]);
        assert!(!sealed.windows(16).any(|piece| piece == &plain[..16]));
        for key in [&server, &recovery] {
            assert_eq!(opened(sealed.clone(), key).await.unwrap(), plain);
        }
        assert!(matches!(opened(sealed, &stranger).await, Err(Error::NotOpened { .. })));
        assert!(matches!(opened(plain, &server).await, Err(Error::NotOpened { .. })));
        assert_eq!(opened(seal(b"", &[server.recipient()]), &server).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn what_was_changed_or_cut_off_is_never_taken_for_whole() {
        let key = SealIdentity::generate();
        let sealed = seal(&vec![7; 150_000], &[key.recipient()]);
        for at in [sealed.len() - 1, sealed.len() / 2, 300] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            opened(changed, &key).await.unwrap_err();
        }
        for end in [0, 100, 66_000, sealed.len() - 1] {
            opened(sealed[..end].to_vec(), &key).await.unwrap_err();
        }
    }

    #[test]
    fn keys_are_read_back_and_the_secret_is_not_printed() {
        let key = SealIdentity::generate();
        let secret = key.reveal();
        let again: SealIdentity = format!(" {secret}\n").parse().unwrap();
        assert_eq!(again.recipient(), key.recipient());
        assert_eq!(key.recipient().to_string().parse(), Ok(key.recipient()));
        assert!(!format!("{key:?}").contains(&secret[20..40]));
        assert!("AGE-SECRET-KEY-1X".parse::<SealIdentity>().is_err() && "age1".parse::<SealRecipient>().is_err());
    }
}
