//! Showing who we are, once: each kind of identity, and what of it goes out.

use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use crate::address::path;
use crate::door::{Ask, Door};
use crate::file::{self, Readers};
use crate::session::{Session, span};
use crate::unwrap::Unwrapped;
use crate::wire::TokenFacts;
use crate::{Error, Hidden, Identity, Jwt, Settings, Values, aws};

#[derive(Serialize)]
struct ByJwt<'a> {
    role: &'a str,
    jwt: &'a str,
}

#[derive(Serialize)]
struct BySecretId<'a> {
    role_id: &'a str,
    secret_id: &'a str,
}

#[derive(Serialize)]
struct ByName<'a> {
    name: &'a str,
}

/// Logs in. Every file is read anew, the authorities too.
pub(crate) async fn log_in(settings: &Settings, unwrapped: &Unwrapped, number: u64) -> Result<Session, Error> {
    let door = Arc::new(Door::make(settings)?);
    let ask = match &settings.identity {
        Identity::Kubernetes { role, mount, token_file } => {
            by_jwt(mount, role, &file::read(token_file, Readers::Anybody)?)?
        }
        Identity::Jwt { role, mount, token: Jwt::Text(token) } => by_jwt(mount, role, token)?,
        Identity::Jwt { role, mount, token: Jwt::File(path) } => {
            by_jwt(mount, role, &file::read(path, Readers::Anybody)?)?
        }
        Identity::AppRole { mount, role_id, secret_id_file, wrapped } => {
            let secret_id = if *wrapped {
                unwrapped.secret_id(&door, path(mount)?, secret_id_file).await?
            } else {
                file::read(secret_id_file, Readers::Owner)?
            };
            login_at(mount)?.with(&BySecretId { role_id, secret_id: secret_id.show() }).hiding(&secret_id)
        }
        Identity::Certificate { mount, role, .. } => login_at(mount)?.with(&ByName { name: role }),
        Identity::Aws { mount, role, server_id, region, source } => {
            let refused = |problem| Error::Settings(format!("no keys of AWS: {problem}"));
            let keys = source.credentials().await.map_err(refused)?;
            let ask = login_at(mount)?.with(&aws::login(role, server_id.as_deref(), region, source.now(), &keys)?);
            keys.session_token.iter().fold(ask, Ask::hiding)
        }
        Identity::TokenFile { path } => return agents(door, file::read(path, Readers::Owner)?, number).await,
    };
    let asked = Instant::now();
    let auth = door.ask::<Values>(&ask, None).await?.logged_in(&ask)?;
    let lent = span(auth.lease_duration);
    tracing::info!(login = number, seconds = auth.lease_duration, "Vault has let us in");
    Ok(Session {
        door,
        token: auth.client_token,
        number,
        ours: true,
        renewable: auth.renewable,
        lent,
        granted: lent,
        ends: lent.map(|lent| asked + lent),
    })
}

fn login_at(mount: &str) -> Result<Ask, Error> {
    let at = format!("auth/{}/login", path(mount)?);
    Ok(Ask::post(format!("let us in at {at}"), at))
}

fn by_jwt(mount: &str, role: &str, token: &Hidden) -> Result<Ask, Error> {
    Ok(login_at(mount)?.with(&ByJwt { role, jwt: token.show() }).hiding(token))
}

/// The token of an agent: all that is asked is how long it is good.
async fn agents(door: Arc<Door>, token: Hidden, number: u64) -> Result<Session, Error> {
    let asked = Instant::now();
    let ask = Ask::get("look the agent's token up", "auth/token/lookup-self");
    let answer = door.ask::<TokenFacts>(&ask, Some(&token)).await?;
    let ttl = answer.data.and_then(|facts| span(facts.ttl));
    Ok(Session {
        door,
        token,
        number,
        ours: false,
        renewable: false,
        lent: ttl,
        granted: ttl,
        ends: ttl.map(|ttl| asked + ttl),
    })
}
