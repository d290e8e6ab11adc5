//! What a session is good for while the primary database is away: to look, for a while.

use std::sync::Arc;
use std::time::Duration;

use picup_database::{Replication, Server};
use picup_domain::{Email, SystemClock};
use picup_testkit::DatabaseServer;

use crate::session::{Opened, authenticate, authenticate_to_look, refresh, sign_in, sign_out};
use crate::testing::TestApp;
use crate::{Error, account};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_primary_is_away_a_token_lets_look_for_a_grace_unless_its_session_has_ended() {
    let mut primary = DatabaseServer::start_numbered(1, &[]).unwrap();
    let replica = DatabaseServer::start_numbered(2, &[]).unwrap();
    primary.say("CREATE DATABASE picup").unwrap();
    replica.follow(primary.address()).unwrap();
    let replication = Replication {
        replicas: vec![Server { url: replica.url("picup"), password: None }],
        max_lag: Duration::from_secs(5),
        wait: Duration::from_millis(50),
        clock: Arc::new(SystemClock),
    };
    let settings = picup_database::Settings {
        replication: Some(replication),
        ..picup_database::Settings::mysql(primary.url("picup"))
    };
    let app = TestApp::on(tempfile::tempdir().unwrap(), settings).await;
    account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
    let email = Email::new("ada@example.com").unwrap();
    let sign_in = async || sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
    let (open, ended) = (sign_in().await, sign_in().await);
    assert!(open.access_kept_seconds > app.settings().read_grace.as_secs());
    sign_out(&app, Some(&ended.access_token), None).await.unwrap();

    replica.catch_up_with(&primary).unwrap();
    while !app.database().replicas()[0].serving {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.clock.advance(app.settings().access_life);
    let look = async |session: &Opened| authenticate_to_look(&app, &session.access_token).await;
    assert!(matches!(look(&open).await, Err(Error::NotSignedIn)), "the primary is there: renew");

    primary.kill().unwrap();
    while !app.database().primary_is_away() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(look(&open).await.unwrap().account, open.account.id);
    assert!(matches!(look(&ended).await, Err(Error::NotSignedIn)));
    assert!(matches!(authenticate(&app, &open.access_token), Err(Error::NotSignedIn)), "nothing but looking");
    assert!(matches!(refresh(&app, &open.refresh_token).await, Err(Error::ReadOnly)));
    app.clock.advance(app.settings().read_grace);
    assert!(matches!(look(&open).await, Err(Error::NotSignedIn)), "not for ever");
}
