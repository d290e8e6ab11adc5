//! What one client has seen of the database, so that it is never shown less: a handle that a request carries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use picup_domain::AccountId;

use crate::position::Position;

/// What a client has written or was told of. Clones are of the same client.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    floor: Position,
    account: Option<AccountId>,
    has_written: bool,
    reads_fresh: bool,
    lost_a_server: bool,
}

impl Seen {
    /// A client that shows what [`Seen::token`] gave it; one that shows nothing has seen nothing. `None` when what it shows was
    /// never given.
    #[must_use]
    pub fn after(token: &str) -> Option<Self> {
        let seen = Self::default();
        seen.state().floor = Position::parse(token)?;
        Some(seen)
    }

    /// Whose client it is: what was done for the account by others counts too.
    pub fn belongs_to(&self, account: AccountId) {
        self.state().account = Some(account);
    }

    /// From now on it reads from the primary alone: what it does changes things, and cannot be asked for again.
    pub fn read_fresh(&self) {
        self.state().reads_fresh = true;
    }

    pub(crate) fn reads_fresh(&self) -> bool {
        self.state().reads_fresh
    }

    /// What the client is to show from now on, when it has written.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        let state = self.state();
        state.has_written.then(|| state.floor.to_string())
    }

    /// Whether a server was lost amid what was read for this client: then its question is to be asked once more. Says so once.
    #[must_use]
    pub fn has_lost_a_server(&self) -> bool {
        std::mem::take(&mut self.state().lost_a_server)
    }

    pub(crate) fn lost_a_server(&self) {
        self.state().lost_a_server = true;
    }

    /// It has committed something at a position. What it has seen of another history than the primary's (before another server
    /// took that one's place, say) will never come again.
    pub(crate) fn wrote(&self, position: &Position, newest: &Position) {
        let mut state = self.state();
        if !newest.covers(&state.floor) {
            state.floor = Position::default();
        }
        state.floor.merge(position);
        state.has_written = true;
    }

    pub(crate) fn floor(&self) -> (Position, Option<AccountId>) {
        let state = self.state();
        (state.floor.clone(), state.account)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
