//! Whether senders may put parts straight into a bucket: tried out on the service itself, with an object of no worth.
//!
//! Services differ in what they make of a signed address: some store what does not have the signed hash, some let an unsigned header
//! turn a PUT into a copy. Whatever the answer, it counts only what then stands in the bucket. Anything unexpected, and any failure,
//! is a no: PicUp then carries the parts itself.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use picup_domain::Sha256;
use quick_xml::escape::escape;
use reqwest::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN,
};
use reqwest::{Method, RequestBuilder, StatusCode};

use super::S3;
use super::direct::PartAddress;
use super::trial::Trial;
use crate::WhyProxied;
use crate::told::told;

/// How long the service may take to begin a trial when PicUp is to stop: what is not known to have begun cannot be ended.
const GRACE: Duration = Duration::from_secs(5);
/// More than any body here has, in bytes.
const LONGEST: u64 = 1000;
const LIFE: Duration = Duration::from_secs(300);
const RIGHT: &[u8] = b"what was announced";
const OTHER: &[u8] = b"something different";
pub(super) const SAME_LENGTH: &[u8] = b"What was announced";
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
    fn all(bucket: &str, other_object: &Path) -> [Self; 6] {
        let with = |what, body, more| Self { what, body, more, bare: false };
        let copy = |slash| vec![("x-amz-copy-source", format!("{slash}{bucket}/{other_object}"))];
        let pieces = vec![
            ("content-encoding", "aws-chunked".to_owned()),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned()),
            ("x-amz-decoded-content-length", SAME_LENGTH.len().to_string()),
        ];
        [
            with("a part with other bytes than announced", SAME_LENGTH, Vec::new()),
            with("a part of another length than announced", OTHER, Vec::new()),
            Self { bare: true, ..with("a part without the headers that were signed", SAME_LENGTH, Vec::new()) },
            with("a copy of another object as a part", b"", copy("/")),
            with("a copy of another object, named without a slash, as a part", b"", copy("")),
            with("a part with other bytes than announced, in pieces", IN_PIECES.as_bytes(), pieces),
        ]
    }
}

impl S3 {
    /// Fine if senders may put parts straight into the bucket, pages of `origin` among them; else why they may not. It goes on until
    /// `stop`, and removes what it made in any case.
    pub(crate) async fn probe(&self, origin: &str, stop: impl Future<Output = ()> + Send) -> Result<(), WhyProxied> {
        let stop = stop.shared();
        let trial = tokio::select! {
            trial = self.trial_begin() => trial.map_err(unknown)?,
            () = stop.clone().then(|()| tokio::time::sleep(GRACE)) => return Err(stopped()),
        };
        let found = tokio::select! {
            found = self.probe_part(&trial, origin) => found,
            () = stop => Err(stopped()),
        };
        self.trial_end(trial).await;
        found
    }

    async fn probe_part(&self, trial: &Trial, origin: &str) -> Result<(), WhyProxied> {
        let Trial { at, beside, multipart } = trial;
        let address = self.part_address(at, multipart, 1, Sha256::of(RIGHT), LIFE).await;
        let address = address.map_err(unknown)?;
        for misuse in Misuse::all(&self.bucket, beside) {
            self.must_refuse(at, multipart, &address, misuse).await?;
        }
        self.must_let_pages_in(&address, origin).await?;

        let tag = self.must_take(trial, &address, RIGHT).await?;
        self.must_heed_tags(trial, &tag).await?;
        let tag = self.must_take(trial, &address, RIGHT).await?;
        let parts = vec![self.part_id(&tag, &Sha256::of(RIGHT))];
        self.store.complete_multipart(at, multipart, parts).await.map_err(unknown)?;
        // The address has to be dead now.
        let _ = self.put_part(&address, false).body(RIGHT).send().await.map_err(unknown)?;
        let _ = self.put_part(&address, false).body(OTHER).send().await.map_err(unknown)?;
        let _ = self.put_part(&address, true).body(OTHER).send().await.map_err(unknown)?;
        let stands = self.fetch(at, None, LONGEST).await.map_err(unknown)?;
        if stands.as_deref() == Some(RIGHT) {
            Ok(())
        } else {
            Err(unsafe_for("an address changes its object after the upload was completed"))
        }
    }

