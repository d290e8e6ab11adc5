//! Sets where a channel goes on, and lets all others go on where they are.
//!
//! On MariaDB all channels of a server share one variable, with a position for each domain: whoever sets it from the dump of one
//! source erases the others, and an old channel begins again from the start. So the channels stop, *all* positions are set, and
//! they go on. On MySQL what was executed is one set: the new source's transactions are added to it, and only where they cannot be
//! added, because the target has some that the source has lost, it is made anew.

use super::Error;
use super::channel_words::Words;
use super::facts::{ChannelState, Facts};
use super::node::Node;
use super::words::{Sql, quoted};
use crate::family::Family;
use crate::position::Position;

/// Runs `work` while no channel does anything, and lets those that were running go on, whatever comes of it; but not `but`.
pub(super) async fn amid_silence<T>(
    target: &mut Node,
    but: Option<&str>,
    work: impl AsyncFnOnce(&mut Node) -> Result<T, Error>,
) -> Result<T, Error> {
    let running = |channel: &&ChannelState| channel.applies || channel.receiver != "No";
    let channels = Facts::of(target).await?.channels;
    let running: Vec<_> = channels.iter().filter(running).map(|channel| channel.name.clone()).collect();
    let family = target.family;
    let words = |channel| Words { family, channel };
    let mut done = Ok(());
    for channel in &running {
        done = target.say(&words(channel).stop()).await;
        if done.is_err() {
            break;
        }
    }
    let done = match done {
        Ok(()) => work(target).await,
        Err(error) => Err(error),
    };
    let mut started = Ok(());
    for channel in running.iter().filter(|channel| Some(channel.as_str()) != but) {
        started = started.and(target.say(&words(channel).start()).await);
    }
    let done = done?;
    started.map(|()| done)
}

/// Has the channel go on from `position`. All its servers' transactions are taken from there, those of other sources as they are;
/// with `alone` there are no others, and with `forget_log` the target's own log begins anew.
pub(super) async fn place(
    target: &mut Node,
    channel: &str,
    position: &str,
    alone: bool,
    forget_log: bool,
) -> Result<(), Error> {
    match target.family {
        Family::MariaDb => {
            let place = async |target: &mut Node| place_mariadb(target, position, alone, forget_log).await;
            amid_silence(target, Some(channel), place).await
        }
        Family::MySql => place_mysql(target, channel, position, alone, forget_log).await,
    }
}

async fn place_mariadb(target: &mut Node, position: &str, alone: bool, forget_log: bool) -> Result<(), Error> {
    let facts = Facts::of(target).await?;
    let (all, conflict) = all_domains(position, &facts.applied, &facts.logged).ok_or_else(|| {
        let said = format!("'{position}', '{}', '{}'", facts.applied, facts.logged);
        Error::Senseless(format!("{} says positions that make no sense: {said}", target.name))
    })?;
    if forget_log || conflict {
        target.say(&Sql::plain(Family::MariaDb.forget_log())).await?;
    }
    // Of what was written here before, nothing is left to go on from, though the source may have written nothing at all yet.
    let all = if alone && forget_log { position } else { &all };
    target.say(&Sql::plain(format!("SET GLOBAL gtid_slave_pos = {}", quoted(all)))).await
}

/// The whole of MariaDB's position: of the new domains what the source says, of all others what was applied, or what only the
/// server's own log tells, which it insists on. And whether that log has come further in one of the new domains, as it has
/// when the source was set back, so that it would refuse what comes.
fn all_domains(new: &str, applied: &str, logged: &str) -> Option<(String, bool)> {
    let (new, applied, logged) = (Position::parse(new)?, Position::parse(applied)?, Position::parse(logged)?);
    let mine: Vec<u32> = new.domains().collect();
    let mut all = applied.with_domains_of(&mine, &new);
    let known: Vec<u32> = all.domains().collect();
    let unknown: Vec<u32> = logged.domains().filter(|domain| !known.contains(domain)).collect();
    all = all.with_domains_of(&unknown, &logged);
    let theirs = Position::default().with_domains_of(&mine, &logged);
    Some((all.to_string(), !new.covers(&theirs)))
}

async fn place_mysql(
    target: &mut Node,
    channel: &str,
    position: &str,
    alone: bool,
    forget_log: bool,
) -> Result<(), Error> {
    let executed = Facts::of(target).await?.applied;
    let servers = Position::parse(position).ok_or_else(|| Error::Senseless(format!("no position: {position}")))?;
    // All that can ever come from that source's servers.
    let theirs: Vec<_> = servers.servers().map(|server| format!("{server}:1-9223372036854775806")).collect();
    let kept_out = (!alone).then(|| theirs.join(","));
    let all = with_others(target, &executed, kept_out.as_deref(), position).await?;
    let lost = subtract(target, &executed, &all).await?;
    if lost.is_empty() && !forget_log {
        let new = subtract(target, &all, &executed).await?;
        let more = Sql::plain(format!("SET GLOBAL gtid_purged = {}", quoted(&format!("+{new}"))));
        return if new.is_empty() { Ok(()) } else { target.say(&more).await };
    }
    amid_silence(target, Some(channel), async |target| {
        // What the others have applied since is asked once they are still.
        let executed = Facts::of(target).await?.applied;
        let all = with_others(target, &executed, kept_out.as_deref(), position).await?;
        target.say(&Sql::plain(Family::MySql.forget_log())).await?;
        target.say(&Sql::plain(format!("SET GLOBAL gtid_purged = {}", quoted(&all)))).await
    })
    .await
}

/// The position, and what is executed of other sources than `theirs`; `None` when there are no others.
async fn with_others(target: &mut Node, executed: &str, theirs: Option<&str>, position: &str) -> Result<String, Error> {
    let others = match theirs {
        Some(theirs) => subtract(target, executed, theirs).await?,
        None => String::new(),
    };
    Ok([others.as_str(), position].iter().filter(|set| !set.is_empty()).copied().collect::<Vec<_>>().join(","))
}

async fn subtract(node: &mut Node, from: &str, what: &str) -> Result<String, Error> {
    let asked = format!("SELECT GTID_SUBTRACT({}, {})", quoted(from), quoted(what));
    Ok(node.text(&asked).await?.replace('\n', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_is_placed_and_all_others_stay_where_they_are() {
        let placed = |new, applied, logged| all_domains(new, applied, logged).unwrap();
        assert_eq!(placed("2-2-9", "1-1-100,2-2-5", ""), ("1-1-100,2-2-9".to_owned(), false));
        assert_eq!(
            placed("1-1-5", "", "9-9-4"),
            ("1-1-5,9-9-4".to_owned(), false),
            "its own log's domain is wanted too"
        );
        assert_eq!(placed("2-2-9", "2-2-5,3-3-1", "2-2-5,3-3-1,9-9-4"), ("2-2-9,3-3-1,9-9-4".to_owned(), false));
        assert_eq!(placed("2-2-3", "2-2-5", "2-2-5"), ("2-2-3".to_owned(), true), "the source was set back");
        assert_eq!(placed("", "1-1-7", ""), ("1-1-7".to_owned(), false), "a source whose log is empty");
        assert_eq!(all_domains("nonsense", "", ""), None);
    }
}
