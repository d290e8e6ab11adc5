//! Keys of a test's S3 server that may do only some things, as an owner shares rights out whose backup is to outlive the theft of a
//! key. Who may do what is asked before anything of a request is carried out.

use std::path::{Path, PathBuf};

use hyper::header::IF_NONE_MATCH;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::{S3Result, s3_error};

use crate::S3Server;
use crate::s3_keys::Keys;

/// What makes new objects, and nothing else.
const WRITING: &[&str] = &[
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "ListParts",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
];
/// What makes the object itself.
const MAKING: &[&str] = &["PutObject", "CompleteMultipartUpload"];
const READING: &[&str] = &["GetObject", "HeadObject", "HeadBucket", "ListObjects", "ListObjectsV2"];
const REMOVING: &[&str] =
    &["HeadObject", "HeadBucket", "ListObjects", "ListObjectsV2", "DeleteObject", "DeleteObjects"];

/// The keys beside the one that may do everything.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    writer: Keys,
    reader: Keys,
    remover: Keys,
    foreign: Keys,
}

impl Rights {
    pub(crate) fn random() -> Self {
        Self { writer: Keys::random(), reader: Keys::random(), remover: Keys::random(), foreign: Keys::random() }
    }

    /// Has a store know all of these.
    pub(crate) fn register(&self, auth: &mut SimpleAuth) {
        for keys in [&self.writer, &self.reader, &self.remover, &self.foreign] {
            auth.register(keys.access.clone(), keys.secret.as_str().into());
        }
    }

    /// What a key may ask for; `None` for everything.
    fn operations(&self, access: &str) -> Option<&'static [&'static str]> {
        let Self { writer, reader, remover, foreign } = self;
        let all: [(&Keys, &[&str]); 4] = [(writer, WRITING), (reader, READING), (remover, REMOVING), (foreign, &[])];
        all.into_iter().find_map(|(keys, operations)| (keys.access == access).then_some(operations))
    }
}

/// Says of each request whether it may be carried out.
pub(crate) struct Access {
    rights: Rights,
    /// The folder of all buckets.
    folder: PathBuf,
}

impl Access {
    pub(crate) fn new(rights: Rights, folder: &Path) -> Self {
        Self { rights, folder: folder.to_owned() }
    }

    /// Whether a request would put something in an object's place. One that asks itself not to is left to the store.
    fn replaces(&self, cx: &S3AccessContext<'_>) -> bool {
        let object = cx.s3_path().as_object();
        let stands = object.is_some_and(|(bucket, key)| self.folder.join(bucket).join(key).exists());
        stands && MAKING.contains(&cx.s3_op().name()) && !cx.headers().contains_key(IF_NONE_MATCH)
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let may = match cx.credentials().map(|keys| self.rights.operations(&keys.access_key)) {
            None => false,
            Some(None) => true,
            Some(Some(operations)) => operations.contains(&cx.s3_op().name()) && !self.replaces(cx),
        };
        if may { Ok(()) } else { Err(s3_error!(AccessDenied, "this key may not do that")) }
    }
}

/// The pairs of ID and secret of a server with rights. Each of these panics on a server that was started without.
impl S3Server {
    /// May make objects where none stand, whole or in parts, and do nothing else: it cannot read, list, delete, copy or replace.
    /// Parts of uploads that another key began are not its own.
    #[must_use]
    pub fn writer(&self) -> (&str, &str) {
        pair(&self.with_rights().writer)
    }

    /// May list, and read what it finds.
    #[must_use]
    pub fn reader(&self) -> (&str, &str) {
        pair(&self.with_rights().reader)
    }

    /// May list, look how large an object is, and delete it.
    #[must_use]
    pub fn remover(&self) -> (&str, &str) {
        pair(&self.with_rights().remover)
    }

    /// Another account's, good as a key, that may do nothing here.
    #[must_use]
    pub fn foreign(&self) -> (&str, &str) {
        pair(&self.with_rights().foreign)
    }

    fn with_rights(&self) -> &Rights {
        self.rights.as_ref().expect("the test has started it with rights")
    }
}

fn pair(keys: &Keys) -> (&str, &str) {
    (&keys.access, &keys.secret)
}
