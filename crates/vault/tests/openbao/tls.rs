//! Whom we trust.

use picup_testkit::{Authority, fresh_folder};
use picup_vault::{Error, Settings, Vault};

use crate::support::{Stage, password};

#[tokio::test]
async fn the_authority_in_the_file_is_trusted_and_no_other() {
    let stage = Stage::start_with_tls().await;
    let settings = stage.app_role("1h", "1h").await;
    let vault = Vault::open(settings.clone()).await.unwrap();
    assert_eq!(password(&vault).await.unwrap(), "tulip");
    vault.close().await.unwrap();

    let folder = fresh_folder();
    let other = Authority::make(folder.path(), "somebody").unwrap().root_file();
    for ca_file in [Some(other), None] {
        let refused = Vault::open(Settings { ca_file, ..settings.clone() }).await.unwrap_err();
        assert!(matches!(refused, Error::Untrusted { .. }), "{refused}");
    }
    assert_eq!(stage.tokens().await, 0, "nobody was sent our secret id");
}

#[tokio::test]
async fn a_ca_file_without_a_certificate_trusts_nobody() {
    let stage = Stage::start_with_tls().await;
    let settings = stage.app_role("1h", "1h").await;
    let ca_file = Some(stage.file("empty.pem", "nothing"));
    let refused = Vault::open(Settings { ca_file, ..settings }).await.unwrap_err();
    assert!(matches!(refused, Error::File { .. }), "{refused}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_as_if_it_had_it() {
    let stage = Stage::start().await;
    let settings = stage.app_role("1h", "1h").await;
    let address = picup_vault::Address::parse(&format!("https://{}", stage.bao.address())).unwrap();
    let refused = Vault::open(Settings { address, ..settings }).await.unwrap_err();
    assert!(matches!(refused, Error::Unreachable { .. } | Error::Untrusted { .. }), "{refused}");
}
