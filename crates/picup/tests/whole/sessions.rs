//! Sessions over HTTP: renewal, theft, sign-out, time, and who makes the first account.

use picup_api::wire;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::app::{PASSWORD, TestApp, email};
use crate::books;
use crate::client::{Answer, Client, Who};

/// Lets time pass for all sessions: what the clock would do.
async fn pass(app: &TestApp, seconds: i64) {
    let mut database = books::open(&app.data()).await;
    let micros = seconds * 1_000_000;
    sqlx::query("UPDATE sessions SET last_used_at = last_used_at - ?, expires_at = expires_at - ?")
        .bind(micros)
        .bind(micros)
        .execute(&mut database)
        .await
        .unwrap();
}

async fn renew(client: &Client, token: &str) -> Answer {
    client.post("/api/session/refresh", &json!({"refresh_token": token})).await
}

fn tokens(answer: &Answer) -> wire::Tokens {
    answer.json::<wire::Session>(200).tokens.unwrap()
}

#[tokio::test]
async fn a_program_renews_again_and_again() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let stranger = app.stranger();
    let mut token = ada.session.clone().unwrap().tokens.unwrap().refresh_token;
    for _ in 0..5 {
        let next = tokens(&renew(&stranger, &token).await);
        assert_ne!(next.refresh_token, token);
        let mut renewed = ada.clone();
        renewed.who = Who::Bearer(next.access_token);
        assert_eq!(renewed.get("/api/account").await.status, 200);
        token = next.refresh_token;
    }
    app.finish().await;
}

#[tokio::test]
async fn a_page_renews_by_its_cookie() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let jar = ada.jar();
    let before: Vec<_> = ["picup_refresh", "CloudFront-Policy", "picup_access"].map(|name| jar.value(name)).into();
    assert!(
        jar.header("/api/account").contains("picup_access=") && !jar.header("/api/account").contains("picup_refresh=")
    );
    assert!(!jar.header("/api/account").contains("CloudFront-"));
    assert_eq!(jar.header("/"), "", "pages need no cookies");
    let session: wire::Session = ada.post("/api/session/refresh", &json!({})).await.json(200);
    assert!(session.tokens.is_none());
    assert_ne!(jar.value("picup_refresh"), before[0]);
    assert_eq!(ada.get("/api/account").await.status, 200);
    // In a body a browser's token would be one that a script has seen: the cookie is not looked at then.
    ada.post("/api/session/refresh", &json!({"refresh_token": "x.y"})).await.refused(401);
    app.finish().await;
}

#[tokio::test]
async fn a_stolen_token_ends_the_session() {
    let app = TestApp::start().await;
    let (ada, other) = (app.sign_in("ada").await, app.sign_in("ada").await);
    let stranger = app.stranger();
    let first = ada.session.clone().unwrap().tokens.unwrap().refresh_token;
    let second = tokens(&renew(&stranger, &first).await).refresh_token;
    pass(&app, 31).await;
    renew(&stranger, &first).await.refused(401);
    renew(&stranger, &second).await.refused(401);
    // Her other session is not touched.
    let others = other.session.clone().unwrap().tokens.unwrap().refresh_token;
    tokens(&renew(&stranger, &others).await);
    let log = app.finish().await;
    assert!(log.contains("was used again after its renewal"), "{log}");
    assert!(!log.contains(&first) && !log.contains(&second));
}

#[tokio::test]
async fn every_token_from_before_ends_the_session() {
    let app = TestApp::start().await;
    let (ada, other) = (app.sign_in("ada").await, app.sign_in("ada").await);
    let stranger = app.stranger();
    let first = ada.session.clone().unwrap().tokens.unwrap().refresh_token;
    let mut newest = first.clone();
    for _ in 0..3 {
        newest = tokens(&renew(&stranger, &newest).await).refresh_token;
    }
    // A made-up one, even of this session, ends nothing.
    let (session, secret) = newest.split_once('.').unwrap();
    for forged in
        [format!("{session}.{}", secret.replace(&secret[..4], "AAAA")), format!("{session}.{}", "A".repeat(96))]
    {
        renew(&stranger, &forged).await.refused(401);
    }
    newest = tokens(&renew(&stranger, &newest).await).refresh_token;
    renew(&stranger, &first).await.refused(401);
    renew(&stranger, &newest).await.refused(401);
    tokens(&renew(&stranger, &other.session.clone().unwrap().tokens.unwrap().refresh_token).await);
    let log = app.finish().await;
    assert!(log.contains("was used again after its renewal"), "{log}");
}

