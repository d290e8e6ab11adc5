//! A stand-in for the one thing that Vault's Kubernetes method asks of a cluster: TokenReview, "whose token is this?".
//!
//! There is no cluster here. It knows the tokens that a test has given out, and answers for those alone, as an API server does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::Error;
use crate::http_stand_in::{Asked, HttpStandIn, Told};

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// One that stands. Dropping it ends it.
#[derive(Debug)]
pub struct TokenReviewStandIn {
    server: HttpStandIn,
    tokens: Arc<Mutex<BTreeMap<String, ServiceAccount>>>,
    given: AtomicU64,
}

#[derive(Debug, Clone)]
struct ServiceAccount {
    namespace: String,
    name: String,
    audience: String,
}

impl TokenReviewStandIn {
    /// Knows no token yet.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start() -> Result<Self, Error> {
        let tokens: Arc<Mutex<BTreeMap<String, ServiceAccount>>> = Arc::default();
        let known = Arc::clone(&tokens);
        let server = HttpStandIn::start(move |asked: Asked| {
            review(&asked, &known.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await?;
        Ok(Self { server, tokens, given: AtomicU64::new(0) })
    }

    /// What `kubernetes_host` has to be.
    #[must_use]
    pub fn host(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Gives out a token of that service account for that audience. It has the claims of a real one; nobody signs it, since whether it is
    /// good is what this stand-in is asked.
    #[must_use]
    pub fn give(&self, namespace: &str, name: &str, audience: &str) -> String {
        let part = |claims: Value| BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        let claims = json!({
            "iss": "https://kubernetes.default.svc", "aud": [audience], "exp": 4_102_444_800_u64, "iat": 1_700_000_000,
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name, "uid": uid(namespace, name) } },
        });
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(format!("signed by nobody {number}"));
        let token = format!("{}.{}.{signature}", part(json!({ "alg": "RS256", "kid": "stand-in" })), part(claims));
        let account =
            ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned(), audience: audience.to_owned() };
        self.with(|tokens| tokens.insert(token.clone(), account));
        token
    }

    /// From now on a token is nobody's.
    pub fn take_back(&self, token: &str) {
        self.with(|tokens| tokens.remove(token));
    }

    /// How often it was asked.
    #[must_use]
    pub fn reviews(&self) -> usize {
        self.server.asked().iter().filter(|asked| asked.path == PATH).count()
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, ServiceAccount>) -> T) -> T {
        work(&mut self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn uid(namespace: &str, name: &str) -> String {
    format!("uid-of-{namespace}-{name}")
}

fn review(asked: &Asked, known: &BTreeMap<String, ServiceAccount>) -> Told {
    if asked.path != PATH {
        return Told::json(404, &json!({ "kind": "Status", "status": "Failure", "code": 404 }));
    }
    let mut review = asked.json();
    let wanted = review["spec"]["audiences"].as_array().cloned().unwrap_or_default();
    let account = review["spec"]["token"].as_str().and_then(|token| known.get(token));
    let fits = |account: &ServiceAccount| wanted.is_empty() || wanted.contains(&json!(account.audience));
    review["status"] = match account.filter(|account| fits(account)) {
        Some(ServiceAccount { namespace, name, audience }) => json!({
            "authenticated": true,
            "audiences": [audience],
            "user": {
                "username": format!("system:serviceaccount:{namespace}:{name}"),
                "uid": uid(namespace, name),
                "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{namespace}"), "system:authenticated"],
            },
        }),
        None => json!({ "authenticated": false, "error": "the token is nobody's" }),
    };
    Told::json(201, &review)
}
