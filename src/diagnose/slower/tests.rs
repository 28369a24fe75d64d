//! Models that became slower, and chance.

use fastrand::Rng;

use super::samples::{CLASSES_MAX, context_band};
use super::*;

fn sample(number: usize, version: &'static str, speed: f64) -> Sample<'static> {
    Sample {
        timestamp: number as f64,
        model: "m",
        endpoint: "api/chat",
        tokens_per_second: speed,
        version: Some(version),
        digest: Some("d"),
        quantization: Some("Q4_K_M"),
        vram_share: Some(1.0),
        tokens: 3000,
        ..Sample::default()
    }
}

fn slower(samples: &[Sample<'_>]) -> Vec<Slower> {
    let mut gathered = Samples::default();
    samples.iter().for_each(|sample| gathered.add(sample));
    gathered.slower()
}

/// Speeds as they are: mostly alike, some far slower, as of a machine that does other things too.
fn speed(rng: &mut Rng) -> f64 {
    let noise = (0..6).map(|_| rng.f64() - 0.5).sum::<f64>() * 0.1;
    let load = if rng.u8(..10) == 0 {
        0.5 + rng.f64() / 2.0
    } else {
        1.0
    };
    60.0 * load * (1.0 + noise)
}

/// `side` requests of one version, and as many of the next, `factor` as fast.
fn upgrade(rng: &mut Rng, side: usize, factor: f64) -> Vec<Sample<'static>> {
    let before = (0..side)
        .map(|number| sample(number, "0.39.0", speed(rng)))
        .collect::<Vec<_>>();
    let after = (side..2 * side).map(|number| sample(number, "0.40.0", factor * speed(rng)));
    before
        .into_iter()
        .chain(after.collect::<Vec<_>>())
        .collect()
}

#[test]
fn of_two_hundred_shuffles_at_most_two_are_called_slower() {
    let mut rng = Rng::with_seed(16);
    for side in [SIDE_MIN, 100] {
        let mut alarms = 0;
        for _ in 0..200 {
            let mut samples = upgrade(&mut rng, side, 1.0);
            rng.shuffle(&mut samples);
            alarms += slower(&samples).len();
        }
        println!("{side} a side: {alarms} false alarms in 200");
        assert!(alarms <= 2, "{alarms}");
    }
}

#[test]
fn an_upgrade_that_slows_a_model_is_found() {
    let mut rng = Rng::with_seed(16);
    let found = (0..100)
        .filter(|_| !slower(&upgrade(&mut rng, 60, 0.8)).is_empty())
        .count();
    println!("{found} of 100");
    assert!(found >= 95, "{found}");
    let samples: Vec<Sample<'static>> = (0..120)
        .map(|number| match number {
            0..60 => sample(number, "0.39.0", 60.0 + (number % 7) as f64),
            _ => sample(number, "0.40.0", 45.0 + (number % 7) as f64),
        })
        .collect();
    let finding = slower(&samples)[0].finding();
    assert_eq!(finding.certainty, Certainty::Likely);
    assert_eq!(
        finding.sentence,
        "m is 24 % slower with Ollama 0.40.0 than with Ollama 0.39.0: 48.0 instead of 63.0 \
         tokens/s (medians of 60 and 60 requests)"
    );
}

#[test]
fn only_like_is_compared_with_like_and_only_what_is_much() {
    let mut rng = Rng::with_seed(16);
    let slow = upgrade(&mut rng, 60, 0.5);
    let but = |change: &dyn Fn(&mut Sample<'static>)| {
        let mut samples = slow.clone();
        samples.iter_mut().skip(60).for_each(change);
        samples
    };
    assert_eq!(slower(&slow).len(), 1);
    assert_eq!(slower(&but(&|sample| sample.tokens = 40_000)), []);
    assert_eq!(slower(&but(&|sample| sample.vram_share = Some(0.6))), []);
    assert_eq!(slower(&but(&|sample| sample.version = None)), []);
    assert_eq!(slower(&but(&|sample| sample.model = "other")), []);
    assert_eq!(
        slower(&but(&|sample| sample.endpoint = "v1/chat/completions")),
        []
    );
    assert_eq!(slower(&but(&|sample| sample.host = Some("slow-box"))), []);
    assert_eq!(slower(&slow[..89]), [], "29 on one side");
    let steady = |number: usize| if number < 60 { 100.0 } else { 93.0 };
    let little: Vec<Sample<'static>> = (0..120)
        .map(|number| sample(number, if number < 60 { "1" } else { "2" }, steady(number)))
        .collect();
    assert_eq!(slower(&little), [], "7 % is not much");
}

#[test]
fn the_order_of_the_samples_does_not_matter() {
    let mut rng = Rng::with_seed(16);
    let samples = upgrade(&mut rng, 60, 0.6);
    let mut shuffled = samples.clone();
    rng.shuffle(&mut shuffled);
    assert_eq!(slower(&samples), slower(&shuffled));
}

#[test]
fn bands_double_from_2048_tokens_on() {
    let bands: Vec<u32> = [0, 2047, 2048, 6143, 6144, 100_000]
        .map(context_band)
        .into();
    assert_eq!(bands, [0, 0, 1, 1, 2, 5]);
}

#[test]
fn another_quantization_is_named_and_not_its_file() {
    let samples: Vec<Sample<'static>> = (0..120)
        .map(|number| match number {
            0..60 => sample(number, "1", 60.0),
            _ => Sample {
                digest: Some("e"),
                quantization: Some("Q8_0"),
                ..sample(number, "1", 30.0)
            },
        })
        .collect();
    let found = slower(&samples);
    assert_eq!(found[0].dimension, Dimension::Quantization);
    assert_eq!(
        (found[0].from.as_str(), found[0].to.as_str()),
        ("Q4_K_M", "Q8_0")
    );
    assert_eq!((found[0].since, found[0].last), (60.0, 119.0));
}

#[test]
fn versions_that_take_turns_are_not_compared() {
    let samples: Vec<Sample<'static>> = (0..200)
        .map(|number| match number % 2 {
            0 => sample(number, "1", 60.0),
            _ => sample(number, "2", 30.0),
        })
        .collect();
    assert_eq!(slower(&samples), []);
}

#[test]
fn of_too_many_classes_those_stay_that_had_a_request_last() {
    let mut rng = Rng::with_seed(16);
    let mut gathered = Samples::default();
    let names: Vec<String> = (0..10 * CLASSES_MAX).map(|n| format!("m{n}")).collect();
    for (number, model) in names.iter().enumerate() {
        let one = Sample {
            model,
            ..sample(number, "1", 60.0)
        };
        gathered.add(&one);
    }
    for sample in upgrade(&mut rng, 60, 0.5) {
        let timestamp = sample.timestamp + 1e6;
        gathered.add(&Sample {
            timestamp,
            ..sample
        });
    }
    assert!(gathered.models().len() <= 2 * CLASSES_MAX);
    assert_eq!(gathered.slower().len(), 1);
}
