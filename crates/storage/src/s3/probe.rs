//! Whether senders may put parts straight into a bucket: tried out on the service itself, with an object of no worth.
//!
//! Services differ in what they make of a signed address: some store what does not have the signed hash, some let an unsigned header
//! turn a PUT into a copy. Whatever the answer, it counts only what then stands in the bucket. Anything unexpected, and any failure,
//! is a no: PicUp then carries the parts itself.

use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use picup_domain::Sha256;
use reqwest::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN,
};
use reqwest::{Method, RequestBuilder, StatusCode};

use super::S3;
use super::direct::PartAddress;

const LIFE: Duration = Duration::from_secs(300);
const RIGHT: &[u8] = b"what was announced";
const OTHER: &[u8] = b"something different";
const SAME_LENGTH: &[u8] = b"What was announced";
/// [`SAME_LENGTH`] in the form in which a body is cut into pieces: its length, and the mark of its end.
const IN_PIECES: &str = "12\r\nWhat was announced\r\n0\r\n\r\n";

/// One way to misuse an address.
struct Misuse {
    what: &'static str,
    body: &'static [u8],
    /// Headers beside the signed ones.
    more: Vec<(&'static str, String)>,
    /// The signed ones are left out.
    bare: bool,
}

impl Misuse {
    fn all(bucket: &str, other_object: &Path) -> [Self; 5] {
        let with = |what, body, more| Self { what, body, more, bare: false };
        let copy = vec![("x-amz-copy-source", format!("/{bucket}/{other_object}"))];
        let pieces = vec![
            ("content-encoding", "aws-chunked".to_owned()),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned()),
            ("x-amz-decoded-content-length", SAME_LENGTH.len().to_string()),
        ];
        [
            with("a part with other bytes than announced", SAME_LENGTH, Vec::new()),
            with("a part of another length than announced", OTHER, Vec::new()),
            Self { bare: true, ..with("a part without the headers that were signed", SAME_LENGTH, Vec::new()) },
            with("a copy of another object as a part", b"", copy),
            with("a part with other bytes than announced, in pieces", IN_PIECES.as_bytes(), pieces),
        ]
    }
}

impl S3 {
    /// Fine if senders may put parts straight into the bucket, pages of `origin` among them; else why they may not.
    pub(crate) async fn probe(&self, origin: &str) -> Result<(), String> {
        let name = format!("{:032x}", rand::random::<u128>());
        let at = self.path(&format!("probe/{name}"));
        let beside = self.path(&format!("probe/{name}-beside"));
        let found = self.probe_at(&at, &beside, origin).await;
        let mut left = self.left_by_others().await;
        left.extend([at, beside]);
        for path in left {
            if let Err(error) = self.remove(path).await {
                tracing::warn!(%error, "what a probe of the bucket left could not be removed");
            }
        }
        found
    }

    /// What probes left whose processes were killed: all that is an hour older than what was just written.
    pub(super) async fn left_by_others(&self) -> Vec<Path> {
        let listed: Result<Vec<ObjectMeta>, _> = self.store.list(Some(&self.path("probe"))).try_collect().await;
        let listed = listed.unwrap_or_default();
        let newest = listed.iter().map(|object| object.last_modified.timestamp()).max().unwrap_or_default();
        let old = listed.into_iter().filter(|object| object.last_modified.timestamp() + 3600 < newest);
        old.map(|object| object.location).collect()
    }

    async fn probe_at(&self, at: &Path, beside: &Path, origin: &str) -> Result<(), String> {
        let said = |error: object_store::Error| error.to_string();
        self.store.put(beside, PutPayload::from_static(SAME_LENGTH)).await.map_err(said)?;
        let multipart = self.store.create_multipart(at).await.map_err(said)?;
        let probed = self.probe_part(at, beside, &multipart, origin).await;
        if probed.is_err()
            && let Err(error) = self.store.abort_multipart(at, &multipart).await
        {
            tracing::debug!(%error, "the upload of the probe could not be given up");
        }
        probed
    }

