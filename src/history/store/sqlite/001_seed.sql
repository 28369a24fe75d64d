-- The table as it was before there was a tap: its databases are carried on, and its tools read ours.
CREATE TABLE IF NOT EXISTS interactions (
    interaction_id TEXT PRIMARY KEY,
    timestamp REAL,
    model TEXT,
    endpoint TEXT,
    prompt_category TEXT,
    prompt_full TEXT,
    prompt_tokens INTEGER,
    generated_tokens INTEGER,
    tokens_per_second REAL,
    duration_seconds REAL,
    eval_duration_seconds REAL,
    load_duration_seconds REAL,
    status TEXT,
    error TEXT,
    metadata TEXT
);
