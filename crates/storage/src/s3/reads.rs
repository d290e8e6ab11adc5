//! Addresses at which a reader gets one object straight from the bucket.
//!
//! An address is a bearer's: whoever has it reads that object until its end. It is signed for a GET alone, and what the reader is
//! told of the bytes stands in it, so that it is PicUp's word and not the one the service noted with them. Whether a service keeps to
//! that is probed, and whatever is unexpected is a no: PicUp then carries the bytes itself.

use std::time::Duration;

use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{Attribute, Attributes, ObjectStore, PutOptions, PutPayload};
use picup_domain::ObjectKey;
use reqwest::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderName, RANGE};
use reqwest::{Client, StatusCode, Url};

use super::S3;
use super::direct::LONGEST;
use crate::{CdnSign, Error};

const CONTENT: &[u8] = b"what is to be read";
const OTHER: &[u8] = b"what is another's";
/// What the service is told that they are.
const PICTURE: &str = "image/png";
/// How long the addresses of a probe hold, but for the one whose end is waited for.
const LIFE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(1);
/// How long its end is waited for, since the service's clock may go slower, and how often it is looked at.
const PATIENCE: u32 = 60;
const LOOK: Duration = Duration::from_millis(250);

/// What the reader of an address is told of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAs {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
    /// `Content-Disposition`; `None` leaves it out.
    pub content_disposition: Option<&'static str>,
}

impl ReadAs {
    /// As it stands in an address. Without spaces: not every service reads them back as they are written there.
    fn query(&self) -> Vec<(&'static str, String)> {
        let told = [
            ("response-content-type", Some(self.content_type)),
            ("response-cache-control", Some(self.cache_control)),
            ("response-content-disposition", self.content_disposition),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name, value?.replace(' ', "")))).collect()
    }

    /// Fine if an answer tells its reader that.
    fn must_be_told(&self, headers: &HeaderMap) -> Result<(), String> {
        let told = |name: HeaderName| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.collect::<Vec<_>>().join(",").replace(' ', "")
        };
        let wanted = [
            (CONTENT_TYPE, self.content_type),
            (CACHE_CONTROL, self.cache_control),
            (CONTENT_DISPOSITION, self.content_disposition.unwrap_or_default()),
        ];
        match wanted.into_iter().find(|(name, value)| told(name.clone()) != value.replace(' ', "")) {
            Some((name, _)) => Err(format!("the service does not tell readers the {name} that the address names")),
            None => Ok(()),
        }
    }
}

/// Where a probe puts what it asks for, below the prefix.
struct Probed {
    name: String,
    beside: String,
}

impl Probed {
    fn new() -> Self {
        let name = format!("probe/{:032x}", rand::random::<u128>());
        Self { beside: format!("{name}-beside"), name }
    }
}

impl S3 {
    /// An address that gives an object to whoever has it.
    pub(crate) async fn read_address(&self, key: &ObjectKey, told: &ReadAs, life: Duration) -> Result<String, Error> {
        let signed = self.signed_read(&self.at(key), told, life).await;
        signed.map(String::from).map_err(|error| Error::remote("sign an address", error))
    }

    async fn signed_read(&self, at: &Path, told: &ReadAs, life: Duration) -> Result<Url, object_store::Error> {
        let options = SignedUrlOptions::new().with_query(told.query());
        self.store.signed_url_opts(Method::GET, at, life.min(LONGEST), &options).await
    }

    /// Fine if readers may be sent to the bucket; else why not.
    pub(crate) async fn probe_reads(&self) -> Result<(), String> {
        let probed = Probed::new();
        let found = self.probe_reads_at(&self.path(&probed.name), &self.path(&probed.beside)).await;
        self.remove_probed(&probed).await;
        found
    }

    /// Fine if readers may be sent to a CDN before the bucket; else why not.
    pub(crate) async fn probe_cdn(&self, sign: &CdnSign) -> Result<(), String> {
        let probed = Probed::new();
        let found = self.probe_cdn_at(&probed, sign).await;
        self.remove_probed(&probed).await;
        found
    }

    async fn remove_probed(&self, probed: &Probed) {
        let mut left = self.left_by_others().await;
        left.extend([self.path(&probed.name), self.path(&probed.beside)]);
        for path in left {
            if let Err(error) = self.remove(path).await {
                tracing::warn!(%error, "what a probe of the bucket left could not be removed");
            }
        }
    }

