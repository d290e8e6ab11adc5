//! What `picup doctor` and the System page ask a bucket. Each question is one plain request, asked once: who asks wants to hear what
//! the service says, and soon. Advice names the setting to change, and nothing that is secret: neither a signed address nor what
//! a service says of a signature.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use picup_domain::{Clock, SystemClock, UploadId};

use super::answers::{Asked, Unasked, answer, done, told};
use super::{S3, SMALL, to_its_end};
use crate::check::Check;
use crate::told::told as plain;

/// A small object that was written so long ago was left by a process that was killed.
const LEFT_AFTER: Duration = Duration::from_secs(600);
/// What is written and read back.
const CONTENT: &[u8] = b"PicUp looks whether it can write here.\n";
/// How long it may take to learn who this machine is: where no role is, nobody may answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl S3 {
    /// Asks everything. What is written is removed even when the caller goes away.
    pub(crate) async fn check(self: &Arc<Self>) -> Vec<Check> {
        let s3 = Arc::clone(self);
        let asked = async move {
            let listed = s3.list().await;
            let mut checks = vec![s3.there(&listed)];
            // A key may be good and not be allowed to list; whatever else is wrong, all would say the same of it.
            let refused = listed.is_ok_and(|answer| matches!(answer.status.as_u16(), 401 | 403));
            if checks[0].ok || refused {
                checks.extend(s3.written().await);
                s3.remove_left().await;
            }
            Ok(checks)
        };
        to_its_end(asked).await.unwrap_or_default()
    }

    /// Asks only whether the bucket is there, which writes nothing.
    pub(crate) async fn check_at_a_glance(&self) -> Vec<Check> {
        vec![self.there(&self.list().await)]
    }

    fn there(&self, listed: &Asked) -> Check {
        let place = self.place();
        let (ok, advice) = match listed {
            Ok(answer) if answer.status.is_success() && answer.names("ListBucketResult") => {
                (true, format!("{place} is there and can be listed"))
            }
            Ok(answer) if answer.status.is_success() => {
                (false, format!("what answers for {place} is no S3 service; see that store.endpoint is its address"))
            }
            refused => (false, format!("{place} cannot be listed: {}", told(refused, "list it (s3:ListBucket)"))),
        };
        Check { name: "storage-there", ok, advice }
    }

    async fn list(&self) -> Asked {
        let prefix = self.below("");
        let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", prefix.as_str())];
        self.say(Method::GET, &Path::default(), &query, &[]).await
    }

    /// Writes a small object, reads it back with and without a signature, and deletes it.
    async fn written(&self) -> Vec<Check> {
        let at = self.path(&format!("staging/check.{}", UploadId::new(SystemClock.now())));
        let place = self.place();
        let ill = |advice: String| Check { name: "storage-writable", ok: false, advice };
        let put = self.say(Method::PUT, &at, &[], CONTENT).await;
        if !done(&put) {
            let told = told(&put, "write there (s3:PutObject)");
            return vec![ill(format!("cannot write in {place}: {told}"))];
        }
        let (got, private) = (self.say(Method::GET, &at, &[], &[]).await, self.private(&at).await);
        let deleted = self.say(Method::DELETE, &at, &[], &[]).await;
        let writable = match &got {
            Ok(answer) if done(&got) && answer.body != CONTENT => {
                ill(format!("{place} gave back other bytes than were written: trust this service with nothing"))
            }
            got if !done(got) => ill(format!("cannot read in {place}: {}", told(got, "read there (s3:GetObject)"))),
            _ if !done(&deleted) => {
                ill(format!("cannot delete in {place}: {}", told(&deleted, "delete there (s3:DeleteObject)")))
            }
            _ => Check {
                name: "storage-writable",
                ok: true,
                advice: format!("{place} can be written, read and deleted in"),
            },
        };
        vec![writable, private]
    }

    /// Removes what earlier checks left that were killed in between. Where it cannot, the next one tries again.
    async fn remove_left(&self) {
        let Ok(listed) = self.store.list_with_delimiter(Some(&self.path("staging"))).await else { return };
        let before = SystemClock.now().minus(LEFT_AFTER);
        for object in listed.objects {
            let id = object.location.filename().and_then(|name| name.strip_prefix("check.")?.parse::<UploadId>().ok());
            if id.is_some_and(|id| id.born_at() < before) {
                let _ = self.remove(object.location).await;
            }
        }
    }

    /// Whether strangers are refused an object that stands at `at`, and the list.
    async fn private(&self, at: &Path) -> Check {
        let place = self.place();
        let mut asked = Vec::new();
        for (path, query) in [(at, ""), (&Path::default(), "list-type=2&max-keys=1")] {
            asked.push(self.say_unsigned(path, query).await);
        }
        let open = asked.iter().flatten().any(|answer| answer.status.is_success());
        let trouble = asked.iter().find(|asked| asked.as_ref().map_or(true, |answer| answer.status.is_server_error()));
        let (ok, advice) = match trouble {
            _ if open => {
                let remedy =
                    "remove public access from the bucket: its policy, its access list, or the provider's switch";
                (false, format!("anybody can read in {place} without a key; {remedy}"))
            }
            Some(trouble) => (false, format!("cannot ask {place} as a stranger: {}", told(trouble, "be asked"))),
            None => (true, format!("{place} is closed to whoever has no key")),
        };
        Check { name: "storage-private", ok, advice }
    }

    async fn say(&self, method: Method, at: &Path, query: &[(&str, &str)], body: &'static [u8]) -> Asked {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let signing = self.store.signed_url_opts(method.clone(), at, SMALL, &options);
        let url = match tokio::time::timeout(PATIENCE, signing).await {
            Ok(Ok(url)) => url,
            Ok(Err(error)) => return Err(Unasked::Nobody(plain(&error))),
            Err(_) => return Err(Unasked::Nobody("nobody answers who gives out roles".to_owned())),
        };
        answer(self.http.request(method, url).body(body).send().await).await
    }

    async fn say_unsigned(&self, at: &Path, query: &str) -> Asked {
        let signed = self.store.signed_url(Method::GET, at, SMALL).await;
        let mut url = signed.map_err(|error| Unasked::Nobody(plain(&error)))?;
        url.set_query((!query.is_empty()).then_some(query));
        answer(self.http.get(url).send().await).await
    }

    /// What this store is called in advice.
    fn place(&self) -> String {
        match self.prefix.as_str() {
            "" => "the bucket".to_owned(),
            prefix => format!("{prefix}/ in the bucket"),
        }
    }

    /// What the names of all objects here begin with that also begin with `name`.
    fn below(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }
}
