//! Failures of replication that are known by their numbers: what has happened, and what to do about it.

use super::channel_words::Words;

/// What to type in the cases below.
pub(super) struct Commands<'a> {
    pub(super) words: Words<'a>,
    pub(super) apply: String,
    pub(super) rebuild: String,
    pub(super) verify: String,
}

/// What has happened, and the remedy.
pub(super) struct Known {
    pub(super) what: &'static str,
    pub(super) remedy: String,
}

/// What an error that stopped a thread means. MySQL gives some that a source sent a number of its own, with the source's in the text.
pub(super) fn known(number: u64, said: &str, commands: &Commands<'_>) -> Option<Known> {
    let Commands { apply, rebuild, verify, .. } = commands;
    let start = commands.words.start().text();
    let (what, remedy) = match number {
        // MariaDB has one number for all that ends a thread for good.
        1593 | 13_117 if said.contains("server ids") => return Some(same_number()),
        _ if is_refused(number, said) => {
            ("the source does not let it in", format!("give its account a new password and its rights: {apply}"))
        }
        _ if is_of_the_log(number, said) => return Some(of_the_log(said, commands)),
        2002 | 2003 | 2005 | 2006 | 2013 => (
            "the source cannot be reached",
            "see that it runs, and that its address in the file holds from here".to_owned(),
        ),
        2026 => (
            "there is no TLS with the source",
            "see that it has a certificate, and that tls_ca names its authority".to_owned(),
        ),
        1062 | 1022 => (
            "a row of the source's is there already: somebody wrote on the copy, or set its position back",
            format!("make it anew: {rebuild}; then nothing but replication may write there (read_only)"),
        ),
        1032 => (
            "a row that the source changed is not there: somebody wrote on the copy",
            format!("make it anew: {rebuild}; then nothing but replication may write there (read_only)"),
        ),
        1396 => (
            "an account was made or dropped on the source that is there, or is not there, on the copy",
            format!("let PicUp's schema alone through: {apply}; and make accounts with SET SESSION sql_log_bin = 0"),
        ),
        1941 | 1945..=1950 | 1955 => (
            "its position does not go together with the log it would be written to",
            format!("if it took writes of its own, look at them first; then make it anew: {rebuild}"),
        ),
        // MySQL keeps 13124 of what START REPLICA answers with 1872, and 13117 where MariaDB has 1593.
        1872 | 13_124 | 1594 | 13_121 | 1593 | 13_117 | 1201 => (
            "what it had received is damaged; the source still has it",
            format!("{}; RESET {}; {start}", commands.words.stop().text(), reset_words(&commands.words)),
        ),
        1049..=1051 | 1054 | 1060 | 1146 | 1677 => (
            "its tables are not the source's",
            format!("see that the filter is in its configuration file; then make it anew: {rebuild}"),
        ),
        1205 | 1213 | 1317 => ("it waited too long for another transaction", format!("let it go on: {start}")),
        1021 | 1114 | 3675 => ("its disk is full", format!("free some space, then let it go on: {start}")),
        0 => return None,
        _ => ("it cannot apply or receive what comes", format!("if the message does not help: {verify}, or {rebuild}")),
    };
    Some(Known { what, remedy })
}

/// A source that does not let its follower in, or not do what it has to.
pub(super) fn is_refused(number: u64, said: &str) -> bool {
    // Of a right that is missing only the words tell: each command that it is missing for has a number of its own.
    matches!(number, 1045 | 1044 | 1130 | 1142 | 1227) || said.contains("Access denied")
}

/// The source cannot go on with its log from where it is asked to: one number for many reasons.
fn is_of_the_log(number: u64, said: &str) -> bool {
    number == 1236 || said.contains("error 1236")
}

fn same_number() -> Known {
    let remedy = "give each a number of its own, and start it again".to_owned();
    Known { what: "two servers have the same server_id", remedy }
}