#[tokio::test]
async fn a_person_sees_where_it_is_signed_in_and_ends_it() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.sign_in_browser("ada").await, app.sign_in("bob").await);
    let elsewhere = app.stranger();
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    let wish = json!({"email": email("ada"), "password": PASSWORD, "client": "program"});
    let request = elsewhere.request(reqwest::Method::POST, "/api/session").header("user-agent", firefox).json(&wish);
    let token = tokens(&elsewhere.send(request).await).refresh_token;

    let listed: wire::Sessions = ada.get("/api/sessions").await.json(200);
    let labels: Vec<_> = listed.sessions.iter().map(|session| (session.label.as_str(), session.current)).collect();
    assert_eq!(labels, [("Firefox on Linux", false), ("Unknown device", true)]);
    let path = |index: usize| format!("/api/sessions/{}", listed.sessions[index].id);
    bob.delete(&path(0)).await.refused(404);
    assert_eq!(ada.delete(&path(0)).await.status, 204);
    ada.delete(&path(0)).await.refused(404);
    renew(&elsewhere, &token).await.refused(401);
    assert_eq!(ada.get("/api/sessions").await.json::<wire::Sessions>(200).sessions.len(), 1);

    let other = app.sign_in("ada").await.session.unwrap().tokens.unwrap().refresh_token;
    let refresh = ada.jar().value("picup_refresh").unwrap();
    assert_eq!(ada.delete("/api/sessions").await.status, 204);
    assert_eq!(ada.jar().value("picup_access").or(ada.jar().value("picup_refresh")), None, "this browser forgets them");
    for ended in [&other, &refresh] {
        renew(&elsewhere, ended).await.refused(401);
    }
    assert_eq!(bob.get("/api/sessions").await.json::<wire::Sessions>(200).sessions.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn two_tabs_may_renew_at_once() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let stranger = app.stranger();
    let token = ada.session.clone().unwrap().tokens.unwrap().refresh_token;
    let (one, two) = tokio::join!(renew(&stranger, &token), renew(&stranger, &token));
    let (one, two) = (tokens(&one), tokens(&two));
    for access in [&one.access_token, &two.access_token] {
        let mut tab = ada.clone();
        tab.who = Who::Bearer(access.clone());
        assert_eq!(tab.get("/api/account").await.status, 200);
    }
    // A browser's tabs share one cookie: whichever answer came last. One of the two goes on.
    let goes_on =
        [renew(&stranger, &one.refresh_token).await.status, renew(&stranger, &two.refresh_token).await.status];
    assert!(goes_on.contains(&200), "{goes_on:?}");
    app.finish().await;
}

#[tokio::test]
async fn sign_out_is_the_end() {
    let app = TestApp::start().await;
    let ada = app.sign_in_browser("ada").await;
    let refresh = ada.jar().value("picup_refresh").unwrap();
    let answer = ada.delete("/api/session").await;
    assert_eq!(answer.status, 204);
    let cleared = |line: &&HeaderValue| line.to_str().unwrap().contains("Max-Age=0;");
    assert_eq!(
        answer.headers.get_all("set-cookie").iter().filter(cleared).count(),
        8,
        "both tokens and the media cookies of either kind are cleared"
    );
    assert_eq!(ada.jar().value("picup_access").or(ada.jar().value("picup_refresh")), None);
    assert_eq!(ada.get("/api/account").await.status, 401);
    renew(&app.stranger(), &refresh).await.refused(401);
    assert_eq!(ada.delete("/api/session").await.status, 204, "as often as asked for");

    let program = app.sign_in("ada").await;
    assert_eq!(program.delete("/api/session").await.status, 204);
    renew(&app.stranger(), &program.session.clone().unwrap().tokens.unwrap().refresh_token).await.refused(401);
    app.finish().await;
}

#[tokio::test]
async fn a_session_not_used_for_its_life_is_over() {
    let app = TestApp::start().await;
    let ada = app.sign_in("ada").await;
    let token = ada.session.clone().unwrap().tokens.unwrap().refresh_token;
    pass(&app, 29 * 86_400).await;
    let token = tokens(&renew(&app.stranger(), &token).await).refresh_token;
    pass(&app, 29 * 86_400).await;
    let token = tokens(&renew(&app.stranger(), &token).await).refresh_token;
    pass(&app, 30 * 86_400 + 1).await;
    renew(&app.stranger(), &token).await.refused(401);
    app.finish().await;
}

