use picup_database::{ApiKey, Database, NewApiKey};
use picup_domain::{AccountId, ApiKeyId, ApiKeyName, Scope, Scopes, Timestamp};

use crate::fresh::{account, at, fresh, hash};

async fn key(db: &Database, account: AccountId, token: &str, expires_at: Option<Timestamp>) -> ApiKeyId {
    let id = ApiKeyId::new(at(1));
    let mut tx = db.write().await.unwrap();
    let new = NewApiKey {
        id,
        account,
        name: ApiKeyName::new("phone").unwrap(),
        token_hash: hash(token),
        scopes: Scopes::new([Scope::Edit, Scope::Upload]).unwrap(),
        created_at: at(1),
        expires_at,
    };
    tx.api_key_insert(&new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_key_is_found_by_its_token_until_it_ends() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let (lasting, ending) = (key(&db, owner, "a", None).await, key(&db, owner, "b", Some(at(10))).await);
    let mut tx = db.write().await.unwrap();
    let found = tx.api_key_by_token(&hash("a"), at(1_000)).await.unwrap().unwrap();
    let scopes = Scopes::parse("upload edit").unwrap();
    let name = ApiKeyName::new("phone").unwrap();
    let (created_at, last_used_at, expires_at) = (at(1), None, None);
    assert_eq!(found, ApiKey { id: lasting, account: owner, name, scopes, created_at, last_used_at, expires_at });
    for (now, good) in [(9, true), (10, false)] {
        let found = tx.api_key_by_token(&hash("b"), at(now)).await.unwrap();
        assert_eq!(found.map(|key| key.id), good.then_some(ending));
    }
    assert_eq!(tx.api_key_by_token(&hash("c"), at(1)).await.unwrap(), None);
    assert_eq!(tx.api_key_list(owner).await.unwrap().len(), 2, "also one that has ended");
}

#[tokio::test]
async fn a_key_is_noted_and_revoked_for_its_owner_alone() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let id = key(&db, owner, "a", None).await;
    let mut tx = db.write().await.unwrap();
    assert!(tx.api_key_used(id, at(100), at(40)).await.unwrap());
    assert!(!tx.api_key_used(id, at(159), at(99)).await.unwrap(), "a use is noted already");
    assert!(tx.api_key_used(id, at(160), at(100)).await.unwrap());
    assert_eq!(tx.api_key_list(owner).await.unwrap()[0].last_used_at, Some(at(160)));
    assert!(tx.api_key_list(other).await.unwrap().is_empty());
    assert!(!tx.api_key_delete(other, id).await.unwrap());
    assert!(tx.api_key_delete(owner, id).await.unwrap());
    assert!(!tx.api_key_delete(owner, id).await.unwrap());
    assert_eq!(tx.api_key_by_token(&hash("a"), at(200)).await.unwrap(), None);
}
