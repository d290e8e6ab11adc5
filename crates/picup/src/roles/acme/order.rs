//! One certificate, from the account to the chain: what is said between PicUp and an authority (RFC 8555), by the library.

use std::time::Duration;

use anyhow::{Context, bail};
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeHandle, ChallengeType, Error, ExternalAccountKey,
    Identifier, Key, NewAccount, NewOrder, Order, OrderStatus, RenewalInfo, RetryPolicy,
};
use picup_gateway::{Certificate, Challenges, Posted};
use rcgen::{CertificateParams, CustomExtension, KeyPair};

use super::folder::{AccountFile, Folder};
use super::http::Http;
use crate::config::AcmeChallenge;

/// How long an authority may take to look at the challenges, or to make a certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(180));

/// How often an order is begun anew because the authority refused a number of its own. The library has tried three by then.
const NONCES: usize = 2;

/// Where certificates come from, and for whom.
#[derive(Clone)]
pub(super) struct Authority {
    pub(super) directory: String,
    pub(super) domains: Vec<String>,
    /// A mail address.
    pub(super) contact: Option<String>,
    /// The name and key of an account that the authority keeps of its customers.
    pub(super) binding: Option<(String, Vec<u8>)>,
    pub(super) http: Http,
    pub(super) folder: Folder,
}

/// What came: both in PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Authority {
    /// Orders a certificate, and shows in that way that the names are ours. `replaces` is the one whose place it takes, for authorities
    /// that want to know.
    ///
    /// # Errors
    /// Says what the authority says.
    pub(super) async fn order(
        &self,
        way: AcmeChallenge,
        replaces: Option<&Certificate>,
        challenges: &Challenges,
    ) -> anyhow::Result<Issued> {
        let mut ordered = self.order_once(way, replaces, challenges).await;
        for _ in 0..NONCES {
            match &ordered {
                Err(error) if is_nonce(error) => ordered = self.order_once(way, replaces, challenges).await,
                _ => break,
            }
        }
        ordered
    }

    async fn order_once(
        &self,
        way: AcmeChallenge,
        replaces: Option<&Certificate>,
        challenges: &Challenges,
    ) -> anyhow::Result<Issued> {
        let account = self.account().await?;
        let names: Vec<_> = self.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = self.begin(&account, &names, replaces).await?;
        let posted = show(&mut order, way, challenges).await?;
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => bail!("{}", why_invalid(&mut order).await),
            Err(Error::Api(_)) if order.state().status == OrderStatus::Invalid => {
                bail!("{}", why_invalid(&mut order).await)
            }
            Err(error) => return Err(error).context("waiting until the authority has looked"),
        }
        drop(posted);
        let key = order.finalize().await.context("asking for the certificate")?;
        let chain = order.poll_certificate(&PATIENCE).await.context("waiting for the certificate")?;
        Ok(Issued { chain, key })
    }

    /// Between which moments the authority wishes that certificate to be renewed, and when it is to be asked again. None from one that has
    /// no wishes.
    pub(super) async fn renewal(&self, certificate: &Certificate) -> anyhow::Result<Option<(RenewalInfo, Duration)>> {
        // Without the issuer's mark in it there is no name that the authority would know it by.
        let Ok(name) = CertificateIdentifier::try_from(&certificate.der) else { return Ok(None) };
        match self.account().await?.renewal_info(&name).await {
            Ok(told) => Ok(Some(told)),
            Err(Error::Unsupported(_)) => Ok(None),
            Err(error) => Err(error).context("asking when to renew"),
        }
    }

    async fn begin(
        &self,
        account: &Account,
        names: &[Identifier],
        replaces: Option<&Certificate>,
    ) -> anyhow::Result<Order> {
        let name = replaces.and_then(|certificate| CertificateIdentifier::try_from(&certificate.der).ok());
        let mut began = match name {
            Some(name) => account.new_order(&NewOrder::new(names).replaces(name)).await,
            None => account.new_order(&NewOrder::new(names)).await,
        };
        if let Err(Error::Unsupported(_)) = began {
            began = account.new_order(&NewOrder::new(names)).await;
        }
        if let Err(Error::Api(problem)) = &began
            && problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":accountDoesNotExist"))
            && let Some(file) = self.folder.account(&self.directory)?
        {
            self.folder.write_account(&AccountFile { url: None, contact: None, ..file })?;
        }
        began.context("ordering")
    }

    /// The account there. It is made when there is none, which says yes to the authority's terms.
    async fn account(&self) -> anyhow::Result<Account> {
        let builder = Account::builder_with_http(Box::new(self.http.clone()));
        let directory = self.directory.clone();
        let (account, mut file) = match (self.folder.account(&directory)?, &self.binding) {
            (Some(file), _) if file.url.is_some() => {
                let (key, url) = (key_of(&file)?, file.url.clone().unwrap_or_default());
                (builder.from_parts(url, key.as_slice().into(), directory).await?, file)
            }
            (_, Some((name, key))) => {
                let wanted = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
                let binding = ExternalAccountKey::new(name.clone(), key);
                let (account, known) = builder.create(&wanted, directory.clone(), Some(&binding)).await?;
                let key = hex::encode(known.private_key().secret_pkcs8_der());
                let file = AccountFile { directory, key, url: Some(account.id().to_owned()), contact: None };
                self.folder.write_account(&file)?;
                (account, file)
            }
            (found, None) => {
                let mut file = match found {
                    Some(file) => file,
                    None => {
                        let (_, key) = Key::generate_pkcs8()?;
                        let key = hex::encode(key.secret_pkcs8_der());
                        let file = AccountFile { directory: directory.clone(), key, url: None, contact: None };
                        self.folder.write_account(&file)?;
                        file
                    }
                };
                let pkcs8 = key_of(&file)?;
                let key = Key::from_pkcs8_der(pkcs8.as_slice().into())?;
                let made = builder.create_from_key((key, pkcs8.try_into().map_err(anyhow::Error::msg)?), directory);
                let (account, _) = made.await.context("making an account")?;
                file.url = Some(account.id().to_owned());
                self.folder.write_account(&file)?;
                (account, file)
            }
        };
        if file.contact != self.contact {
            let contact: Vec<_> = self.contact.iter().map(|mail| format!("mailto:{mail}")).collect();
            let contact: Vec<_> = contact.iter().map(String::as_str).collect();
            account.update_contacts(&contact).await.context("gateway.tls.acme.contact")?;
            file.contact.clone_from(&self.contact);
            self.folder.write_account(&file)?;
        }
        Ok(account)
    }
}