    async fn put_probed(&self, at: &Path, beside: &Path) -> Result<(), String> {
        let attributes = Attributes::from_iter([(Attribute::ContentType, PICTURE)]);
        for (path, content) in [(at, CONTENT), (beside, OTHER)] {
            let options = PutOptions { attributes: attributes.clone(), ..PutOptions::default() };
            let put = self.store.put_opts(path, PutPayload::from_static(content), options).await;
            put.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn probe_cdn_at(&self, probed: &Probed, sign: &CdnSign) -> Result<(), String> {
        self.put_probed(&self.path(&probed.name), &self.path(&probed.beside)).await?;
        let signed = |path: &str, life| sign(path, life)?.parse::<Url>().map_err(|error| error.to_string());
        let address = signed(&probed.name, LIFE)?;
        let is_picture = |headers: &HeaderMap| match headers.get(CONTENT_TYPE) {
            Some(kind) if kind == PICTURE => Ok(()),
            _ => Err("the CDN does not tell readers the type that the bucket has of an object".to_owned()),
        };
        self.must_give(address.clone(), &is_picture, None).await?;
        self.must_give(address.clone(), &is_picture, Some((5, 11))).await?;
        let mut bare = address.clone();
        bare.set_query(None);
        let mut other = address.clone();
        other.set_path(signed(&probed.beside, LIFE)?.path());
        for (what, bent) in [("the signature was left out", bare), ("the object was changed", other)] {
            must_refuse(&self.http, what, bent).await?;
        }
        must_end(&self.http, signed(&probed.name, SHORT)?, PATIENCE).await
    }

    async fn probe_reads_at(&self, at: &Path, beside: &Path) -> Result<(), String> {
        self.put_probed(at, beside).await?;
        let file = ReadAs {
            content_type: "image/webp",
            cache_control: "private, no-cache",
            content_disposition: Some("attachment"),
        };
        let shown = ReadAs { content_type: "video/mp4", content_disposition: None, ..file };
        for told in [file, shown] {
            let address = self.probed_address(at, &told, LIFE).await?;
            let is_told = |headers: &HeaderMap| told.must_be_told(headers);
            self.must_give(address.clone(), &is_told, None).await?;
            self.must_give(address, &is_told, Some((5, 11))).await?;
        }
        let address = self.probed_address(at, &file, LIFE).await?;
        let another = self.probed_address(beside, &file, LIFE).await?;
        for (what, bent) in bent(&address, &another) {
            must_refuse(&self.http, what, bent).await?;
        }
        must_end(&self.http, self.probed_address(at, &file, SHORT).await?, PATIENCE).await
    }

    async fn probed_address(&self, at: &Path, told: &ReadAs, life: Duration) -> Result<Url, String> {
        self.signed_read(at, told, life).await.map_err(|error| error.to_string())
    }

    /// Fine if an address gives all of [`CONTENT`], or of it what lies between two bytes, as it says.
    async fn must_give(
        &self,
        address: Url,
        is_told: &(dyn Fn(&HeaderMap) -> Result<(), String> + Sync),
        part: Option<(usize, usize)>,
    ) -> Result<(), String> {
        let mut request = self.http.get(address);
        if let Some((first, last)) = part {
            request = request.header(RANGE, format!("bytes={first}-{last}"));
        }
        let answer = request.send().await.map_err(plain)?;
        let (status, wanted) = match part {
            None => (StatusCode::OK, CONTENT),
            Some((first, last)) => (StatusCode::PARTIAL_CONTENT, &CONTENT[first..=last]),
        };
        if answer.status() != status {
            return Err(format!("the service answers {} to a reader that it should give {status}", answer.status()));
        }
        is_told(answer.headers())?;
        if answer.bytes().await.map_err(plain)? == wanted {
            Ok(())
        } else {
            Err("the service gives other bytes".to_owned())
        }
    }
}

/// Fine if a bent address opens nothing.
async fn must_refuse(http: &Client, what: &str, bent: Url) -> Result<(), String> {
    let status = http.get(bent).send().await.map_err(plain)?.status();
    if refuses(status) { Ok(()) } else { Err(format!("the service answers {status} to an address of which {what}")) }
}

/// Fine if an address opens nothing any more after its end, which is looked for so often.
async fn must_end(http: &Client, address: Url, looks: u32) -> Result<(), String> {
    for _ in 0..looks {
        tokio::time::sleep(LOOK).await;
        if refuses(http.get(address.clone()).send().await.map_err(plain)?.status()) {
            return Ok(());
        }
    }
    Err("the service takes addresses after their end, or its clock is slow".to_owned())
}

/// A service in trouble refuses nothing.
fn refuses(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404)
}

/// An address bent so that it should open nothing: another object's, said to be of another type, made to hold longer.
fn bent(address: &Url, beside: &Url) -> [(&'static str, Url); 3] {
    let with = |change: &dyn Fn(&str, &str) -> Option<String>| {
        let mut bent = address.clone();
        let pairs = address.query_pairs().map(|(name, value)| {
            let value = change(&name, &value).unwrap_or_else(|| value.into_owned());
            (name.into_owned(), value)
        });
        bent.query_pairs_mut().clear().extend_pairs(pairs.collect::<Vec<_>>());
        bent
    };
    let mut other = address.clone();
    other.set_path(beside.path());
    let typed = with(&|name, _| (name == "response-content-type").then(|| "text/html".to_owned()));
    let longer = with(&|name, _| (name == "X-Amz-Expires").then(|| "86400".to_owned()));
    [("the object was changed", other), ("the type was changed", typed), ("the end was changed", longer)]
}

/// Without the address: it is signed.
fn plain(error: reqwest::Error) -> String {
    format!("the service does not answer: {}", error.without_url())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// A service that answers everything with that status; its address.
    fn service(status: u16) -> Url {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/bucket/key?X-Amz-Signature=1", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        address.parse().unwrap()
    }

    #[tokio::test]
    async fn only_a_refusal_is_one() {
        let http = Client::builder().no_proxy().build().unwrap();
        for (status, fine) in [(200, false), (206, false), (302, false), (403, true), (404, true), (503, false)] {
            let address = service(status);
            let refused = must_refuse(&http, "the end was changed", address.clone()).await;
            let ended = must_end(&http, address, 1).await;
            assert_eq!((refused.is_ok(), ended.is_ok()), (fine, fine), "{status}: {refused:?} {ended:?}");
            let said = format!("{refused:?}{ended:?}");
            assert!(!said.contains("X-Amz"), "{said}");
        }
    }

    #[test]
    fn readers_must_be_told_exactly_what_the_address_says() {
        let wanted = ReadAs {
            content_type: "image/png",
            cache_control: "private, no-cache",
            content_disposition: Some("attachment"),
        };
        let told = |pairs: &[(HeaderName, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            wanted.must_be_told(&headers)
        };
        let (kind, kept, shown) =
            ((CONTENT_TYPE, "image/png"), (CACHE_CONTROL, "private,no-cache"), CONTENT_DISPOSITION);
        told(&[kind.clone(), kept.clone(), (shown.clone(), "attachment")]).unwrap();
        for wrong in [
            vec![kind.clone(), kept.clone()],
            vec![kind.clone(), kept.clone(), (shown.clone(), "inline")],
            vec![kind, (shown.clone(), "attachment")],
            vec![(CONTENT_TYPE, "text/html"), kept, (shown, "attachment")],
        ] {
            assert!(told(&wrong).unwrap_err().contains("does not tell readers"), "{wrong:?}");
        }
    }

    #[test]
    fn an_address_is_bent_in_one_place_each() {
        let at: Url =
            "https://b.example/a?X-Amz-Expires=60&response-content-type=image%2Fpng&X-Amz-Signature=1".parse().unwrap();
        let beside: Url = "https://b.example/b?X-Amz-Signature=2".parse().unwrap();
        let bent = bent(&at, &beside).map(|(_, url)| url.to_string());
        assert_eq!(bent[0], at.as_str().replace("/a?", "/b?"));
        assert_eq!(bent[1], at.as_str().replace("image%2Fpng", "text%2Fhtml"));
        assert_eq!(bent[2], at.as_str().replace("=60", "=86400"));
    }
}