    async fn probe_part(&self, at: &Path, beside: &Path, multipart: &String, origin: &str) -> Result<(), String> {
        let address = self.part_address(at, multipart, 1, Sha256::of(RIGHT), LIFE).await;
        let address = address.map_err(|error| error.to_string())?;
        for misuse in Misuse::all(&self.bucket, beside) {
            self.must_refuse(at, multipart, &address, misuse).await?;
        }
        self.must_let_pages_in(&address, origin).await?;

        let sent = self.put_part(&address, false).body(RIGHT).send().await.map_err(plain)?;
        if !sent.status().is_success() {
            return Err(format!("the service refuses parts that are as announced ({})", sent.status()));
        }
        let tag = self.part_one(at, multipart).await?.ok_or("the service does not list what it has stored")?;
        let parts = vec![self.part_id(&tag, &Sha256::of(RIGHT))];
        self.store.complete_multipart(at, multipart, parts).await.map_err(|error| error.to_string())?;
        // The address has to be dead now.
        let _ = self.put_part(&address, false).body(RIGHT).send().await.map_err(plain)?;
        let _ = self.put_part(&address, false).body(OTHER).send().await.map_err(plain)?;
        let _ = self.put_part(&address, true).body(OTHER).send().await.map_err(plain)?;
        let stands = self.fetch(at, None, RIGHT.len() as u64).await.map_err(|error| error.to_string())?;
        if stands.as_deref() == Some(RIGHT) {
            Ok(())
        } else {
            Err("an address changes its object after the upload was completed".to_owned())
        }
    }

    /// Fine if nothing is stored when the address is misused so.
    async fn must_refuse(
        &self,
        at: &Path,
        multipart: &str,
        address: &PartAddress,
        misuse: Misuse,
    ) -> Result<(), String> {
        let mut request = self.put_part(address, misuse.bare).body(misuse.body);
        for (name, value) in misuse.more {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(plain)?;
        let status = answer.status();
        if status.is_success() || self.part_one(at, multipart).await?.is_some() {
            return Err(format!("the service stores {}", misuse.what));
        }
        let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        if status.is_client_error() && !busy {
            Ok(())
        } else {
            Err(format!("the service answers {status} to {}", misuse.what))
        }
    }

    /// Fine if a browser lets pages of `origin` send parts and read the answer.
    async fn must_let_pages_in(&self, address: &PartAddress, origin: &str) -> Result<(), String> {
        let names: Vec<&str> = address.headers.iter().map(|(name, _)| name.as_str()).collect();
        let ask = self.http.request(Method::OPTIONS, &address.url);
        let ask = ask.header(ORIGIN, origin).header(ACCESS_CONTROL_REQUEST_METHOD, "PUT");
        let answer = ask.header(ACCESS_CONTROL_REQUEST_HEADERS, names.join(",")).send().await.map_err(plain)?;
        let allowed = answer.status().is_success()
            && ["*", origin].contains(&header(answer.headers(), ACCESS_CONTROL_ALLOW_ORIGIN).as_str())
            && allows(&header(answer.headers(), ACCESS_CONTROL_ALLOW_HEADERS), &names);
        if allowed { Ok(()) } else { Err(format!("the bucket's CORS rules do not let pages of {origin} send parts")) }
    }

    /// A PUT to an address, with its headers or bare.
    fn put_part(&self, address: &PartAddress, bare: bool) -> RequestBuilder {
        let headers = address.headers.iter().filter(|_| !bare);
        headers.fold(self.http.put(&address.url), |request, (name, value)| request.header(name, value))
    }

    /// What the service calls the first part, if it has one.
    async fn part_one(&self, at: &Path, multipart: &str) -> Result<Option<String>, String> {
        let listed = self.parts_listed(at, multipart).await.map_err(|error| error.to_string())?;
        Ok(listed.and_then(|mut listed| listed.remove(&1)).map(|part| part.tag))
    }
}

/// Without the address: it is signed.
fn plain(error: reqwest::Error) -> String {
    format!("the service does not answer: {}", error.without_url())
}

fn header(headers: &HeaderMap, name: reqwest::header::HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Whether a list of allowed headers names all of these.
fn allows(allowed: &str, names: &[&str]) -> bool {
    let allowed: Vec<String> = allowed.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    allowed.iter().any(|name| name == "*") || names.iter().all(|name| allowed.iter().any(|allowed| allowed == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_allowed_by_name_or_all() {
        let names = ["x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"];
        assert!(allows("*", &names));
        assert!(allows("X-Amz-Sdk-Checksum-Algorithm, x-amz-checksum-sha256", &names));
        assert!(!allows("x-amz-checksum-sha256", &names));
        assert!(!allows("", &names));
    }

    #[test]
    fn the_body_in_pieces_tells_its_length() {
        assert!(IN_PIECES.starts_with(&format!("{:x}\r\n", SAME_LENGTH.len())));
        assert_eq!(SAME_LENGTH.len(), RIGHT.len());
    }
}
