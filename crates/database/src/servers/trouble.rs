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
    let purged = number == 1236 || said.contains("error 1236");
    let (what, remedy) = match number {
        _ if purged && said.contains("server_id") || number == 1593 => {
            ("two servers have the same server_id", "give each a number of its own, and start it again".to_owned())
        }
        _ if purged => (
            "the source no longer has the binary logs that this would have gone on with",
            format!("make it anew: {rebuild}; and keep logs longer there (binlog_expire_logs_seconds)"),
        ),
        1045 | 1044 | 1130 | 1142 | 1227 => {
            ("the source does not let it in", format!("give its account a new password and its rights: {apply}"))
        }
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
        1236 | 1941 | 1945..=1950 | 1955 => (
            "its position does not go together with the log it would be written to",
            format!("if it took writes of its own, look at them first; then make it anew: {rebuild}"),
        ),
        1872 | 1594 | 1201 => (
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

fn reset_words(words: &Words<'_>) -> String {
    words.stop().text().trim_start_matches("STOP ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::Family;

    fn of(family: Family, number: u64, said: &str) -> Known {
        let words = Words { family, channel: "ada" };
        let commands = Commands { words, apply: "APPLY".into(), rebuild: "REBUILD".into(), verify: "VERIFY".into() };
        known(number, said, &commands).unwrap()
    }

    #[test]
    fn the_remedy_fits_the_failure_on_either_server() {
        for (number, remedy) in
            [(1236, "REBUILD"), (1045, "APPLY"), (1062, "REBUILD"), (1396, "APPLY"), (1950, "REBUILD")]
        {
            let known = of(Family::MariaDb, number, "");
            assert!(known.remedy.contains(remedy), "{number}: {} {}", known.what, known.remedy);
        }
        let purged =
            of(Family::MySql, 13114, "Got fatal error 1236 from source when reading data from binary log: 'purged'");
        assert!(purged.what.contains("no longer has"), "{}", purged.what);
        assert!(of(Family::MySql, 13117, "Got fatal error 1236: same server_id").remedy.contains("number of its own"));
    }

    #[test]
    fn damaged_relay_logs_are_fetched_again_and_the_copy_stays() {
        let maria = of(Family::MariaDb, 1872, "").remedy;
        assert_eq!(maria, "STOP SLAVE 'ada'; RESET SLAVE 'ada'; START SLAVE 'ada'");
        let mysql = of(Family::MySql, 1872, "").remedy;
        assert_eq!(
            mysql,
            "STOP REPLICA FOR CHANNEL 'ada'; RESET REPLICA FOR CHANNEL 'ada'; START REPLICA FOR CHANNEL 'ada'"
        );
    }
}
