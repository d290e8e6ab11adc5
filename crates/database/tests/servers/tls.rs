//! What goes between two servers is encrypted, and the primary's certificate is checked: with another authority nothing comes.

use std::path::Path;
use std::process::Command;

use picup_testkit::fresh_folder;

use crate::engine::{is_mysql, start};
use crate::writes::write;
use crate::{apply, home, named, replica_of, until};

/// An authority, and a certificate of its making for loopback, by Debian's own tool.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let new = "-newkey rsa:2048 -nodes -days 30";
    for authority in ["ca", "other"] {
        openssl(&format!("req -x509 {new} -keyout {authority}.key -out {authority}.pem -subj /CN={authority}"));
    }
    openssl(&format!("req {new} -keyout server.key -out server.csr -subj /CN=127.0.0.1"));
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:127.0.0.1,DNS:localhost").unwrap();
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 30 -extfile names",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_way_between_servers_is_encrypted_and_the_certificate_is_checked() {
    let folder = fresh_folder();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let lines = [("ssl-ca", "ca.pem"), ("ssl-cert", "server.pem"), ("ssl-key", "server.key")];
    let lines: Vec<_> = lines.iter().map(|(name, file)| format!("{name}={}", path(file))).collect();
    let (primary, database) = home(1, &lines).await;
    let replica = start(2, 0, &[]);
    let mut topology = replica_of(&primary, &replica);
    topology.channels[0].tls_ca = Some(path("ca.pem"));
    apply(&topology).await.unwrap();
    write(&database, 0).await;
    until(&topology, |status| status.healthy).await;
    let dumps = "SELECT user FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'";
    assert_eq!(primary.say(dumps).unwrap(), "picup_replica_2");
    let status = if is_mysql() { "SHOW REPLICA STATUS" } else { "SHOW ALL SLAVES STATUS" };
    assert!(replica.say(status).unwrap().contains(&path("ca.pem")));

    // By another name it is no place on this machine.
    topology.channels[0].address = Some(primary.address().to_string());
    let elsewhere = primary.url("picup").replace("127.0.0.1", "LOCALHOST");
    for (mode, warned) in [("REQUIRED", true), ("VERIFY_IDENTITY", false)] {
        topology.channels[0].source.url = format!("{elsewhere}?ssl-mode={mode}&ssl-ca={}", path("ca.pem"));
        let warnings = topology.plan(None).await.unwrap().warnings;
        assert_eq!(warnings.iter().any(|one| one.contains("your own way")), warned, "{mode}: {warnings:?}");
    }
    topology.channels[0].tls_ca = Some(path("other.pem"));
    apply(&topology).await.unwrap();
    assert!(named(&topology, Some(2026), "TLS").await.contains("tls_ca"));
    topology.channels[0].tls_ca = Some(path("ca.pem"));
    apply(&topology).await.unwrap();
    until(&topology, |status| status.healthy).await;
}
