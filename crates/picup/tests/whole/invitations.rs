//! Links that let somebody in: once, for whom they are meant, and no longer than they hold.

use picup_api::wire::{InvitationKind, InvitationLook, InvitationMade, Invitations, Session};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{PASSWORD, TestApp, email};
use crate::books;
use crate::client::{Client, Jar, Who};

fn token(made: &InvitationMade) -> String {
    made.link.strip_prefix("/#/invitation/").unwrap().to_owned()
}

async fn invite(ada: &Client, wish: &Value) -> InvitationMade {
    ada.post("/api/admin/invitations", wish).await.json(201)
}

fn guest(token: &str, name: &str) -> Value {
    json!({"token": token, "email": email(name), "name": "Guest", "password": PASSWORD})
}

#[tokio::test]
async fn of_twenty_with_one_invitation_one_gets_in() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let made = invite(&ada, &json!({})).await;
    let token = token(&made);
    let address = app.server.address();
    let mut tries = JoinSet::new();
    for number in 0..20 {
        let body = guest(&token, &format!("guest{number}"));
        tries.spawn(async move {
            let mut caller = Client::stranger(address);
            caller.who = Who::Cookies(Jar::default());
            let answer = caller.post("/api/invitations/accept", &body).await;
            (caller, answer)
        });
    }
    let answers = tries.join_all().await;
    let (winners, losers): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.status == 201);
    assert_eq!(winners.len(), 1);
    for (_, answer) in losers {
        assert_eq!(answer.refused(404).r#type, "urn:picup:link-over");
    }
    let session: Session = winners[0].1.json(201);
    assert!(session.account.role == "member" && session.tokens.is_none());
    assert_eq!(winners[0].0.account_now().await.email, session.account.email, "it is signed in");
    assert!(ada.get("/api/admin/invitations").await.json::<Invitations>(200).invitations.is_empty());
    let log = app.finish().await;
    assert!(!log.contains(&token), "a token is in the log");
}

#[tokio::test]
async fn an_invitation_is_what_its_admin_made_it() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let wish = json!({"email": "Eve@Example.org", "role": "admin", "quota_bytes": 1234, "days": 1});
    let made = invite(&ada, &wish).await;
    let list: Invitations = ada.get("/api/admin/invitations").await.json(200);
    assert_eq!(list.invitations.len(), 1);
    assert_eq!(list.invitations[0].created_by, Some(ada.account()));
    let answer = ada.get("/api/admin/invitations").await.text();
    assert!(!answer.contains(&token(&made)), "a link is shown once");
    let look: InvitationLook =
        app.stranger().post("/api/invitations/look", &json!({"token": token(&made)})).await.json(200);
    assert_eq!((look.kind, look.email.as_deref()), (InvitationKind::Account, Some("eve@example.org")));

    app.stranger().post("/api/invitations/accept", &guest(&token(&made), "mallory")).await.refused(422);
    let short = json!({"token": token(&made), "name": "Eve", "password": "short"});
    app.stranger().post("/api/invitations/accept", &short).await.refused(422);
    let good = json!({"token": token(&made), "name": "Eve", "password": PASSWORD, "client": "program"});
    let session: Session = app.stranger().post("/api/invitations/accept", &good).await.json(201);
    let account = session.account;
    assert_eq!(
        (account.email.as_str(), account.role.as_str(), account.quota_bytes),
        ("eve@example.org", "admin", Some(1234))
    );
    app.stranger().post("/api/invitations/accept", &good).await.refused(404);

    for bad in
        [json!({"days": 0}), json!({"days": 31}), json!({"role": "king"}), json!({"email": "eve"}), json!({"x": 1})]
    {
        ada.post("/api/admin/invitations", &bad).await.refused(422);
    }
    ada.post("/api/admin/invitations", &json!({"email": email("bob")})).await.refused(409);
    app.finish().await;
}

#[tokio::test]
async fn a_link_that_is_over_or_withdrawn_opens_nothing() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let (over, withdrawn) = (invite(&ada, &json!({})).await, invite(&ada, &json!({})).await);
    let path = format!("/api/admin/invitations/{}", withdrawn.invitation.id);
    assert_eq!(ada.delete(&path).await.status, 204);
    ada.delete(&path).await.refused(404);
    let mut database = books::open(&app.data()).await;
    sqlx::query("UPDATE invitations SET expires_at = 1").execute(&mut database).await.unwrap();
    for token in [token(&over), token(&withdrawn), String::new(), "x".to_owned(), token(&over).to_lowercase()] {
        let problem = app.stranger().post("/api/invitations/look", &json!({"token": token})).await.refused(404);
        assert_eq!(problem.r#type, "urn:picup:link-over");
        app.stranger().post("/api/invitations/accept", &guest(&token, "eve")).await.refused(404);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_password_link_lets_its_account_in_and_everybody_else_out() {
    let app = TestApp::start().await;
    let ada = app.sign_in_admin().await;
    let bob = app.sign_in("bob").await;
    let path = format!("/api/admin/accounts/{}/password-link", bob.account());
    let made: InvitationMade = ada.post(&path, &json!({})).await.json(201);
    let look: InvitationLook =
        app.stranger().post("/api/invitations/look", &json!({"token": token(&made)})).await.json(200);
    assert_eq!((look.kind, look.email), (InvitationKind::Password, Some(email("bob"))));
    let choice = json!({"token": token(&made), "password": "quite another password", "client": "program"});
    let session: Session = app.stranger().post("/api/invitations/accept", &choice).await.json(201);
    assert_eq!(session.account.id, bob.account());
    app.stranger().post("/api/invitations/accept", &choice).await.refused(404);
    let renewal = json!({"refresh_token": bob.session.clone().unwrap().tokens.unwrap().refresh_token});
    app.stranger().post("/api/session/refresh", &renewal).await.refused(401);
    app.stranger().post("/api/session", &json!({"email": email("bob"), "password": PASSWORD})).await.refused(401);
    Client::program(app.server.address(), &email("bob"), "quite another password").await;
    app.finish().await;
}

#[tokio::test]
async fn the_command_line_invites_too() {
    let app = TestApp::start().await;
    let made: Value = serde_json::from_str(&app.user_done(&["invite", "--quota", "5KB", "--json"]).await).unwrap();
    let token = made["link"].as_str().unwrap().strip_prefix("/#/invitation/").unwrap();
    let session: Session = app.stranger().post("/api/invitations/accept", &guest(token, "eve")).await.json(201);
    assert_eq!(session.account.quota_bytes, Some(5_000));
    app.finish().await;
}
