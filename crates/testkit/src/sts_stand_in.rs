//! A stand-in for what OpenBao lacks and this machine cannot reach: Vault's method `aws`, and STS behind it, which says whose signed
//! `GetCallerIdentity` it is.
//!
//! It stands before a real OpenBao. A login at `auth/aws/login` is checked here, the signature by code that knows nothing of who made it,
//! and answered with a token of that OpenBao; everything else is handed on to it.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::http_stand_in::{Answers, Asked, HttpStandIn, Told};
use crate::{Error, OpenBao};

/// The body of the one request that it understands.
const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// One that stands. Dropping it ends it; the OpenBao goes on.
#[derive(Debug)]
pub struct StsStandIn {
    server: HttpStandIn,
}

/// Whom it lets in, and by what.
#[derive(Debug, Clone)]
pub struct AwsCaller {
    /// The id of the access key.
    pub access_key: String,
    /// Its secret half.
    pub secret_key: String,
    /// The token of a session, when the keys are of one.
    pub session_token: Option<String>,
    /// Where it has to be signed for.
    pub region: String,
    /// What `X-Vault-AWS-IAM-Server-ID` has to be.
    pub server_id: String,
    /// The only role.
    pub role: String,
    /// What its tokens may do.
    pub policies: Vec<String>,
}

struct Stand {
    caller: AwsCaller,
    bao: Arc<OpenBao>,
}

impl StsStandIn {
    /// Stands before that OpenBao.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn before(bao: Arc<OpenBao>, caller: AwsCaller) -> Result<Self, Error> {
        Ok(Self { server: HttpStandIn::start(Stand { caller, bao }).await? })
    }

    /// Where to ask instead of the OpenBao.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

#[async_trait]
impl Answers for Stand {
    async fn answer(&self, asked: Asked) -> Told {
        let answered = if asked.path == "/v1/auth/aws/login" {
            self.login(&asked.json()).await
        } else {
            self.hand_on(asked).await
        };
        answered.unwrap_or_else(|error| Told::json(502, &json!({ "errors": [error.to_string()] })))
    }
}

impl Stand {
    async fn login(&self, wanted: &Value) -> Result<Told, Error> {
        if let Err(wrong) = self.check(wanted) {
            return Ok(Told::json(400, &json!({ "errors": [wrong] })));
        }
        let made = json!({ "policies": self.caller.policies, "ttl": "1h", "no_parent": true });
        Ok(Told::json(200, &self.bao.write("auth/token/create", &made).await?))
    }

    async fn hand_on(&self, asked: Asked) -> Result<Told, Error> {
        let (token, path) = (asked.headers.get("x-vault-token"), asked.path.trim_start_matches("/v1/"));
        let (status, body) = self.bao.ask(&asked.method, path, token.map(String::as_str), &asked.json()).await?;
        Ok(Told {
            status,
            headers: Vec::new(),
            body: if status == 204 { Vec::new() } else { body.to_string().into() }.into(),
        })
    }

    /// What Vault's method and STS would look at.
    fn check(&self, wanted: &Value) -> Result<(), String> {
        let caller = &self.caller;
        let decoded = |name: &str| {
            let text = wanted[name].as_str().ok_or(format!("no {name}"))?;
            BASE64_STANDARD.decode(text).map_err(|error| format!("{name}: {error}"))
        };
        if wanted["role"] != json!(caller.role) || wanted["iam_http_request_method"] != "POST" {
            return Err("no such role, or not a POST".to_owned());
        }
        let host = format!("sts.{}.amazonaws.com", caller.region);
        if decoded("iam_request_url")? != format!("https://{host}/").as_bytes() || decoded("iam_request_body")? != BODY
        {
            return Err("not STS, or not GetCallerIdentity".to_owned());
        }
        let headers: Value =
            serde_json::from_slice(&decoded("iam_request_headers")?).map_err(|error| error.to_string())?;
        let header = |name: &str| {
            let all = headers.as_object().into_iter().flatten();
            let found = all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1;
            found.as_str().or_else(|| found[0].as_str())
        };
        if header("host") != Some(&host) || header("x-vault-aws-iam-server-id") != Some(&caller.server_id) {
            return Err("for another host, or another Vault".to_owned());
        }
        if header("x-amz-security-token") != caller.session_token.as_deref() {
            return Err("of another session".to_owned());
        }
        let authorization = header("authorization").unwrap_or_default();
        let (_, signed) = authorization.split_once("SignedHeaders=").ok_or("not signed")?;
        let (names, _) = signed.split_once(", ").ok_or("not signed")?;
        for name in ["host", "x-amz-date", "x-vault-aws-iam-server-id"] {
            if !names.split(';').any(|signed| signed == name) {
                return Err(format!("{name} is not signed"));
            }
        }
        let lines: String =
            names.split(';').map(|name| format!("{name}:{}\n", header(name).unwrap_or_default())).collect();
        let request = format!("POST\n/\n\n{lines}\n{names}\n{}", hex::encode(Sha256::digest(BODY)));
        let due = self.authorization(header("x-amz-date").unwrap_or_default(), names, &request);
        if authorization == due { Ok(()) } else { Err("the signature does not match".to_owned()) }
    }

    fn authorization(&self, time: &str, names: &str, request: &str) -> String {
        let day = time.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/sts/aws4_request", self.caller.region);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(request)));
        let secret = format!("AWS4{}", self.caller.secret_key).into_bytes();
        let parts = [day, &self.caller.region, "sts", "aws4_request", &text];
        let signature = parts.iter().fold(secret, |key, part| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
            mac.update(part.as_bytes());
            mac.finalize().into_bytes().to_vec()
        });
        let credential = format!("{}/{scope}", self.caller.access_key);
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={}", hex::encode(signature))
    }
}