    /// Fine if nothing is stored when the address is misused so.
    async fn must_refuse(
        &self,
        at: &Path,
        multipart: &str,
        address: &PartAddress,
        misuse: Misuse,
    ) -> Result<(), WhyProxied> {
        let mut request = self.put_part(address, misuse.bare).body(misuse.body);
        for (name, value) in misuse.more {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(unknown)?;
        let status = answer.status();
        if status.is_success() || self.part_one(at, multipart).await?.is_some() {
            return Err(unsafe_for(&format!("the service stores {}", misuse.what)));
        }
        refused(status, misuse.what)
    }

    /// Sends a part as it was announced; says what the service calls it.
    async fn must_take(&self, trial: &Trial, address: &PartAddress, body: &'static [u8]) -> Result<String, WhyProxied> {
        let status = self.put_part(address, false).body(body).send().await.map_err(unknown)?.status();
        if !status.is_success() {
            return Err(unsafe_for(&format!("the service refuses parts that are as announced ({status})")));
        }
        let tag = self.part_one(&trial.at, &trial.multipart).await?;
        tag.ok_or_else(|| unsafe_for("the service does not list what it has stored"))
    }

    /// Fine if nothing is made of a part whose tag is named, once another has taken its place.
    async fn must_heed_tags(&self, trial: &Trial, tag: &str) -> Result<(), WhyProxied> {
        let Trial { at, multipart, .. } = trial;
        let other = self.part_address(at, multipart, 1, Sha256::of(OTHER), LIFE).await.map_err(unknown)?;
        self.must_take(trial, &other, OTHER).await?;
        let options = SignedUrlOptions::new().with_query([("uploadId", multipart)]);
        let url = self.store.signed_url_opts(Method::POST, at, LIFE, &options).await.map_err(unknown)?;
        let answer = self.prober.post(url).body(self.one_part_named(tag)).send().await.map_err(unknown)?;
        let (status, told) = (answer.status(), answer.text().await.map_err(unknown)?);
        let what = "a part that is no longer the one that is named";
        if self.fetch(at, None, LONGEST).await.map_err(unknown)?.is_some() {
            return Err(unsafe_for(&format!("the service makes an object of {what}")));
        }
        // It may have said that all is well before it looked.
        if told.contains("<Code>InvalidPart</Code>") { Ok(()) } else { refused(status, what) }
    }

    /// The request to put together a part with the hash of [`RIGHT`], as the library would write it.
    fn one_part_named(&self, tag: &str) -> String {
        let checksum = BASE64_STANDARD.encode(Sha256::of(RIGHT).as_bytes());
        let checksum = format!("<ChecksumSHA256>{checksum}</ChecksumSHA256>");
        let checksum = if self.profile.wants_checksums_named() { checksum.as_str() } else { "" };
        let part = format!("<PartNumber>1</PartNumber><ETag>{}</ETag>{checksum}", escape(tag));
        format!("<CompleteMultipartUpload><Part>{part}</Part></CompleteMultipartUpload>")
    }

    /// Fine if a browser lets pages of `origin` send parts and read the answer.
    async fn must_let_pages_in(&self, address: &PartAddress, origin: &str) -> Result<(), WhyProxied> {
        let names: Vec<&str> = address.headers.iter().map(|(name, _)| name.as_str()).collect();
        let ask = self.prober.request(Method::OPTIONS, &address.url);
        let ask = ask.header(ORIGIN, origin).header(ACCESS_CONTROL_REQUEST_METHOD, "PUT");
        let answer = ask.header(ACCESS_CONTROL_REQUEST_HEADERS, names.join(",")).send().await.map_err(unknown)?;
        let allowed = answer.status().is_success()
            && ["*", origin].contains(&header(answer.headers(), ACCESS_CONTROL_ALLOW_ORIGIN).as_str())
            && allows(&header(answer.headers(), ACCESS_CONTROL_ALLOW_METHODS), &["put"])
            && allows(&header(answer.headers(), ACCESS_CONTROL_ALLOW_HEADERS), &names);
        if allowed { Ok(()) } else { Err(WhyProxied::ClosedToPages(origin.to_owned())) }
    }

    /// A PUT to an address, with its headers or bare.
    fn put_part(&self, address: &PartAddress, bare: bool) -> RequestBuilder {
        let headers = address.headers.iter().filter(|_| !bare);
        headers.fold(self.prober.put(&address.url), |request, (name, value)| request.header(name, value))
    }

    /// What the service calls the first part, if it has one.
    async fn part_one(&self, at: &Path, multipart: &str) -> Result<Option<String>, WhyProxied> {
        let listed = self.parts_listed(at, multipart).await.map_err(unknown)?;
        Ok(listed.and_then(|mut listed| listed.remove(&1)).map(|part| part.tag))
    }
}

/// Fine if that is the answer of a service that refuses.
fn refused(status: StatusCode, what: &str) -> Result<(), WhyProxied> {
    let answers = format!("the service answers {status} to {what}");
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(WhyProxied::Unknown(answers)),
        status if status.is_server_error() => Err(WhyProxied::Unknown(answers)),
        status if status.is_client_error() => Ok(()),
        _ => Err(WhyProxied::Unsafe(answers)),
    }
}

fn unsafe_for(why: &str) -> WhyProxied {
    WhyProxied::Unsafe(why.to_owned())
}

fn unknown(error: impl std::error::Error + 'static) -> WhyProxied {
    WhyProxied::Unknown(told(&error))
}

fn stopped() -> WhyProxied {
    WhyProxied::Unknown("PicUp stops".to_owned())
}

fn header(headers: &HeaderMap, name: reqwest::header::HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Whether a list of what is allowed (headers, methods) names all of these, which are in small letters.
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
