//! The upper bounds of the buckets of histograms.

/// Seconds of a whole request.
pub const REQUEST_SECONDS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];
/// Seconds of a part of a request, which may be much shorter.
pub const PART_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0,
];
/// Seconds until something starts.
pub const WAIT_SECONDS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0,
];
/// Seconds between two tokens.
pub const TOKEN_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5,
];
/// Tokens of a whole prompt, in powers of 4.
pub const PROMPT_TOKENS: &[f64] = &[
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
];
pub const PROMPT_TOKENS_PER_SECOND: &[f64] = &[
    10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 25_000.0, 50_000.0,
];
pub const TOKENS: &[f64] = &[10.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0];
pub const TOKENS_PER_SECOND: &[f64] = &[
    1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 90.0, 100.0, 150.0, 200.0,
];
/// Parts of a model's context, whole at 1.
pub const CONTEXT_RATIO: &[f64] = &[0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0, 1.5];
