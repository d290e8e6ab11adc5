//! Chance that can be had again: a test that fails shows its seed, and `PICUP_SEED=…` gives the same run.

use rand::SeedableRng;
use rand::rngs::StdRng;

#[allow(clippy::disallowed_methods, reason = "how a test's run is repeated; no setting of PicUp")]
pub(crate) fn luck() -> StdRng {
    let given = std::env::var("PICUP_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("PICUP_SEED is a number"));
    println!("seed {seed}; the same again: PICUP_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