/// Whether what failed is that the authority refused a number that it gave itself, which says nothing of the order (RFC 8555 §6.5).
fn is_nonce(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref()).any(|cause| match cause {
        Error::Api(problem) => problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":badNonce")),
        _ => false,
    })
}

fn key_of(file: &AccountFile) -> anyhow::Result<Vec<u8>> {
    hex::decode(&file.key).context("the key of the account of ACME is not hexadecimal; move its file away")
}

/// Posts what the authority is to see for every name that it does not trust us with yet, and tells it to look.
async fn show(order: &mut Order, way: AcmeChallenge, challenges: &Challenges) -> anyhow::Result<Vec<Posted>> {
    let mut posted = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.context("looking at what is to be shown")?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = authorization.identifier().to_string();
        let kind = match way {
            AcmeChallenge::Http01 => ChallengeType::Http01,
            AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        };
        let challenge = authorization.challenge(kind);
        let mut challenge =
            challenge.with_context(|| format!("the authority does not take {} for {name}", way.name()))?;
        posted.push(post(&challenge, &name, way, challenges)?);
        challenge.set_ready().await.with_context(|| format!("showing that {name} is ours"))?;
    }
    Ok(posted)
}

fn post(
    challenge: &ChallengeHandle<'_>,
    name: &str,
    way: AcmeChallenge,
    challenges: &Challenges,
) -> anyhow::Result<Posted> {
    let authorization = challenge.key_authorization();
    match way {
        AcmeChallenge::Http01 => Ok(challenges.answer(&challenge.token, authorization.as_str())),
        AcmeChallenge::TlsAlpn01 => {
            let mut parameters = CertificateParams::new([name.to_owned()])?;
            let digest = authorization.digest();
            parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
            let key = KeyPair::generate()?;
            let made = parameters.self_signed(&key)?;
            Ok(challenges.certificate(name, made.pem().as_bytes(), key.serialize_pem().as_bytes())?)
        }
    }
}

/// What the authority found where it looked.
async fn why_invalid(order: &mut Order) -> String {
    let mut why = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        let errors = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        why.extend(errors.map(|error| format!("{name}: {}", error.detail.as_deref().unwrap_or("no reason is given"))));
    }
    format!("the authority did not see that the names are ours: {}", why.join("; "))
}
