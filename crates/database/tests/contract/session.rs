use picup_database::{Database, NewSession, Rotation};
use picup_domain::{AccountId, SessionId};

use crate::fresh::{account, at, fresh, hash};

async fn session(db: &Database, account: AccountId, begun: i64) -> SessionId {
    let id = SessionId::new(at(begun));
    let mut tx = db.write().await.unwrap();
    let new = NewSession {
        id,
        account,
        refresh_hash: hash("0"),
        label: "x".repeat(300),
        created_at: at(begun),
        expires_at: at(1_000),
    };
    tx.session_insert(&new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn each_token_is_good_once() {
    let db = fresh().await;
    let id = session(&db, account(&db, None).await, 0).await;
    let mut tx = db.write().await.unwrap();
    let (first, second, third) = (hash("0"), hash("1"), hash("2"));
    assert_eq!(tx.session_rotate(id, &first, &second, at(5), at(2_000)).await.unwrap(), Rotation::Rotated);
    let reused = tx.session_rotate(id, &first, &third, at(6), at(2_000)).await.unwrap();
    assert_eq!(reused, Rotation::Reused { rotated_at: at(5) });
    assert_eq!(tx.session_rotate(id, &second, &third, at(7), at(3_000)).await.unwrap(), Rotation::Rotated);
    assert_eq!(tx.session_rotate(id, &first, &third, at(8), at(3_000)).await.unwrap(), Rotation::Unknown);
    let found = tx.session_by_id(id).await.unwrap().unwrap();
    assert_eq!((found.last_used_at, found.expires_at), (at(7), at(3_000)));
    assert_eq!(found.label.len(), 255);
    assert!(found.is_live(at(2_999)) && !found.is_live(at(3_000)));
}

#[tokio::test]
async fn the_good_token_and_the_one_before_it_prove_their_holder() {
    let db = fresh().await;
    let id = session(&db, account(&db, None).await, 0).await;
    let mut tx = db.write().await.unwrap();
    let (first, second) = (hash("0"), hash("1"));
    assert_eq!(tx.session_rotate(id, &first, &second, at(5), at(2_000)).await.unwrap(), Rotation::Rotated);
    for (token, proves) in [(&first, true), (&second, true), (&hash("2"), false)] {
        let found = tx.session_by_refresh(id, token, at(8)).await.unwrap();
        assert_eq!(found.map(|session| session.id), proves.then_some(id));
    }
    assert!(tx.session_revoke(id, at(10)).await.unwrap());
    assert_eq!(tx.session_by_refresh(id, &second, at(11)).await.unwrap(), None);
}

#[tokio::test]
async fn all_sessions_but_one_end() {
    let db = fresh().await;
    let (owner, stranger) = (account(&db, None).await, account(&db, None).await);
    let (kept, ended) = (session(&db, owner, 0).await, session(&db, owner, 1).await);
    let others = session(&db, stranger, 0).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(tx.session_revoke_others(owner, kept, at(5)).await.unwrap(), 1);
    for (id, live) in [(kept, true), (ended, false), (others, true)] {
        assert_eq!(tx.session_by_id(id).await.unwrap().unwrap().is_live(at(6)), live);
    }
    assert_eq!(tx.session_revoke_others(owner, kept, at(7)).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_over_cannot_be_refreshed() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let (expired, revoked) = (session(&db, owner, 0).await, session(&db, owner, 1).await);
    let mut tx = db.write().await.unwrap();
    let (old, new) = (hash("0"), hash("1"));
    assert_eq!(tx.session_rotate(expired, &old, &new, at(1_000), at(2_000)).await.unwrap(), Rotation::Unknown);
    assert!(tx.session_revoke(revoked, at(2)).await.unwrap());
    assert!(!tx.session_revoke(revoked, at(3)).await.unwrap());
    assert_eq!(tx.session_rotate(revoked, &old, &new, at(3), at(2_000)).await.unwrap(), Rotation::Unknown);
    assert_eq!(tx.session_by_id(revoked).await.unwrap().unwrap().revoked_at, Some(at(2)));
}

#[tokio::test]
async fn an_account_lists_its_live_sessions_and_ends_them_all() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let (first, second, theirs) =
        (session(&db, owner, 0).await, session(&db, owner, 1).await, session(&db, other, 2).await);
    let mut tx = db.write().await.unwrap();
    let ids = |list: Vec<picup_database::Session>| list.into_iter().map(|session| session.id).collect::<Vec<_>>();
    assert_eq!(ids(tx.session_list(owner, at(5)).await.unwrap()), [second, first]);
    assert!(tx.session_list(owner, at(1_000)).await.unwrap().is_empty());
    assert_eq!(tx.session_revoke_all(owner, at(6)).await.unwrap(), 2);
    assert!(tx.session_list(owner, at(7)).await.unwrap().is_empty());
    assert_eq!(ids(tx.session_list(other, at(7)).await.unwrap()), [theirs]);
    assert_eq!(tx.session_prune(at(1_001)).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_refreshes_at_once_one_wins() {
    let db = fresh().await;
    let id = session(&db, account(&db, None).await, 0).await;
    let tries: Vec<_> = (0..10)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.write().await.unwrap();
                let new = hash(&format!("new {n}"));
                let came = tx.session_rotate(id, &hash("0"), &new, at(5), at(2_000)).await.unwrap();
                tx.commit().await.unwrap();
                came
            })
        })
        .collect();
    let mut won = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Rotation::Rotated => won += 1,
            other => assert_eq!(other, Rotation::Reused { rotated_at: at(5) }),
        }
    }
    assert_eq!(won, 1);
}
