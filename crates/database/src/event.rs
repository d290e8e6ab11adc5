//! Events: short-lived hints for open pages that something changed. Every process polls for those after the last it saw; a
//! page that missed some asks anew.

use picup_domain::{AccountId, Timestamp};

use crate::statement::{Row, Statement, runs};
use crate::{Error, Read, Write};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the one order of all events, from 1. Readers never see a place before all smaller ones.
    pub position: i64,
    /// What happened.
    pub kind: String,
    /// Whom it concerns; `None` means everyone.
    pub account: Option<AccountId>,
    /// To what, in the form the pages read.
    pub payload: String,
    /// When.
    pub created_at: Timestamp,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub kind: &'static str,
    /// To what, in the form the pages read.
    pub payload: String,
}

fn event(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        position: row.int("position")?,
        kind: row.text("kind")?,
        account: row.maybe_id("account")?,
        payload: row.text("payload")?,
        created_at: row.time("created_at")?,
    })
}

impl Read {
    /// At most `limit` events after a place, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn event_list(&mut self, after: i64, limit: u32) -> Result<Vec<Event>, Error> {
        let sql = "SELECT position, kind, account, payload, created_at FROM events \
                   WHERE position > ? ORDER BY position LIMIT ?";
        self.all(Statement::new("event_list", sql).int(after).int(limit)).await?.iter().map(event).collect()
    }

    /// The place of the newest event ever, 0 before the first: where a process that starts begins to listen.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn event_latest(&mut self) -> Result<i64, Error> {
        self.row(Statement::new("event_latest", "SELECT last FROM sequences WHERE name = 'events'")).await?.int("last")
    }
}

impl Write {
    /// Adds an event with this transaction and tells its place. Call it last: on engines with many writers, the next one
    /// that adds an event waits from here until this transaction ends.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn event_append(
        &mut self,
        kind: &'static str,
        account: Option<AccountId>,
        payload: &str,
        now: Timestamp,
    ) -> Result<i64, Error> {
        self.event_append_all(account, &[NewEvent { kind, payload: payload.to_owned() }], now).await
    }

    /// Adds events about one account, in their order, and tells the place of the last. As [`Write::event_append`].
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn event_append_all(
        &mut self,
        account: Option<AccountId>,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<i64, Error> {
        if let Some(account) = account {
            self.tells(account);
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let sql = "UPDATE sequences SET last = last + ? WHERE name = 'events'";
        self.run(Statement::new("event_draw", sql).int(count)).await?;
        let mut position = self.event_latest().await? - count;
        for run in runs(events) {
            let insert = "INSERT INTO events (position, kind, account, payload, created_at)";
            let mut statement = Statement::rows("event_append", insert, "(?, ?, ?, ?, ?)", run.len());
            for event in run {
                position += 1;
                statement =
                    statement.int(position).text(event.kind).maybe_id(account.as_ref()).text(&event.payload).time(now);
            }
            self.run(statement).await?;
        }
        Ok(position)
    }

    /// Forgets the events from before a moment, and tells how many. Places are not used again.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn event_prune(&mut self, before: Timestamp) -> Result<u64, Error> {
        self.run(Statement::new("event_prune", "DELETE FROM events WHERE created_at < ?").time(before)).await
    }
}
