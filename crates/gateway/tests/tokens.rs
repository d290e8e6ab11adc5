//! Over real sockets: what a media token opens, and that a refusal tells no more than any other.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::atomic::Ordering;

use picup_delivery::{
    Audience, Form, HashAlgorithm, KeyId, Keyring, Policy, Resource, SigningKey, TokenRing, TokenSecret, TokenSigner,
    TokenTerms, media_token, signed_url,
};
use support::{BASE, NOW, ORIGINAL, SECRET, SIZE, TestGateway, VIEW, content};

const OTHERS: &str = "/media/bob/b1/view/preview.1.webp";

fn secret(text: &str) -> TokenSecret {
    TokenSecret::parse(KeyId::parse("T1").unwrap(), text).unwrap()
}

fn token(signer: TokenSigner<'_>, owner: &str, lasting: u64) -> String {
    let audience = Audience::default();
    let terms = TokenTerms { audience: &audience, owner, issued_at_epoch_s: NOW, expires_at_epoch_s: NOW + lasting };
    media_token(signer, &terms).unwrap()
}

fn cookie(token: &str) -> String {
    format!("Cookie: picup_media={token}\r\n")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn a_token_opens_its_owners_media_and_no_others() {
    let gateway = TestGateway::start().await;
    let secret = secret(SECRET);
    let refused = gateway.ask("GET", VIEW, "").await.told();
    for signer in [TokenSigner::Key(&gateway.key), TokenSigner::Secret(&secret)] {
        let (ann, bob) = (token(signer, "ann", 60), token(signer, "bob", 60));
        for shown in [cookie(&ann), bearer(&ann)] {
            let answer = gateway.ask("GET", VIEW, &format!("{shown}Range: bytes=1-2\r\n")).await;
            assert_eq!((answer.status, &answer.body), (206, &content(1..3)));
            assert_eq!(gateway.ask("GET", ORIGINAL, &shown).await.body, content(0..SIZE));
            assert_eq!(gateway.ask("GET", "/media/ann/nothing/view/1", &shown).await.status, 404, "to its owner alone");
            for target in [OTHERS, "/media/bob/nothing/view/1", "/media", "/media/ann", "/media/ann/%61%31/view/1"] {
                assert_eq!(gateway.ask("GET", target, &shown).await.told(), refused, "{target}");
            }
        }
        assert_eq!(gateway.ask("GET", OTHERS, &cookie(&bob)).await.status, 200);
        for shown in [cookie(&bob), bearer(&bob)] {
            assert_eq!(gateway.ask("GET", VIEW, &shown).await.told(), refused);
        }
    }
}

/// A stranger cannot tell why, nor that it is tokens that are looked at here.
#[tokio::test]
async fn every_refusal_is_the_same() {
    let gateway = TestGateway::start().await;
    let (key, ours, others) = (&gateway.key, secret(SECRET), secret("a-secret-that-somebody-made-himself"));
    let stranger = SigningKey::generate(KeyId::parse("K1").unwrap(), &mut rand::rng());
    let unknown = SigningKey::generate(KeyId::parse("K2").unwrap(), &mut rand::rng());
    let good = token(TokenSigner::Key(key), "ann", 60);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let altered = if signature.starts_with('A') { 'B' } else { 'A' };
    let api = "picup-api".parse().unwrap();
    let of_api = TokenTerms { audience: &api, owner: "ann", issued_at_epoch_s: NOW, expires_at_epoch_s: NOW + 60 };
    let first = gateway.ask("GET", VIEW, "").await;
    assert_eq!(first.status, 403);
    for shown in [
        cookie("x"),
        cookie(""),
        bearer(""),
        bearer(&format!("{good}A")),
        format!("{}{}", cookie(&good), cookie(&good)),
        format!("{}{}", bearer(&good), bearer(&good)),
        format!("Authorization: Basic {good}\r\n"),
        format!("Cookie: CloudFront-Policy=x; picup_media={good}\r\n"),
        cookie(&format!("{signed}.{altered}{}", &signature[1..])),
        cookie(&token(TokenSigner::Key(&stranger), "ann", 60)),
        cookie(&token(TokenSigner::Key(&unknown), "ann", 60)),
        cookie(&token(TokenSigner::Secret(&others), "ann", 60)),
        cookie(&media_token(TokenSigner::Secret(&ours), &of_api).unwrap()),
        cookie(&token(TokenSigner::Secret(&ours), "an", 60)),
        cookie(&token(TokenSigner::Secret(&ours), "anna", 60)),
    ] {
        assert_eq!(gateway.ask("GET", VIEW, &shown).await.told(), first.told(), "{shown}");
    }
    assert_eq!(gateway.opened.load(Ordering::SeqCst), 0, "the store was asked before the right was known");
    assert_eq!(gateway.ask("GET", &format!("{VIEW}?picup_media={good}"), "").await.status, 400);
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&good)).await.status, 200);
    gateway.clock.store(NOW + 60, Ordering::SeqCst);
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&good)).await.told(), first.told());
    let text = gateway.metrics();
    for (reason, count) in [
        ("unsigned", 3),
        ("malformed", 5),
        ("expired", 1),
        ("resource", 2),
        ("unknown_key", 1),
        ("signature", 4),
        ("audience", 1),
        ("algorithm", 0),
        ("lifetime", 0),
    ] {
        let line = format!("delivery_denied_total{{reason=\"{reason}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
}

#[tokio::test]
async fn what_is_signed_decides_before_a_token() {
    let gateway = TestGateway::start().await;
    let good = token(TokenSigner::Key(&gateway.key), "ann", 60);
    let both = |cookies: &str| cookies.replace("\r\n", &format!("; picup_media={good}\r\n"));
    assert_eq!(gateway.ask("GET", VIEW, &both(&gateway.cookies("ann"))).await.status, 200);
    assert_eq!(gateway.ask("GET", VIEW, &both(&gateway.cookies("bob"))).await.status, 403);
    assert_eq!(gateway.ask("GET", OTHERS, &both(&gateway.cookies("bob"))).await.status, 200);
    let policy = Policy::until(Resource::parse(&format!("{BASE}{VIEW}")).unwrap(), NOW);
    let url = format!("{BASE}{VIEW}");
    let ended = signed_url(&gateway.key, HashAlgorithm::Sha256, &url, &policy, Form::Shortest).unwrap();
    for address in [ended.strip_prefix(BASE).unwrap(), &format!("{VIEW}?Signature=x")] {
        assert_eq!(gateway.ask("GET", address, &cookie(&good)).await.status, 403, "{address}");
    }
}

#[tokio::test]
async fn each_ring_opens_alone_and_a_new_one_counts_at_once() {
    let gateway = TestGateway::start().await;
    let good = token(TokenSigner::Key(&gateway.key), "ann", 60);
    gateway.keyring.send(Keyring::default()).unwrap();
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&good)).await.status, 200);
    assert_eq!(gateway.fetch(VIEW, "").await.status, 403);
    gateway.tokens.send(TokenRing::default()).unwrap();
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&good)).await.status, 403);
}

/// Who shows wrong tokens is not verified any more for a while, and who shows wrong signatures neither.
#[tokio::test]
async fn who_forges_many_costs_no_more_verifications() {
    let gateway = TestGateway::start().await;
    let (others, ours) = (secret("a-secret-that-somebody-made-himself"), secret(SECRET));
    let known = token(TokenSigner::Secret(&ours), "ann", 60);
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&known)).await.status, 200);
    for lasting in 60..80 {
        let forged = token(TokenSigner::Secret(&others), "ann", lasting);
        assert_eq!(gateway.ask("GET", VIEW, &bearer(&forged)).await.status, 403);
    }
    let fresh = token(TokenSigner::Secret(&ours), "ann", 70);
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&fresh)).await.status, 403);
    assert_eq!(gateway.fetch(VIEW, "").await.status, 403);
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&known)).await.status, 200);
    assert!(gateway.metrics().contains("reason=\"limited\"} 2"), "{}", gateway.metrics());
    gateway.clock.store(NOW + 10, Ordering::SeqCst);
    assert_eq!(gateway.ask("GET", VIEW, &cookie(&fresh)).await.status, 200);
}
