use picup_domain::AccountId;

use crate::fresh::{at, fresh, hash, new_account};

#[tokio::test]
async fn set_up_is_open_until_it_is_completed_and_never_again() {
    let db = fresh().await;
    let mut tx = db.write().await.unwrap();
    assert!(tx.setup_is_open().await.unwrap());
    assert_eq!(tx.setup_code_hash().await.unwrap(), None);
    assert!(tx.setup_code_set(&hash("first")).await.unwrap());
    assert!(tx.setup_code_set(&hash("second")).await.unwrap());
    assert_eq!(tx.setup_code_hash().await.unwrap(), Some(hash("second")));
    assert!(tx.setup_complete(at(1)).await.unwrap());
    assert!(!tx.setup_complete(at(2)).await.unwrap());
    assert!(!tx.setup_code_set(&hash("third")).await.unwrap());
    assert_eq!(tx.setup_code_hash().await.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(!db.read().await.unwrap().setup_is_open().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_at_once_one_makes_the_first_account() {
    let db = fresh().await;
    let tries: Vec<_> = (0..20)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.write().await.unwrap();
                let account = new_account(AccountId::new(at(n)), &format!("{n}@example.com"), None);
                tx.account_insert(&account).await.unwrap();
                let won = tx.setup_complete(at(n)).await.unwrap();
                if won {
                    tx.commit().await.unwrap();
                }
                won
            })
        })
        .collect();
    let mut winners = 0;
    for attempt in tries {
        winners += u32::from(attempt.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(db.read().await.unwrap().account_count().await.unwrap(), 1);
}
