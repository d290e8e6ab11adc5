//! How far a server has come in the history of commits, as replication numbers them: MariaDB's and MySQL's global transaction
//! ids, read, compared, and written again.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::Error;

/// What has been committed, or applied. The default is nothing at all, which every server has.
///
/// MariaDB: for each domain the last transaction, as `domain-server-sequence`; a domain's sequence grows by one whoever
/// writes. MySQL: for each server (and tag) which of its transactions, as `uuid:1-5:7`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Position {
    domains: BTreeMap<u32, Last>,
    servers: BTreeMap<String, Vec<Span>>,
}

/// A domain's last transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    server: u32,
    sequence: u64,
}

/// Transactions from one to another, both of them too.
type Span = (u64, u64);

impl Position {
    /// Reads what a server says, or what was written by [`Display`](fmt::Display). Nothing when it is neither.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut position = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if item.contains(':') {
                position.add_server(item)?;
            } else {
                position.add_domain(item)?;
            }
        }
        Some(position)
    }

    /// Reads a server's answer.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is no position.
    pub(crate) fn of(answer: &AnyRow) -> Result<Self, Error> {
        let said: String = answer.try_get("position")?;
        Self::parse(&said).ok_or_else(|| Error::Corrupt { column: "position", reason: said })
    }

    fn add_domain(&mut self, item: &str) -> Option<()> {
        let mut numbers = item.split('-');
        let domain = number(numbers.next()?)?.try_into().ok()?;
        let server = number(numbers.next()?)?.try_into().ok()?;
        let sequence = number(numbers.next()?)?;
        numbers.next().is_none().then_some(())?;
        self.raise(domain, Last { server, sequence });
        Some(())
    }

    fn add_server(&mut self, item: &str) -> Option<()> {
        let mut parts = item.split(':').map(str::trim);
        let uuid = parts.next()?.to_ascii_lowercase();
        let plain = uuid.len() == 36 && uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        plain.then_some(())?;
        let mut name = uuid.clone();
        let mut any = false;
        for part in parts {
            if part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
                let plain = part.len() <= 32 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                plain.then_some(())?;
                name = format!("{uuid}:{}", part.to_ascii_lowercase());
                continue;
            }
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let span = (number(from)?, number(to)?);
            (1 <= span.0 && span.0 <= span.1).then_some(())?;
            add_span(self.servers.entry(name.clone()).or_default(), span);
            any = true;
        }
        any.then_some(())
    }

    fn raise(&mut self, domain: u32, last: Last) {
        let known = self.domains.entry(domain).or_insert(last);
        if known.sequence < last.sequence {
            *known = last;
        }
    }

    /// Whether whoever has come here has come to `other` too.
    #[must_use]
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let domain = |(domain, last): (&u32, &Last)| {
            self.domains.get(domain).is_some_and(|known| known.sequence >= last.sequence)
        };
        let server = |(name, spans): (&String, &Vec<Span>)| {
            let known = self.servers.get(name).map(Vec::as_slice).unwrap_or_default();
            spans.iter().all(|span| known.iter().any(|known| known.0 <= span.0 && span.1 <= known.1))
        };
        other.domains.iter().all(domain) && other.servers.iter().all(server)
    }

    /// The domains that it tells of.
    pub(crate) fn domains(&self) -> impl Iterator<Item = u32> + '_ {
        self.domains.keys().copied()
    }

    /// The servers that it tells of.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &str> + '_ {
        self.servers.keys().map(String::as_str)
    }

    /// The same, but of these domains what `other` says: nothing, where it tells nothing of one.
    pub(crate) fn with_domains_of(&self, domains: &[u32], other: &Self) -> Self {
        let mut position = self.clone();
        position.domains.retain(|domain, _| !domains.contains(domain));
        position.domains.extend(
            other.domains.iter().filter(|(domain, _)| domains.contains(domain)).map(|(domain, last)| (*domain, *last)),
        );
        position
    }

    /// Goes on to where `other` is, too.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (domain, last) in &other.domains {
            self.raise(*domain, *last);
        }
        for (name, spans) in &other.servers {
            let known = self.servers.entry(name.clone()).or_default();
            spans.iter().for_each(|span| add_span(known, *span));
        }
    }
}

