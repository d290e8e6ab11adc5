//! Objects in a bucket: `media/…` mirrors the keys, `staging/…` holds notes of what is not an object yet.
//!
//! An upload is always a multipart upload, also of one part, because completing it ends every right that was given for it: what
//! counts can never be written again. The service puts no object in another's place if PicUp does not ask it to, and PicUp
//! looks first; where the service offers it, it also refuses. Two processes never write the same key: keys are new for each upload,
//! and each rendition belongs to one job.
//!
//! Nothing here is sure of its bytes before they are whole and compared: they wait in a spool on the machine's own disk.

mod announced;
mod answers;
mod check;
mod completion;
mod direct;
mod listed;
mod notes;
mod objects;
mod probe;
mod reads;
mod receiving;
mod requests;
mod spool;
mod trial;
mod uploads;

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum, S3ConditionalPut};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use picup_domain::{ObjectKey, UploadId};
use tokio::sync::Semaphore;

use crate::blocking::Blocking;
use crate::settings::{Bucket, Credentials, PartsBy, Style};
use crate::{Error, Profile};

pub use direct::PartAddress;
pub(crate) use objects::CHUNK;
pub use reads::ReadAs;
pub(crate) use receiving::StreamSender;
pub(crate) use spool::{Spool, Spooled};

/// How long a service may take to take a connection …
const CONNECT: Duration = Duration::from_secs(5);
/// … to answer a small request, or to give a chunk …
pub(crate) const SMALL: Duration = Duration::from_secs(30);
/// … and to take a part: 16 MiB at half a megabit a second.
pub(crate) const LARGE: Duration = Duration::from_secs(300);
/// How much of what is being sent is in memory at once, in MiB: four ordinary parts, or the largest.
const CARRIED: u32 = 64;

/// A store in a bucket.
#[derive(Debug)]
pub(crate) struct S3 {
    /// For everything small.
    store: AmazonS3,
    /// For parts.
    carrier: AmazonS3,
    /// For whole objects.
    reader: AmazonS3,
    /// For what `store` has no word for.
    http: reqwest::Client,
    /// For what has to be answered by whoever is asked.
    prober: reqwest::Client,
    bucket: String,
    /// What all of its addresses begin with.
    pub(crate) origin: String,
    prefix: String,
    profile: Profile,
    spool: PathBuf,
    /// Whether senders put parts straight into the bucket.
    pub(crate) direct: AtomicBool,
    pub(crate) parts_by: PartsBy,
    carrying: Arc<Semaphore>,
    blocking: Blocking,
}

impl S3 {
    /// Says nothing to the service yet: a store may be away when PicUp starts.
    pub(crate) async fn open(bucket: Bucket, blocking: Blocking) -> Result<Self, Error> {
        let spool = bucket.spool.clone();
        let make = move || {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&spool);
            made.map_err(|source| Error::Folder { path: spool, source })
        };
        blocking.run(make).await?;
        let set_up = |error: reqwest::Error| Error::remote("set up the store", error);
        let http = || reqwest::Client::builder().connect_timeout(CONNECT).timeout(SMALL);
        Ok(Self {
            store: client(&bucket, SMALL)?,
            carrier: client(&bucket, LARGE)?,
            reader: reading_client(&bucket)?,
            http: http().build().map_err(set_up)?,
            prober: http().redirect(reqwest::redirect::Policy::none()).build().map_err(set_up)?,
            origin: origin_of(&bucket),
            bucket: bucket.name,
            prefix: bucket.prefix,
            direct: AtomicBool::new(bucket.parts == PartsBy::Direct),
            parts_by: bucket.parts,
            profile: bucket.profile,
            spool: bucket.spool,
            carrying: Arc::new(Semaphore::new(CARRIED as usize)),
            blocking,
        })
    }

    /// Where an object stands.
    fn at(&self, key: &ObjectKey) -> Path {
        self.path(&key.to_string())
    }

    /// Where the notes of an upload stand.
    fn notes_of(&self, id: UploadId) -> Path {
        self.path(&format!("staging/{id}"))
    }

    fn path(&self, below: &str) -> Path {
        Path::from(format!("{}/{below}", self.prefix))
    }
}

/// For requests that are each over within `timeout`.
pub(crate) fn client(bucket: &Bucket, timeout: Duration) -> Result<AmazonS3, Error> {
    build(builder(bucket, ClientOptions::new().with_timeout(timeout)))
}

