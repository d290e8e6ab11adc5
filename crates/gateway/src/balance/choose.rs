//! Which of several gets a request. Plain reckoning; what is known of each is given.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;

/// How one of several is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// In turn, each as often as its weight says.
    #[default]
    RoundRobin,
    /// The one with the fewest requests under way for its weight.
    LeastRequests,
    /// The same one for the same client address, of IPv6 the same /64. When one goes, only its own clients move.
    ClientAddress,
}

/// What is known of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'c> {
    pub(super) address: &'c str,
    pub(super) weight: u32,
    pub(super) active: usize,
}

/// The order in which those with such weights take turns, as even as can be: of 3 and 1 not three in a row, then the other.
pub(super) fn turns(weights: &[u32]) -> Vec<usize> {
    let all: i64 = weights.iter().copied().map(i64::from).sum();
    let mut standing = vec![0_i64; weights.len()];
    let mut turns = Vec::new();
    for _ in 0..all {
        for (standing, weight) in standing.iter_mut().zip(weights) {
            *standing += i64::from(*weight);
        }
        // Of several that stand alike, the first.
        let ahead = standing.iter().enumerate().max_by_key(|(index, standing)| (**standing, std::cmp::Reverse(*index)));
        let Some((ahead, _)) = ahead else { break };
        standing[ahead] -= all;
        turns.push(ahead);
    }
    turns
}

/// The one to ask of `count` that `may` be asked, by its index.
pub(super) fn choose<'c>(
    policy: Policy,
    count: usize,
    candidate: impl Fn(usize) -> Candidate<'c>,
    may: impl Fn(usize) -> bool,
    turns: &[usize],
    turn: usize,
    client: IpAddr,
) -> Option<usize> {
    let possible = || (0..count).filter(|index| may(*index));
    match policy {
        Policy::RoundRobin => {
            (0..turns.len()).map(|later| turns[(turn + later) % turns.len()]).find(|index| may(*index))
        }
        Policy::LeastRequests => possible().min_by(|a, b| {
            let (a, b) = (&candidate(*a), &candidate(*b));
            let load = |one: &Candidate<'_>, other: &Candidate<'_>| (one.active as u128 + 1) * u128::from(other.weight);
            // Of several that are as busy, whoever's turn it is.
            let order = |one: &Candidate<'_>| place(turn, one.address);
            load(a, b).cmp(&load(b, a)).then_with(|| order(a).cmp(&order(b)))
        }),
        Policy::ClientAddress => possible().max_by(|a, b| {
            let score = |index: &usize| rendezvous(client, &candidate(*index));
            score(a).total_cmp(&score(b))
        }),
    }
}

fn place(turn: usize, address: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (turn, address).hash(&mut hasher);
    hasher.finish()
}

/// How much a client belongs to one: the highest has it. By weight, so that one of twice the weight has twice the clients.
fn rendezvous(client: IpAddr, candidate: &Candidate<'_>) -> f64 {
    let mut hasher = DefaultHasher::new();
    match client {
        IpAddr::V4(address) => address.octets().hash(&mut hasher),
        IpAddr::V6(address) => address.segments()[..4].hash(&mut hasher),
    }
    candidate.address.hash(&mut hasher);
    // Between 0 and 1, neither of them.
    #[expect(clippy::cast_precision_loss, reason = "a hash's first bits are enough")]
    let drawn = ((hasher.finish() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(candidate.weight) / drawn.ln()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn candidates<'c>(weights: &[(&'c str, u32, usize)]) -> Vec<Candidate<'c>> {
        weights.iter().map(|&(address, weight, active)| Candidate { address, weight, active }).collect()
    }

    fn clients() -> impl Iterator<Item = IpAddr> {
        (0..6_000_u32).map(|n| IpAddr::V4((0x0a00_0000 + n).into()))
    }

    #[test]
    fn turns_are_taken_as_often_as_weights_say_and_evenly() {
        assert_eq!(turns(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(turns(&[3, 1]), [0, 0, 1, 0]);
        assert_eq!(turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert!(turns(&[]).is_empty());
    }

    #[test]
    fn whoever_may_not_be_asked_is_passed_over() {
        let three = candidates(&[("a", 1, 0), ("b", 1, 9), ("c", 1, 9)]);
        let turns = turns(&[1, 1, 1]);
        for policy in [Policy::RoundRobin, Policy::LeastRequests, Policy::ClientAddress] {
            for turn in 0..9 {
                let chosen =
                    choose(policy, three.len(), |index| three[index], |index| index != 0, &turns, turn, CLIENT);
                assert!(matches!(chosen, Some(1 | 2)), "{policy:?}");
                assert_eq!(choose(policy, three.len(), |index| three[index], |_| false, &turns, turn, CLIENT), None);
            }
        }
    }

    #[test]
    fn the_least_busy_for_its_weight_is_asked_and_of_those_alike_each_in_turn() {
        let busy = candidates(&[("a", 1, 2), ("b", 4, 6), ("c", 1, 3)]);
        assert_eq!(choose(Policy::LeastRequests, busy.len(), |index| busy[index], |_| true, &[], 0, CLIENT), Some(1));
        let idle = candidates(&[("a", 1, 0), ("b", 1, 0)]);
        let mut chosen = [0; 2];
        for turn in 0..1_000 {
            chosen[choose(Policy::LeastRequests, idle.len(), |index| idle[index], |_| true, &[], turn, CLIENT)
                .unwrap()] += 1;
        }
        assert!(chosen.iter().all(|times| (400..600).contains(times)), "{chosen:?}");
    }

    #[test]
    fn a_client_stays_with_one_and_only_those_of_one_that_goes_move() {
        let three = candidates(&[("a", 1, 0), ("b", 1, 0), ("c", 2, 0)]);
        let of = |may: &dyn Fn(usize) -> bool| {
            clients()
                .map(|client| {
                    choose(Policy::ClientAddress, three.len(), |index| three[index], may, &[], 0, client).unwrap()
                })
                .collect::<Vec<_>>()
        };
        let (whole, without) = (of(&|_| true), of(&|index| index != 1));
        assert_eq!(whole, of(&|_| true));
        assert!(whole.iter().zip(&without).all(|(before, after)| *before == 1 || before == after));
        let mut shares = HashMap::new();
        for index in whole {
            *shares.entry(index).or_insert(0) += 1;
        }
        assert!((1_300..1_700).contains(&shares[&0]) && (2_700..3_300).contains(&shares[&2]), "{shares:?}");
        let within = |text: &str| {
            choose(Policy::ClientAddress, three.len(), |index| three[index], |_| true, &[], 0, text.parse().unwrap())
        };
        assert_eq!(within("2001:db8:1:2::1"), within("2001:db8:1:2:ffff::9"));
    }
}
