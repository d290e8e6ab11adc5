//! The administrator's side over HTTP and the command line: what an admin sees and changes, and that there is always one.

use picup_api::wire::{AdminAccount, AdminAccounts};
use serde_json::json;
use tokio::task::JoinSet;

use crate::app::{PASSWORD, TestApp, email, write_private};
use crate::client::{Client, hash};

fn path(account: uuid::Uuid) -> String {
    format!("/api/admin/accounts/{account}")
}

#[tokio::test]
async fn an_admin_sees_and_changes_accounts() {
    let app = TestApp::start().await;
    let bob = app.sign_in("bob").await;
    let ada = app.sign_in_admin().await;
    let accounts: AdminAccounts = ada.get("/api/admin/accounts").await.json(200);
    let seen: Vec<_> = accounts.accounts.iter().map(|account| (account.email.clone(), account.role.as_str())).collect();
    assert_eq!(seen, [(email("ada"), "admin"), (email("bob"), "member")]);
    assert!(accounts.accounts.iter().all(|account| account.last_seen_at.is_some() && !account.disabled));

    let of_bob = path(bob.account());
    let changed: AdminAccount = ada.patch(&of_bob, &json!({"name": "Robert", "quota_bytes": 10})).await.json(200);
    assert_eq!((changed.name.as_str(), changed.quota_bytes), ("Robert", Some(10)));
    bob.reserve("a.jpg", 11, &hash(b"a")).await.refused(413);
    let changed: AdminAccount = ada.patch(&of_bob, &json!({"quota_bytes": null})).await.json(200);
    assert_eq!((changed.name.as_str(), changed.quota_bytes), ("Robert", None), "what is not named stays");
    assert_eq!(bob.reserve("a.jpg", 11, &hash(b"a")).await.status, 201);
    for bad in [
        json!({"role": "king"}),
        json!({"name": ""}),
        json!({"quota_bytes": -1}),
        json!({"quota_bytes": u64::MAX}),
        json!({"disabled": "yes"}),
        json!({"email": "eve@example.org"}),
    ] {
        ada.patch(&of_bob, &bad).await.refused(422);
    }
    let log = app.finish().await;
    assert!(log.contains("quota lifted") && log.contains("audit"), "{log}");
    assert!(log.contains(&ada.account().to_string()), "who did it");
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once() {
    let app = TestApp::start().await;
    let bob = app.sign_in("bob").await;
    let ada = app.sign_in_admin().await;
    let (refresh, credentials) =
        (bob.session.clone().unwrap().tokens.unwrap(), json!({"email": email("bob"), "password": PASSWORD}));
    let changed: AdminAccount = ada.patch(&path(bob.account()), &json!({"disabled": true})).await.json(200);
    assert!(changed.disabled);
    let renewal = json!({"refresh_token": refresh.refresh_token});
    app.stranger().post("/api/session/refresh", &renewal).await.refused(401);
    app.stranger().post("/api/session", &credentials).await.refused(401);
    bob.get("/api/account").await.refused(401);
    app.user_done(&["enable", &email("bob")]).await;
    app.stranger().post("/api/session/refresh", &renewal).await.refused(401);
    assert_eq!(app.stranger().post("/api/session", &credentials).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn of_admins_who_demote_each_other_one_stays() {
    let app = TestApp::start().await;
    app.user_done(&["admin", &email("bob"), "on"]).await;
    let (ada, bob) = (app.sign_in_admin().await, app.sign_in("bob").await);
    let mut tries = JoinSet::new();
    for number in 0..20 {
        let (caller, other) = if number % 2 == 0 { (ada.clone(), bob.account()) } else { (bob.clone(), ada.account()) };
        tries.spawn(async move {
            match number % 3 {
                0 => caller.patch(&path(other), &json!({"role": "member"})).await.status,
                1 => caller.patch(&path(other), &json!({"disabled": true})).await.status,
                _ => caller.post(&format!("{}/deletion", path(other)), &json!({})).await.status,
            }
        });
    }
    let answers = tries.join_all().await;
    assert!(answers.iter().all(|status| [200, 202, 401, 403, 409].contains(status)), "{answers:?}");
    let mut left = 0;
    for caller in [&ada, &bob] {
        left += u32::from(caller.get("/api/admin/accounts").await.status == 200);
    }
    assert!(left >= 1, "nobody is left");
    for (name, client) in [("ada", &ada), ("bob", &bob)] {
        // Whoever it is cannot leave; then everything is put back for the books.
        if client.get("/api/admin/accounts").await.status == 200 {
            let accounts: AdminAccounts = client.get("/api/admin/accounts").await.json(200);
            let stay =
                |account: &AdminAccount| account.role == "admin" && !account.disabled && account.delete_after.is_none();
            assert_eq!(accounts.accounts.iter().filter(|account| stay(account)).count(), 1);
        }
        app.user_done(&["keep", &email(name)]).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn the_command_line_changes_accounts_beside_a_running_server() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let ada_is = email("ada");
    app.user_done(&["quota", &ada_is, "10"]).await;
    ada.reserve("a.jpg", 11, &hash(b"a")).await.refused(413);
    app.user_done(&["quota", &ada_is, "none"]).await;
    assert_eq!(ada.account_now().await.quota_bytes, None);
    let file = app.path("new-password");
    write_private(&file, "quite another password");
    app.user_done(&["password", &ada_is, "--password-file", file.to_str().unwrap()]).await;
    let renewal = json!({"refresh_token": ada.session.clone().unwrap().tokens.unwrap().refresh_token});
    app.stranger().post("/api/session/refresh", &renewal).await.refused(401);
    app.stranger().post("/api/session", &json!({"email": ada_is, "password": PASSWORD})).await.refused(401);
    Client::program(app.server.address(), &ada_is, "quite another password").await;
    app.user_done(&["disable", &ada_is]).await;
    let listed = app.user_done(&["list", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["disabled"], true);
    app.user_done(&["enable", &ada_is]).await;

    app.user_done(&["admin", &ada_is, "on"]).await;
    for arguments in [["admin", ada_is.as_str(), "off"].as_slice(), &["disable", &ada_is], &["delete", &ada_is]] {
        let refused = app.user(arguments).await;
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(refused.stderr.contains("last admin"), "{}", refused.stderr);
    }
    let nobody = app.user(&["disable", "nobody@example.org"]).await;
    assert!(nobody.status.code() == Some(1) && nobody.stderr.contains("no account"), "{}", nobody.stderr);
    app.finish().await;
}
