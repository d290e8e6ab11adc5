//! Destinations: the stores beside the primary one that hold a copy of every object.

use picup_domain::{DestinationId, Timestamp};

use crate::object_copy::CopyState;
use crate::statement::{Row, Statement};
use crate::{Error, Read, Write};

/// Whether copies go to a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationState {
    /// They do.
    Active,
    /// They wait, until somebody says otherwise.
    Paused,
    /// The configuration does not name it any more: there are no new ones.
    Retired,
}

impl DestinationState {
    /// The word stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Retired => "retired",
        }
    }

    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            "retired" => Ok(Self::Retired),
            _ => Err(format!("unknown state {word}")),
        }
    }
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// Its name in the configuration.
    pub name: String,
    /// Where it is, as people are told.
    pub place: String,
    /// Whether copies there are encrypted.
    pub sealed: bool,
    /// Whether copies go there.
    pub state: DestinationState,
    /// Whether every object has its copy's row; before that, older ones are still being written down.
    pub enrolled: bool,
    /// Whether its place has got its mark.
    pub claimed: bool,
    /// What was deleted up to then may be removed there, however much it is.
    pub removals_confirmed_at: Option<Timestamp>,
    /// When the newest catalogue was made that stands there.
    pub catalogue_at: Option<Timestamp>,
    /// The last rehearsal of a restore from there.
    pub drill: Option<Drill>,
    /// When the last rehearsal began that went well.
    pub drilled_well_at: Option<Timestamp>,
    /// How fast copying there was lately.
    pub pace: Option<Pace>,
}

/// How fast copying to a destination was, written and proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes a second, over all copies that are made at once.
    pub bytes_per_second: u64,
    /// How long one small copy takes, in microseconds.
    pub latency_micros: u64,
}

/// A rehearsal of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// When it began.
    pub at: Timestamp,
    /// Whether everything came back as it was.
    pub ok: bool,
    /// How long it took.
    pub seconds: u64,
    /// The moment that came back.
    pub of: Option<Timestamp>,
    /// What is to be said of it, in English.
    pub note: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, place, sealed, state, enrolled_to, claimed_at, removals_confirmed_at, catalogue_at, \
             drilled_at, drill_ok, drill_seconds, drill_of, drill_note, drilled_well_at, speed, latency FROM destinations ",
            $rest
        )
    };
}

fn destination(row: &Row) -> Result<Destination, Error> {
    let drill = row.maybe_time("drilled_at")?.map(|at| {
        Ok::<_, Error>(Drill {
            at,
            ok: row.bool("drill_ok")?,
            seconds: row.int("drill_seconds")?,
            of: row.maybe_time("drill_of")?,
            note: row.maybe_text("drill_note")?.unwrap_or_default(),
        })
    });
    Ok(Destination {
        id: row.id("id")?,
        name: row.text("name")?,
        place: row.text("place")?,
        sealed: row.bool("sealed")?,
        state: row.word("state", DestinationState::parse)?,
        enrolled: row.maybe_text("enrolled_to")?.is_none(),
        claimed: row.maybe_time("claimed_at")?.is_some(),
        removals_confirmed_at: row.maybe_time("removals_confirmed_at")?,
        catalogue_at: row.maybe_time("catalogue_at")?,
        drill: drill.transpose()?,
        drilled_well_at: row.maybe_time("drilled_well_at")?,
        pace: row
            .maybe_int("speed")?
            .zip(row.maybe_int("latency")?)
            .map(|(bytes_per_second, latency_micros)| Pace { bytes_per_second, latency_micros }),
    })
}

impl Read {
    /// All destinations there are and were, by name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn destination_list(&mut self) -> Result<Vec<Destination>, Error> {
        self.all(Statement::new("destination_list", select!("ORDER BY name"))).await?.iter().map(destination).collect()
    }

    /// How many destinations there are to which copies go, or will when they are no longer paused.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn destination_count(&mut self) -> Result<u64, Error> {
        Ok(self.destination_ids().await?.len() as u64)
    }

    /// The destinations to which copies go, or will when they are no longer paused.
    pub(crate) async fn destination_ids(&mut self) -> Result<Vec<DestinationId>, Error> {
        let sql = "SELECT id FROM destinations WHERE state <> 'retired'";
        self.all(Statement::new("destination_ids", sql)).await?.iter().map(|row| row.id("id")).collect()
    }

    pub(crate) async fn destination_every_id(&mut self) -> Result<Vec<DestinationId>, Error> {
        let sql = "SELECT id FROM destinations";
        self.all(Statement::new("destination_every_id", sql)).await?.iter().map(|row| row.id("id")).collect()
    }
}

