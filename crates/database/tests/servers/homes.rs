//! Homes that do not go together on one server: refused, each by its name, with what to do.

use std::time::Duration;

use picup_database::servers::{Error, Topology};

use crate::engine::{is_mysql, start};
use crate::offsite::{apply_one, of_two, tables};
use crate::writes::write;
use crate::{NOW, PATIENCE, apply, at, named, new_password, objections, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn homes_that_would_get_into_each_others_way_are_refused() {
    if is_mysql() {
        return one_server_is_no_two_sources().await;
    }
    let (ada, bob, off_site) = (start(1, 11, &[]), start(2, 0, &[]), start(9, 99, &[]));
    let (of_ada, _) = (tables(&ada).await, tables(&bob).await);
    let mut topology = of_two(&ada, &bob, &off_site);
    let told = objections(apply(&topology).await);
    assert!(told.contains("carry the domain 0, and the file says 12") && told.lines().count() == 1, "{told}");
    bob.say("SET GLOBAL gtid_domain_id = 12").unwrap();
    ada.say("SET gtid_domain_id = 0; CREATE TABLE picup.old (id INT PRIMARY KEY)").unwrap();
    let told = objections(apply(&topology).await);
    assert!(told.contains("domain 0 comes from ada and bob") && told.contains("DELETE_DOMAIN_ID=(0)"), "{told}");
    // The remedy as it is told.
    for home in [&ada, &bob] {
        home.say("CREATE TABLE picup.newer (id INT PRIMARY KEY)").unwrap();
        home.say("FLUSH BINARY LOGS").unwrap();
        // Until nothing of the old log is under way any more.
        while home.say("SHOW BINARY LOGS").unwrap().lines().count() > 1 {
            home.say("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 SECOND").unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        home.say("FLUSH BINARY LOGS DELETE_DOMAIN_ID=(0)").unwrap();
    }
    assert_eq!(topology.plan(None).await.unwrap().objections, []);

    topology.channels[1].schema = "picup".to_owned();
    assert!(objections(apply(&topology).await).contains("call that one otherwise"));
    topology.channels[1].schema = "home_bob".to_owned();
    off_site.say("SET GLOBAL gtid_domain_id = 12").unwrap();
    assert!(objections(apply(&topology).await).contains("its own gtid_domain_id 12 is that of bob"));
    off_site.say("SET GLOBAL gtid_domain_id = 99").unwrap();

    // One home is added to a server that follows another already; and it is no primary's place to be rebuilt.
    apply_one(&topology, "ada").await.unwrap();
    apply_one(&topology, "bob").await.unwrap();
    until(&topology, |status| status.healthy).await;
    let one = Topology { channels: topology.channels[..1].to_vec(), ..topology.clone() };
    let finding = one.status(NOW).await.unwrap().findings.into_iter().find(|one| one.what.contains("(channel 'bob')"));
    let remedy = finding.unwrap().remedy;
    assert!(remedy.ends_with("STOP SLAVE 'bob'; RESET SLAVE 'bob' ALL"), "{remedy}");
    write(&of_ada, 0).await;
    let swapped = of_two(&bob, &bob, &ada);
    let refused = swapped.rebuild("ada", false, &mut new_password(), &mut |_| ()).await;
    assert!(objections(refused).contains("follows nobody there"));
    off_site.say("STOP SLAVE 'ada'; SET GLOBAL ada.replicate_rewrite_db = ''; START SLAVE 'ada'").unwrap();
    let remedy = named(&topology, None, "lost its filter").await;
    assert!(remedy.contains("ada.replicate-rewrite-db=picup->home_ada"), "{remedy}");
    apply(&topology).await.unwrap();
    until(&topology, |status| status.healthy).await;
    // As a restart leaves it: what the home writes next has no place here, and nothing need be made anew for that.
    let unfiltered =
        ["replicate_rewrite_db", "replicate_wild_do_table"].map(|name| format!("SET GLOBAL ada.{name} = ''"));
    off_site.say(&format!("STOP SLAVE 'ada'; {}; START SLAVE 'ada'", unfiltered.join("; "))).unwrap();
    write(&of_ada, 1).await;
    let remedy = named(&topology, Some(1146), "the thread that applies is stopped").await;
    assert!(remedy.starts_with("its filter first: picup db offsite apply ada"), "{remedy}");
    apply(&topology).await.unwrap();
    until(&topology, |status| status.healthy).await;
    assert!(matches!(topology.verify("nobody", PATIENCE).await, Err(Error::Senseless(_))));
    for channel in ["ada", "bob"] {
        assert!(topology.verify(channel, PATIENCE).await.unwrap().is_equal(), "{channel}");
    }
}

/// MySQL has no domains: two homes on one server would each pass the other's transactions for done.
async fn one_server_is_no_two_sources() {
    let (both, off_site) = (start(1, 0, &[]), start(9, 0, &[]));
    drop(tables(&both).await);
    both.say("CREATE DATABASE bobs; CREATE TABLE bobs.accounts (id INT NOT NULL PRIMARY KEY)").unwrap();
    let mut topology = of_two(&both, &both, &off_site);
    topology.channels[1].source = at(&both.url("bobs"));
    assert!(objections(apply(&topology).await).contains("come from ada and bob"));
    apply_one(&topology, "ada").await.unwrap();
    let told = objections(apply_one(&topology, "bob").await);
    assert!(told.contains("come from ada and bob") && told.lines().count() == 1, "{told}");
}
