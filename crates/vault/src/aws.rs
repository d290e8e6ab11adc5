//! Who we are by AWS IAM: a signed `sts:GetCallerIdentity` that is not sent by us but by Vault, which so hears from AWS itself who signed it.
//!
//! The signature is version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).

use std::collections::BTreeMap;
use std::time::SystemTime;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{Error, Hidden};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Keys of AWS.
#[derive(Debug, Clone)]
pub struct AwsCredentials {
    /// The id of the access key; no secret.
    pub access_key_id: String,
    /// Its secret half.
    pub secret_access_key: Hidden,
    /// The token of a session, when they are of one.
    pub session_token: Option<Hidden>,
}

/// Where keys of AWS come from, and what time it is: AWS refuses what was not signed within minutes.
#[async_trait]
pub trait AwsSource: Send + Sync {
    /// The time of the signature.
    fn now(&self) -> SystemTime;

    /// The keys of this moment.
    ///
    /// # Errors
    /// Why there are none, in words without secrets.
    async fn credentials(&self) -> Result<AwsCredentials, String>;
}

/// What Vault's method `aws` wants to log somebody in.
#[derive(Serialize)]
pub(crate) struct AwsLogin<'a> {
    role: &'a str,
    iam_http_request_method: &'static str,
    iam_request_url: String,
    iam_request_body: String,
    /// Whoever has it can log in as us for some minutes.
    iam_request_headers: Zeroizing<String>,
}

/// Signs the question for Vault to ask.
pub(crate) fn login<'a>(
    role: &'a str,
    server_id: Option<&str>,
    region: &str,
    now: SystemTime,
    credentials: &AwsCredentials,
) -> Result<AwsLogin<'a>, Error> {
    let wrong = |problem: &str| Error::Settings(format!("aws: {problem}"));
    let is_region = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if region.is_empty() || !region.chars().all(is_region) {
        return Err(wrong("the region is not one, such as eu-central-1"));
    }
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let host = format!("sts.{region}.amazonaws.com{suffix}");
    let time = jiff::Timestamp::try_from(now).map_err(|_| wrong("the time is none"))?;
    let time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut headers = BTreeMap::from([
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", &*host),
        ("x-amz-date", &*time),
    ]);
    headers.extend(credentials.session_token.iter().map(|token| ("x-amz-security-token", token.show())));
    headers.extend(server_id.map(|id| ("x-vault-aws-iam-server-id", id)));
    let signed = Signed { region, service: "sts", time: &time, headers: &headers, body: BODY.as_bytes() };
    let authorization = signed.authorization("POST", credentials);
    headers.insert("authorization", &authorization);
    let text = Zeroizing::new(serde_json::to_string(&headers).expect("texts are JSON"));
    Ok(AwsLogin {
        role,
        iam_http_request_method: "POST",
        iam_request_url: BASE64_STANDARD.encode(format!("https://{host}/")),
        iam_request_body: BASE64_STANDARD.encode(BODY),
        iam_request_headers: Zeroizing::new(BASE64_STANDARD.encode(text.as_bytes())),
    })
}

/// A request to `/` without a query, as it is signed. Names of headers are in lower case.
struct Signed<'a> {
    region: &'a str,
    service: &'a str,
    time: &'a str,
    headers: &'a BTreeMap<&'a str, &'a str>,
    body: &'a [u8],
}

impl Signed<'_> {
    fn authorization(&self, method: &str, credentials: &AwsCredentials) -> Zeroizing<String> {
        let names = self.headers.keys().copied().collect::<Vec<_>>().join(";");
        let lines = self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect::<String>();
        let lines = Zeroizing::new(lines);
        let request = format!("{method}\n/\n\n{}\n{names}\n{}", *lines, hex::encode(Sha256::digest(self.body)));
        let request = Zeroizing::new(request);
        let day = self.time.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = hex::encode(Sha256::digest(request.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", self.time);
        let key = self.key(day, &credentials.secret_access_key);
        let signature = hex::encode(mac(&key, &text));
        let id = &credentials.access_key_id;
        let shown = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        Zeroizing::new(shown)
    }

    /// The key of one day, region and service.
    fn key(&self, day: &str, secret: &Hidden) -> Zeroizing<Vec<u8>> {
        let first = Zeroizing::new(format!("AWS4{}", secret.show()).into_bytes());
        [day, self.region, self.service, "aws4_request"].iter().fold(first, |key, part| mac(&key, part))
    }
}

fn mac(key: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "20150830T123600Z";
    /// The token of AWS's suite.
    const SESSION: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8\
        YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT\
        38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    /// Name, method, headers besides, body, signature.
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static [u8], &'static str);

    fn credentials() -> AwsCredentials {
        AwsCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Hidden::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        }
    }

    fn signature(method: &str, more: &[(&str, &str)], body: &[u8]) -> String {
        let mut headers = BTreeMap::from([("host", "example.amazonaws.com"), ("x-amz-date", TIME)]);
        headers.extend(more.iter().copied());
        let signed = Signed { region: "us-east-1", service: "service", time: TIME, headers: &headers, body };
        signed.authorization(method, &credentials()).rsplit_once("Signature=").unwrap().1.to_owned()
    }

    /// From AWS's own suite for signers, aws-sig-v4-test-suite: the cases that have no path and no query, as ours has none.
    #[test]
    fn signatures_are_those_of_awss_suite() {
        const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
        const FORM_UTF8: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf8");
        let cases: [Case; 5] = [
            ("get-vanilla", "GET", &[], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("post-vanilla", "POST", &[], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "post-x-www-form-urlencoded",
                "POST",
                &[FORM],
                b"Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "post-x-www-form-urlencoded-parameters",
                "POST",
                &[FORM_UTF8],
                b"Param1=value1",
                "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
            ),
            (
                "post-sts-header-before",
                "POST",
                &[("x-amz-security-token", SESSION)],
                b"",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ];
        for (name, method, headers, body, wanted) in cases {
            assert_eq!(signature(method, headers, body), wanted, "{name}");
        }
    }

    /// From AWS's guide, "Deriving the signing key".
    #[test]
    fn a_signing_key_is_that_of_awss_guide() {
        let headers = BTreeMap::new();
        let signed = Signed { region: "us-east-1", service: "iam", time: TIME, headers: &headers, body: b"" };
        let key = signed.key("20150830", &credentials().secret_access_key);
        assert_eq!(hex::encode(&*key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn a_region_cannot_lead_to_another_host() {
        for bad in ["", "x/", "evil.example/", "EU", "a.b"] {
            assert!(login("picup", None, bad, SystemTime::UNIX_EPOCH, &credentials()).is_err(), "{bad}");
        }
        let made = login("picup", None, "cn-north-1", SystemTime::UNIX_EPOCH, &credentials()).unwrap();
        let url = BASE64_STANDARD.decode(made.iam_request_url).unwrap();
        assert_eq!(url, b"https://sts.cn-north-1.amazonaws.com.cn/");
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", credentials());
        assert!(!shown.contains("wJalr") && shown.contains("AKIDEXAMPLE"), "{shown}");
    }
}