impl Write {
    /// Adds a destination, to which a copy of every object is to go.
    ///
    /// # Errors
    /// [`Error::Conflict`] `destination` when there is one of that name.
    pub async fn destination_insert(
        &mut self,
        id: DestinationId,
        name: &str,
        place: &str,
        sealed: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO destinations (id, name, place, sealed, state, enrolled_to, created_at) \
                   VALUES (?, ?, ?, ?, 'active', '', ?)";
        let statement = Statement::new("destination_insert", sql).id(&id).text(name).text(place);
        self.run(statement.int(sealed).time(now)).await.map_err(|error| error.or_conflict("destination"))?;
        for state in CopyState::ALL {
            let sql = "INSERT INTO copy_counts (destination, state, copies, bytes) VALUES (?, ?, 0, 0)";
            self.run(Statement::new("copy_count_insert", sql).id(&id).text(state.as_str())).await?;
        }
        Ok(())
    }

    /// Takes a destination up again that the configuration names. What was committed while it was retired has no rows, so every
    /// object is looked at once more.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_return(&mut self, id: DestinationId) -> Result<(), Error> {
        let sql = "UPDATE destinations SET state = 'active', enrolled_to = '' WHERE id = ? AND state = 'retired'";
        self.run(Statement::new("destination_return", sql).id(&id)).await?;
        Ok(())
    }

    /// Says whether copies go to a destination. `false` when they do so already, or it is unknown.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_set_state(&mut self, id: DestinationId, state: DestinationState) -> Result<bool, Error> {
        let sql = "UPDATE destinations SET state = ? WHERE id = ? AND state <> ?";
        let word = state.as_str();
        self.changed(Statement::new("destination_set_state", sql).text(word).id(&id).text(word)).await
    }

    /// Notes that its place has got its mark.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_claimed(&mut self, id: DestinationId, now: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE destinations SET claimed_at = ? WHERE id = ?";
        self.run(Statement::new("destination_claimed", sql).time(now).id(&id)).await?;
        Ok(())
    }

    /// Lets what was deleted up to now go there too, however much it is.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_confirm_removals(&mut self, id: DestinationId, now: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE destinations SET removals_confirmed_at = ? WHERE id = ?";
        self.run(Statement::new("destination_confirm_removals", sql).time(now).id(&id)).await?;
        Ok(())
    }

    /// Notes that a catalogue stands there.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_catalogued(&mut self, id: DestinationId, made_at: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE destinations SET catalogue_at = ? WHERE id = ?";
        self.run(Statement::new("destination_catalogued", sql).time(made_at).id(&id)).await?;
        Ok(())
    }

    /// Notes a rehearsal.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_drilled(&mut self, id: DestinationId, drill: &Drill) -> Result<(), Error> {
        let sql = "UPDATE destinations SET drilled_at = ?, drill_ok = ?, drill_seconds = ?, drill_of = ?, drill_note = ?, \
                   drilled_well_at = COALESCE(?, drilled_well_at) WHERE id = ?";
        let statement = Statement::new("destination_drilled", sql).time(drill.at).int(drill.ok);
        let statement = statement.int(i64::try_from(drill.seconds).unwrap_or(i64::MAX)).maybe_time(drill.of);
        let statement = statement.text(&drill.note).maybe_time(drill.ok.then_some(drill.at));
        self.run(statement.id(&id)).await?;
        Ok(())
    }

    /// Notes how fast copying was.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_paced(&mut self, id: DestinationId, pace: Pace) -> Result<(), Error> {
        let signed = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
        let sql = "UPDATE destinations SET speed = ?, latency = ? WHERE id = ?";
        let statement = Statement::new("destination_paced", sql).int(signed(pace.bytes_per_second));
        self.run(statement.int(signed(pace.latency_micros)).id(&id)).await?;
        Ok(())
    }

    /// Forgets all destinations and everything about copies: what stands there is another PicUp's to look after.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn destination_forget_all(&mut self) -> Result<(), Error> {
        for (name, sql) in [
            ("copy_forget_all", "DELETE FROM object_copies"),
            ("copy_count_forget_all", "DELETE FROM copy_counts"),
            ("orphan_forget_all", "DELETE FROM orphans"),
            ("destination_forget_all", "DELETE FROM destinations"),
        ] {
            self.run(Statement::new(name, sql)).await?;
        }
        Ok(())
    }
}