#[tokio::test]
async fn wrong_credentials_look_the_same() {
    let app = TestApp::start().await;
    let stranger = app.stranger();
    let attempt = async |email: &str, password: &str| {
        let answer = stranger.post("/api/session", &json!({"email": email, "password": password})).await;
        assert_eq!(answer.refused(401).r#type, "urn:picup:wrong-credentials");
        answer.text()
    };
    let answers = [
        attempt(&email("ada"), "a wrong password").await,
        attempt(&email("nobody"), PASSWORD).await,
        attempt("no address", PASSWORD).await,
        attempt(&email("ada"), "").await,
        attempt(&email("ada"), &"x".repeat(100_000)).await,
        attempt("", "").await,
    ];
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // The address is not case-sensitive, the password is.
    let client = Client::program(app.server.address(), "ADA@Example.Org", PASSWORD).await;
    assert_eq!(client.account_now().await.email, email("ada"));
    attempt(&email("ada"), &PASSWORD.to_uppercase()).await;
    app.finish().await;
}

#[tokio::test]
async fn of_twenty_with_the_link_one_makes_the_first_account() {
    let app = TestApp::builder().start().await;
    let code = setup_code(&app).await;
    assert!(app.stranger().get("/api/setup").await.json::<wire::Setup>(200).open);
    let wish = |number: usize, code: &str| json!({"code": code, "email": email(&format!("person{number}")), "name": "First", "password": PASSWORD});
    let address = app.server.address();
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..20 {
        let body = wish(number, &code);
        tries.spawn(async move { Client::stranger(address).post("/api/setup", &body).await });
    }
    let answers = tries.join_all().await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    let first: wire::Session = made[0].json(201);
    assert_eq!(first.account.role, "admin");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.refused(409).r#type, "urn:picup:already-set-up");
    }
    assert!(!app.stranger().get("/api/setup").await.json::<wire::Setup>(200).open);
    app.stranger().post("/api/setup", &wish(21, &code)).await.refused(409);
    let log = app.finish().await;
    // It was printed for its reader, once, and the log has it nowhere else.
    assert_eq!(log.lines().filter(|line| line.contains(&code) && line.contains("127.0.0.1")).count(), 1, "{log}");
}

#[tokio::test]
async fn the_set_up_link_wants_its_code_and_good_values() {
    let app = TestApp::builder().start().await;
    let code = setup_code(&app).await;
    let stranger = app.stranger();
    let with = |code: &str, email: &str, name: &str, password: &str| json!({"code": code, "email": email, "name": name, "password": password});
    for wrong in ["", "x", &code[1..], &format!("{code}x"), &code.to_lowercase()] {
        stranger.post("/api/setup", &with(wrong, "ada@example.org", "Ada", PASSWORD)).await.refused(403);
    }
    for bad in [
        with(&code, "ada", "Ada", PASSWORD),
        with(&code, "ada@example.org", "", PASSWORD),
        with(&code, "ada@example.org", "Ada", "short"),
        with(&code, "ada@example.org", "Ada", &"x".repeat(10_000)),
    ] {
        stranger.post("/api/setup", &bad).await.refused(422);
    }
    // A restart gives a new code and voids the old one.
    let app = app.kill_and_restart().await;
    let newer = setup_code(&app).await;
    assert_ne!(newer, code);
    let stranger = app.stranger();
    stranger.post("/api/setup", &with(&code, "ada@example.org", "Ada", PASSWORD)).await.refused(403);
    assert_eq!(stranger.post("/api/setup", &with(&newer, "ada@example.org", "Ada", PASSWORD)).await.status, 201);
    // Once closed it prints no link.
    let app = app.kill_and_restart().await;
    app.server.output().wait_for("the address", |line| line.contains("PicUp is ready").then_some(())).await.unwrap();
    assert!(!app.server.output().text().contains("setup/"));
    app.finish().await;
}

/// The code in the link that the server printed.
pub(crate) async fn setup_code(app: &TestApp) -> String {
    let code = |line: &str| line.split("#/setup/").nth(1).map(|rest| rest.trim().to_owned());
    app.server.output().wait_for("the set-up link", code).await.unwrap()
}