/// Digits alone: a sign is no part of a number here.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Keeps spans in order, apart from each other.
fn add_span(spans: &mut Vec<Span>, (mut from, mut to): Span) {
    spans.retain(|known| {
        let apart = known.1.saturating_add(1) < from || to.saturating_add(1) < known.0;
        if !apart {
            (from, to) = (from.min(known.0), to.max(known.1));
        }
        apart
    });
    let place = spans.partition_point(|known| known.0 < from);
    spans.insert(place, (from, to));
}

impl fmt::Display for Position {
    /// As the servers write it, so that they understand it too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (domain, Last { server, sequence }) in &self.domains {
            write!(f, "{separator}{domain}-{server}-{sequence}")?;
            separator = ",";
        }
        for (name, spans) in &self.servers {
            write!(f, "{separator}{name}")?;
            for (from, to) in spans {
                if from == to { write!(f, ":{from}") } else { write!(f, ":{from}-{to}") }?;
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const ONE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const TWO: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn position(text: &str) -> Position {
        Position::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_servers_say_is_understood() {
        assert!(position("0-1-10,2-3-5").covers(&position("0-9-10")));
        assert!(!position("0-1-10").covers(&position("0-1-11")));
        assert!(!position("0-1-10").covers(&position("1-1-1")), "a domain it knows nothing of");
        let mysql = position(&format!("{ONE}:1-5:7,\n{TWO}:1-3"));
        assert_eq!(mysql.to_string(), format!("{ONE}:1-5:7,{TWO}:1-3"));
        assert!(mysql.covers(&position(&format!("{ONE}:2-4"))));
        assert!(!mysql.covers(&position(&format!("{ONE}:5-7"))), "the sixth is missing");
        let tagged = position(&format!("{ONE}:1-5:Blue:1-2:9"));
        assert_eq!(tagged.to_string(), format!("{ONE}:1-5,{ONE}:blue:1-2:9"));
        assert!(position("").covers(&Position::default()));
        assert!(position("0-1-1").covers(&Position::default()));
    }

    #[test]
    fn what_no_server_says_is_refused() {
        let bad = ["0-1", "0-1-2-3", "a-b-c", "0-1--2", "+0-1-2", "4294967296-1-1", "x:1", "0-1-99999999999999999999"];
        let made_up =
            [format!("{ONE}:"), format!("{ONE}:0"), format!("{ONE}:5-3"), format!("{ONE}:1;DROP"), "9".repeat(9_000)];
        for text in bad.into_iter().map(str::to_owned).chain(made_up) {
            assert_eq!(Position::parse(&text), None, "{text}");
        }
    }

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        proptest::collection::vec((1_u64..40, 0_u64..6).prop_map(|(from, more)| (from, from + more)), 0..8)
    }

    fn of(spans: &[Span]) -> (Position, BTreeSet<u64>) {
        let mut position = Position::default();
        spans.iter().for_each(|span| add_span(position.servers.entry(ONE.to_owned()).or_default(), *span));
        (position, spans.iter().flat_map(|(from, to)| *from..=*to).collect())
    }

    proptest! {
        #[test]
        fn spans_are_sets(one in spans(), two in spans()) {
            let ((one, all), (two, others)) = (of(&one), of(&two));
            prop_assert_eq!(one.covers(&two), others.is_subset(&all));
            let mut both = one.clone();
            both.merge(&two);
            prop_assert!(both.covers(&one) && both.covers(&two));
            let counted: u64 = both.servers.values().flatten().map(|(from, to)| to - from + 1).sum();
            prop_assert_eq!(counted as usize, all.union(&others).count());
        }

        #[test]
        fn what_is_written_reads_back(text in "([0-9]{1,3}-[0-9]{1,3}-[0-9]{1,9},?){0,5}") {
            if let Some(position) = Position::parse(&text) {
                prop_assert_eq!(Position::parse(&position.to_string()), Some(position));
            }
        }

        #[test]
        fn no_text_panics(text in "([0-9a-f:,\\- \n]|.){0,80}") {
            let _ = Position::parse(&text);
        }
    }
}