/// For copies, which are read back to prove them, or proved by the service: they are not hashed once more for their signature.
pub(crate) fn copying_client(bucket: &Bucket, timeout: Duration) -> Result<AmazonS3, Error> {
    build(builder(bucket, ClientOptions::new().with_timeout(timeout)).with_unsigned_payload(true))
}

/// For reading whole objects of any size: as long as bytes come, they may take their time.
pub(crate) fn reading_client(bucket: &Bucket) -> Result<AmazonS3, Error> {
    build(builder(bucket, ClientOptions::new().with_timeout_disabled().with_read_timeout(SMALL)))
}

fn build(builder: AmazonS3Builder) -> Result<AmazonS3, Error> {
    builder.build().map_err(|error| Error::remote("set up the store", error))
}

fn builder(bucket: &Bucket, options: ClientOptions) -> AmazonS3Builder {
    let loopback = bucket.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = options.with_allow_http(loopback).with_connect_timeout(CONNECT);
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&bucket.region)
        .with_virtual_hosted_style_request(bucket.style == Style::VirtualHost)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_bulk_delete(true)
        .with_client_options(options)
        .with_retry(RetryConfig { backoff, max_retries: 5, retry_timeout: Duration::from_secs(15) });
    if bucket.profile.wants_checksums_named() {
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(host_of(bucket, endpoint));
    }
    let path = |file: &std::path::Path| file.to_string_lossy().into_owned();
    match &bucket.credentials {
        Credentials::Machine => builder,
        Credentials::Key { id, secret } => builder.with_access_key_id(id).with_secret_access_key(secret),
        Credentials::WebIdentity { token_file, role } => builder
            .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, path(token_file))
            .with_config(AmazonS3ConfigKey::RoleArn, role),
        Credentials::Container { address, token_file } => builder
            .with_config(AmazonS3ConfigKey::ContainerCredentialsFullUri, address)
            .with_config(AmazonS3ConfigKey::ContainerAuthorizationTokenFile, path(token_file)),
    }
}

/// What all of the bucket's addresses begin with.
pub(crate) fn origin_of(bucket: &Bucket) -> String {
    let Bucket { name, region, style, endpoint, .. } = bucket;
    match (endpoint, style) {
        (Some(endpoint), Style::VirtualHost) => format!("{}/", host_of(bucket, endpoint)),
        (Some(endpoint), Style::Path) => format!("{endpoint}/{name}/"),
        (None, Style::VirtualHost) => format!("https://{name}.s3.{region}.amazonaws.com/"),
        (None, Style::Path) => format!("https://s3.{region}.amazonaws.com/{name}/"),
    }
}

/// The address that `object_store` is to be told: with the bucket's name in it where that is the style.
fn host_of(bucket: &Bucket, endpoint: &str) -> String {
    match (bucket.style, endpoint.split_once("://")) {
        (Style::VirtualHost, Some((scheme, host))) => format!("{scheme}://{}.{host}", bucket.name),
        _ => endpoint.to_owned(),
    }
}

/// Runs `work` to its end even when its caller goes away: half of it would leave in the bucket what nobody knows of.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Error::remote("talk to the store", cancelled)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_where_the_page_is_told() {
        let spool = tempfile::tempdir().unwrap();
        let vultr = Some("https://ewr1.vultrobjects.com".to_owned());
        for (endpoint, style, origin) in [
            (vultr.clone(), Style::VirtualHost, "https://photos.ewr1.vultrobjects.com/"),
            (vultr, Style::Path, "https://ewr1.vultrobjects.com/photos/"),
            (None, Style::VirtualHost, "https://photos.s3.eu-west-1.amazonaws.com/"),
            (None, Style::Path, "https://s3.eu-west-1.amazonaws.com/photos/"),
        ] {
            let bucket = Bucket {
                name: "photos".to_owned(),
                prefix: String::new(),
                endpoint,
                region: "eu-west-1".to_owned(),
                style,
                profile: Profile::Other,
                parts: PartsBy::Direct,
                credentials: Credentials::Key { id: "id".to_owned(), secret: "secret".to_owned() },
                spool: spool.path().to_owned(),
            };
            let s3 = S3::open(bucket, Blocking::new(1)).await.unwrap();
            assert_eq!(s3.origin, origin);
            let sha256 = picup_domain::Sha256::of(b"x");
            let address = s3.part_address(&s3.path("k"), "m", 1, sha256, SMALL).await.unwrap();
            assert!(address.url.starts_with(&format!("{origin}k?")), "{}", address.url);
        }
    }
}
