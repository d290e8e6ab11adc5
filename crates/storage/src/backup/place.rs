//! How a backup's place is reached, by each who may do something there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::settings::BackupPlace;
use crate::s3::{LARGE, client, copying_client, reading_client};
use crate::settings::{Bucket, Credentials};
use crate::{Error, Profile};

/// What is known of a place beside what may be done there.
#[derive(Debug)]
pub(super) struct Place {
    prefix: Path,
    /// As people are told: a folder, or `s3://bucket/prefix`.
    pub(super) told: String,
    /// Of a bucket.
    pub(super) profile: Option<Profile>,
    /// Of a folder.
    pub(super) folder: Option<PathBuf>,
    /// Of a bucket: where strangers would ask for what is in it.
    pub(super) origin: Option<String>,
}

/// A place with its doors.
pub(super) struct Opened {
    pub(super) writer: Arc<dyn ObjectStore>,
    pub(super) reader: Arc<dyn ObjectStore>,
    pub(super) remover: Option<Arc<dyn ObjectStore>>,
    pub(super) place: Place,
}

impl Place {
    /// What stands below the prefix. No character of a prefix is written in another way: it is what people call their folder.
    pub(super) fn path(&self, below: &str) -> Path {
        below.split('/').fold(self.prefix.clone(), Path::join)
    }

    /// What stands below the prefix, of a path.
    pub(super) fn below<'p>(&self, path: &'p Path) -> Option<&'p str> {
        let (text, prefix) = (path.as_ref(), self.prefix.as_ref());
        if prefix.is_empty() { Some(text) } else { text.strip_prefix(prefix)?.strip_prefix('/') }
    }

    /// Whether a write that must not replace anything is refused when something stands there.
    pub(super) fn refuses_to_replace(&self) -> bool {
        self.profile.is_none_or(Profile::refuses_to_replace)
    }

    /// Whether the service itself has compared what it stored with its SHA-256, so that reading it back would prove no more.
    pub(super) fn proves_what_it_stores(&self) -> bool {
        self.profile == Some(Profile::Aws)
    }
}

pub(super) fn open(place: BackupPlace) -> Result<Opened, Error> {
    match place {
        BackupPlace::Files(folder) => open_folder(folder),
        BackupPlace::S3 { bucket, reader, remover } => open_bucket(*bucket, reader, remover),
        BackupPlace::Memory => {
            let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let place =
                Place { prefix: Path::default(), told: "memory".to_owned(), profile: None, folder: None, origin: None };
            Ok(Opened { writer: Arc::clone(&store), reader: Arc::clone(&store), remover: Some(store), place })
        }
    }
}

/// The folder need not be there now: a disk may be mounted later.
fn open_folder(folder: PathBuf) -> Result<Opened, Error> {
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new().with_fsync(true));
    let told = folder.display().to_string();
    let prefix =
        Path::from_absolute_path(&folder).map_err(|error| Error::remote("name the folder of a backup", error))?;
    let place = Place { prefix, told, profile: None, folder: Some(folder), origin: None };
    Ok(Opened { writer: Arc::clone(&store), reader: Arc::clone(&store), remover: Some(store), place })
}

fn open_bucket(bucket: Bucket, reader: Option<Credentials>, remover: Option<Credentials>) -> Result<Opened, Error> {
    let by = |credentials: Option<Credentials>| Bucket {
        credentials: credentials.unwrap_or_else(|| bucket.credentials.clone()),
        ..bucket.clone()
    };
    let store = |client: object_store::aws::AmazonS3| -> Arc<dyn ObjectStore> { Arc::new(client) };
    let remover = remover.map(|remover| client(&by(Some(remover)), Duration::from_secs(30)).map(store)).transpose()?;
    let told = match &*bucket.prefix {
        "" => format!("s3://{}", bucket.name),
        prefix => format!("s3://{}/{prefix}", bucket.name),
    };
    Ok(Opened {
        writer: store(copying_client(&bucket, LARGE)?),
        reader: store(reading_client(&by(reader))?),
        remover,
        place: Place {
            told,
            profile: Some(bucket.profile),
            folder: None,
            origin: Some(crate::s3::origin_of(&bucket)),
            prefix: Path::from(bucket.prefix),
        },
    })
}
