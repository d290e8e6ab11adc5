//! What is asked of the certificate that browsers are shown, and of what fetches it.

use picup_domain::Timestamp;
use picup_gateway::Certificate;

use super::{Check, check, ill, well};
use crate::config::Config;
use crate::roles::acme::{Folder, Notes};

const DAY: i64 = 86_400;
/// A certificate of months should have been renewed before it has so many days left; one of days, before a quarter of its life.
const SOON: i64 = 14 * DAY;

/// Looks at the certificate, where there is TLS, and at the last attempt to get one, where PicUp fetches it.
pub(super) fn certificate(config: &Config, now: Timestamp) -> Vec<Check> {
    let (tls, now) = (&config.gateway.tls, now.seconds());
    let folder = Folder::of(&config.data_dir);
    if tls.acme.is_on() {
        return vec![fetched(folder.certificate().as_ref(), now), attempts(&folder.notes(), now)];
    }
    let Some(file) = &tls.certificate_file else { return Vec::new() };
    let found = std::fs::read(file).ok().and_then(|pem| Certificate::from_pem(&pem));
    let shown = file.display();
    vec![match found {
        Some(found) => judge(&found, now, &format!("write a new one to {shown}")),
        None => ill("certificate", format!("{shown} has no certificate that can be read; write one there")),
    }]
}

fn fetched(found: Option<&Certificate>, now: i64) -> Check {
    match found {
        None => ill("certificate", "there is none yet; `picup serve` gets one"),
        Some(found) if found.is_self_signed => {
            ill("certificate", "there is none yet but a temporary one, which no browser trusts; the next row says why")
        }
        Some(found) => judge(found, now, "the next row says why there is no new one"),
    }
}

fn judge(certificate: &Certificate, now: i64, remedy: &str) -> Check {
    let left = certificate.not_after - now;
    let soon = SOON.min((certificate.not_after - certificate.not_before) / 4);
    let until = moment(certificate.not_after);
    match left {
        ..0 => ill("certificate", format!("over since {until}: browsers warn of it; {remedy}")),
        _ if left < soon => ill("certificate", format!("good until {until}, {} more; {remedy}", span(left))),
        _ => well("certificate", format!("good until {until}, {} more", span(left))),
    }
}

fn attempts(notes: &Notes, now: i64) -> Check {
    match &notes.error {
        Some(error) => {
            let next = notes.retry_at.map_or_else(|| "at once".to_owned(), |at| format!("at {}", moment(at.max(now))));
            let failed =
                format!("{error} ({} failed; the next try is {next}, or at once after a SIGHUP)", notes.failures);
            ill("acme", failed)
        }
        None => {
            let next = notes.renew_at.map(|at| format!("to be renewed at {}", moment(at)));
            check("acme", true, next.unwrap_or_else(|| "nothing was tried yet".to_owned()))
        }
    }
}

fn span(seconds: i64) -> String {
    if seconds < 2 * DAY { format!("{} hours", seconds / 3_600) } else { format!("{} days", seconds / DAY) }
}

fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn good_for(left: i64, life: i64) -> Check {
        let not_after = NOW + left;
        let (names, der) = (vec!["photos.example".to_owned()], vec![].into());
        let found = Certificate { names, not_before: not_after - life, not_after, is_self_signed: false, der };
        fetched(Some(&found), NOW)
    }

    #[test]
    fn a_certificate_that_should_have_been_renewed_is_ill() {
        assert!(good_for(30 * DAY, 90 * DAY).ok && good_for(15 * DAY, 90 * DAY).ok && good_for(2 * DAY, 6 * DAY).ok);
        let late = good_for(13 * DAY, 90 * DAY);
        assert!(!late.ok && late.advice.contains("13 days more"), "{late:?}");
        let late = good_for(DAY, 6 * DAY);
        assert!(!late.ok && late.advice.contains("24 hours more"), "{late:?}");
        assert!(good_for(-1, 90 * DAY).advice.starts_with("over since 2027-01-15T07:59:59Z"));
        assert!(!fetched(None, NOW).ok);
    }

    #[test]
    fn an_attempt_that_failed_says_why_and_when_the_next_is() {
        assert!(attempts(&Notes::default(), NOW).ok);
        let error = Some("connection refused".to_owned());
        let failed = attempts(&Notes { failures: 2, error, retry_at: Some(NOW + 60), ..Notes::default() }, NOW);
        assert!(
            !failed.ok
                && failed.advice.contains("connection refused (2 failed; the next try is at 2027-01-15T08:01:00Z")
        );
    }
}
