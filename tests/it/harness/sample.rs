//! Samples of tests that would take too long as a whole, and their seed.
//!
//! - `OLLAMA_TAP_TEST_LONG=1` asks for the whole: `ci.yml` does so every week.
//! - `OLLAMA_TAP_TEST_SEED` is the seed. Without it a sample is the same one each time, and a whole another one; a test that fails
//!   shows which.

use std::env;

use fastrand::Rng;

const SEED: u64 = 20_261_121;

/// Returns whether the whole is asked for, which takes minutes to an hour.
pub fn is_long() -> bool {
    env::var("OLLAMA_TAP_TEST_LONG").as_deref() == Ok("1")
}

/// Returns how many rounds there are: of a sample, or of the whole.
pub fn rounds<N>(sample: N, whole: N) -> N {
    if is_long() { whole } else { sample }
}

/// The seed of whatever chance decides in a test.
pub fn seed() -> u64 {
    let given = env::var("OLLAMA_TAP_TEST_SEED")
        .ok()
        .map(|seed| seed.parse().expect("OLLAMA_TAP_TEST_SEED is a number"));
    let seed = given.unwrap_or_else(|| if is_long() { fastrand::u64(..) } else { SEED });
    println!("OLLAMA_TAP_TEST_SEED={seed}");
    seed
}

/// Chance itself.
pub fn random() -> Rng {
    Rng::with_seed(seed())
}