fn of_the_log(said: &str, commands: &Commands<'_>) -> Known {
    let Commands { rebuild, words, .. } = commands;
    let says = |any: &[&str]| any.iter().any(|words| said.contains(words));
    let (what, remedy) = if says(&["server_id"]) {
        return same_number();
    } else if says(&["diverged", "more GTIDs than", "is missing the GTID"])
        || says(&["not in the master's binlog"]) && !says(&["purged"])
    {
        (
            "it has what its source does not have: the source was set back or has lost it, or somebody wrote on the copy",
            format!(
                "if the source has lost it, this copy may be all that is left: look at it first; then make it anew: {rebuild}"
            ),
        )
    } else if says(&["max_allowed_packet"]) {
        let start = words.start().text();
        (
            "something in the source's log is larger than max_allowed_packet",
            format!("set that higher on both (replica_max_allowed_packet too; slave_… on MariaDB), then: {start}"),
        )
    } else if says(&["purged", "first log file", "too old"]) {
        (
            "the source no longer has the binary logs that this would have gone on with",
            format!("make it anew: {rebuild}; and keep logs longer there (binlog_expire_logs_seconds)"),
        )
    } else {
        let remedy =
            format!("see what it says, and the log of errors there; if its log is damaged, make this anew: {rebuild}");
        ("the source cannot read its own log from where this would go on", remedy)
    };
    Known { what, remedy }
}

fn reset_words(words: &Words<'_>) -> String {
    words.stop().text().trim_start_matches("STOP ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;

    fn of(family: Family, number: u64, said: &str) -> Known {
        let words = Words { family, channel: "ada" };
        let commands = Commands { words, apply: "APPLY".into(), rebuild: "REBUILD".into(), verify: "VERIFY".into() };
        known(number, said, &commands).unwrap()
    }

    #[test]
    fn the_remedy_fits_the_failure_on_either_server() {
        for (number, remedy) in [
            (1236, "REBUILD"),
            (1130, "APPLY"),
            (1227, "APPLY"),
            (1045, "APPLY"),
            (1062, "REBUILD"),
            (1396, "APPLY"),
            (1950, "REBUILD"),
        ] {
            let known = of(Family::MariaDb, number, "");
            assert!(known.remedy.contains(remedy), "{number}: {} {}", known.what, known.remedy);
        }
        let purged =
            of(Family::MySql, 13114, "Got fatal error 1236 from source when reading data from binary log: 'purged'");
        assert!(purged.what.contains("no longer has"), "{}", purged.what);
        assert!(of(Family::MySql, 13117, "Got fatal error 1236: same server_id").remedy.contains("number of its own"));
    }

    #[test]
    fn what_a_source_says_of_its_log_is_told_apart_by_its_words() {
        let maria = "Got fatal error 1236 from master when reading data from binary log:";
        for (said, what) in [
            ("'Could not find first log file name in binary log index file'", "no longer has"),
            (
                "'Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required \
              binlog files have been purged.'",
                "no longer has",
            ),
            (
                "'Error: connecting slave requested to start from GTID 0-1-9, which is not in the master's binlog'",
                "source does not have",
            ),
            (
                "'Error: connecting slave requested to start from GTID 0-1-9, which is not in the master's binlog. Since the master's \
              binlog contains GTIDs with higher sequence numbers, it probably means that the slave has diverged'",
                "source does not have",
            ),
            ("'Replica has more GTIDs than the source has, using the source's SERVER_UUID.'", "source does not have"),
            (
                "'log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source'",
                "max_allowed_packet",
            ),
            (
                "'Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation'",
                "let it in",
            ),
            ("'event read from binlog did not pass checksum algorithm check'", "cannot read its own log"),
        ] {
            let known = of(Family::MariaDb, 1236, &format!("{maria} {said}"));
            assert!(known.what.contains(what), "{said}: {}", known.what);
        }
    }

    #[test]
    fn damaged_relay_logs_are_fetched_again_and_the_copy_stays() {
        let maria = of(Family::MariaDb, 1872, "").remedy;
        assert_eq!(maria, "STOP SLAVE 'ada'; RESET SLAVE 'ada'; START SLAVE 'ada'");
        let started = "Error initializing relay log position: I/O error reading event at position 4";
        assert_eq!(of(Family::MariaDb, 1593, started).remedy, maria);
        let same = "Fatal error: The slave I/O thread stops because master and slave have equal MySQL server ids";
        assert!(of(Family::MariaDb, 1593, same).remedy.contains("number of its own"));
        let mysql = of(Family::MySql, 1872, "").remedy;
        assert_eq!(
            mysql,
            "STOP REPLICA FOR CHANNEL 'ada'; RESET REPLICA FOR CHANNEL 'ada'; START REPLICA FOR CHANNEL 'ada'"
        );
    }
}
