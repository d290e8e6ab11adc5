use picup_database::{Error, MOST_OPEN_UPLOADS};
use picup_domain::{AccountId, Email, PasswordHash, Quota};
use proptest::prelude::*;

use crate::fresh::{account, at, fresh, new_account, size};

fn hashed(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

#[tokio::test]
async fn an_account_is_found_by_id_and_address() {
    let db = fresh().await;
    let id = AccountId::new(at(0));
    let mut tx = db.write().await.unwrap();
    tx.account_insert(&new_account(id, "Ada@Example.com", Some(500))).await.unwrap();
    let taken = tx.account_insert(&new_account(AccountId::new(at(1)), "ada@example.com", None)).await;
    assert!(matches!(taken, Err(Error::Conflict("email"))), "{taken:?}");
    assert!(tx.account_set_password(id, &hashed("$argon2id$new"), at(9)).await.unwrap());
    assert!(!tx.account_set_password(AccountId::new(at(1)), &hashed("x"), at(9)).await.unwrap());
    tx.commit().await.unwrap();

    let mut read = db.read().await.unwrap();
    let found = read.account_by_email(&Email::new("ada@example.com").unwrap()).await.unwrap().unwrap();
    assert_eq!(found.id, id);
    assert_eq!(found.password_hash.as_str(), "$argon2id$new");
    assert_eq!(found.updated_at, at(9));
    assert_eq!(found.quota, Quota { limit: Some(size(500)), used: size(0), reserved: size(0) });
    assert_eq!(read.account_by_id(id).await.unwrap(), Some(found.clone()));
    assert_eq!(read.account_list().await.unwrap(), [found]);
    assert_eq!(read.account_count().await.unwrap(), 1);
    assert_eq!(read.account_by_id(AccountId::new(at(0))).await.unwrap(), None);
}

#[tokio::test]
async fn the_last_byte_is_promised_and_the_next_is_not() {
    let db = fresh().await;
    let id = account(&db, Some(10)).await;
    let mut tx = db.write().await.unwrap();
    assert!(tx.quota_reserve(id, 1, size(6)).await.unwrap());
    assert!(tx.quota_reserve(id, 1, size(4)).await.unwrap());
    assert!(!tx.quota_reserve(id, 1, size(1)).await.unwrap());
    assert!(tx.quota_reserve(id, 1, size(0)).await.unwrap());
    tx.quota_move(id, 1, size(6)).await.unwrap();
    tx.quota_release(id, size(4)).await.unwrap();
    assert!(!tx.quota_reserve(id, 1, size(5)).await.unwrap());
    assert!(matches!(tx.quota_release(id, size(1)).await, Err(Error::Conflict("quota"))));
    assert!(matches!(tx.quota_move(id, 1, size(1)).await, Err(Error::Conflict("quota"))));
    assert!(matches!(tx.quota_free(id, size(7)).await, Err(Error::Conflict("quota"))));
    tx.quota_free(id, size(6)).await.unwrap();
    let quota = tx.account_by_id(id).await.unwrap().unwrap().quota;
    assert_eq!((quota.used, quota.reserved), (size(0), size(0)));
}

#[tokio::test]
async fn uploads_of_nothing_have_an_end_too() {
    let db = fresh().await;
    let id = account(&db, None).await;
    let mut tx = db.write().await.unwrap();
    assert!(tx.quota_reserve(id, MOST_OPEN_UPLOADS - 1, size(0)).await.unwrap());
    assert!(!tx.quota_reserve(id, 2, size(0)).await.unwrap());
    assert!(tx.quota_reserve(id, 1, size(0)).await.unwrap());
    assert!(!tx.quota_reserve(id, 1, size(0)).await.unwrap());
    tx.quota_release(id, size(0)).await.unwrap();
    tx.quota_move(id, 2, size(0)).await.unwrap();
    assert_eq!(tx.account_by_id(id).await.unwrap().unwrap().open_uploads, MOST_OPEN_UPLOADS - 3);
    assert!(matches!(tx.quota_move(id, MOST_OPEN_UPLOADS, size(0)).await, Err(Error::Conflict("quota"))));
}

#[tokio::test]
async fn without_a_limit_only_the_range_of_numbers_limits() {
    let db = fresh().await;
    let id = account(&db, None).await;
    let all = i64::MAX.unsigned_abs();
    let mut tx = db.write().await.unwrap();
    assert!(tx.quota_reserve(id, 1, size(all - 5)).await.unwrap());
    assert!(!tx.quota_reserve(id, 1, size(6)).await.unwrap());
    assert!(!tx.quota_reserve(id, 1, size(all)).await.unwrap());
    assert!(tx.quota_reserve(id, 1, size(5)).await.unwrap());
    assert_eq!(tx.account_by_id(id).await.unwrap().unwrap().quota.reserved, size(all));
    assert!(!tx.quota_reserve(AccountId::new(at(0)), 1, size(1)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn forty_uploads_at_the_edge_go_not_a_byte_over() {
    let db = fresh().await;
    let id = account(&db, Some(1_000)).await;
    let tries: Vec<_> = (0..40)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.write().await.unwrap();
                let admitted = tx.quota_reserve(id, 1, size(77)).await.unwrap();
                tx.commit().await.unwrap();
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for attempt in tries {
        admitted += u64::from(attempt.await.unwrap());
    }
    assert_eq!(admitted, 12);
    let quota = db.read().await.unwrap().account_by_id(id).await.unwrap().unwrap().quota;
    assert_eq!(quota.reserved, size(12 * 77));
}

#[derive(Debug, Clone)]
enum Step {
    Reserve(u64),
    Release(u64),
    Move(u64),
    Free(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u64..60).prop_map(Step::Reserve),
        1 => (0u64..60).prop_map(Step::Release),
        2 => (0u64..60).prop_map(Step::Move),
        1 => (0u64..60).prop_map(Step::Free),
    ];
    prop::collection::vec(step, 1..60)
}

#[test]
fn quota_does_what_plain_arithmetic_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(fresh());
    proptest!(ProptestConfig::with_cases(60), |(steps in steps(), limit in prop::option::of(0u64..200))| {
        runtime.block_on(async {
            let id = account(&db, limit).await;
            let mut model = Quota { limit: limit.map(size), used: size(0), reserved: size(0) };
            let mut open = 0;
            let mut tx = db.write().await.unwrap();
            for step in steps {
                let (used, reserved) = (model.used.get(), model.reserved.get());
                match step {
                    Step::Reserve(bytes) => {
                        let admitted = tx.quota_reserve(id, 1, size(bytes)).await.unwrap();
                        prop_assert_eq!(admitted, model.admits(size(bytes)));
                        if admitted {
                            model.reserved = size(reserved + bytes);
                            open += 1;
                        }
                    }
                    Step::Release(bytes) => {
                        let there = bytes <= reserved && open > 0;
                        prop_assert_eq!(tx.quota_release(id, size(bytes)).await.is_ok(), there);
                        if there {
                            model.reserved = size(reserved - bytes);
                            open -= 1;
                        }
                    }
                    Step::Move(bytes) => {
                        let there = bytes <= reserved && open > 0;
                        prop_assert_eq!(tx.quota_move(id, 1, size(bytes)).await.is_ok(), there);
                        if there {
                            open -= 1;
                            (model.reserved, model.used) = (size(reserved - bytes), size(used + bytes));
                        }
                    }
                    Step::Free(bytes) => {
                        prop_assert_eq!(tx.quota_free(id, size(bytes)).await.is_ok(), bytes <= used);
                        model.used = size(if bytes <= used { used - bytes } else { used });
                    }
                }
                let account = tx.account_by_id(id).await.unwrap().unwrap();
                prop_assert_eq!((account.quota, account.open_uploads), (model, open));
            }
            tx.commit().await.unwrap();
            Ok(())
        })?;
    });
}
