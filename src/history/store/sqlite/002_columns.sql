-- What a record says beyond that.
ALTER TABLE interactions ADD COLUMN prompt_preview TEXT;
ALTER TABLE interactions ADD COLUMN response_full TEXT;
ALTER TABLE interactions ADD COLUMN response_preview TEXT;
ALTER TABLE interactions ADD COLUMN thinking_full TEXT;
ALTER TABLE interactions ADD COLUMN tool_calls TEXT;
ALTER TABLE interactions ADD COLUMN prompt_eval_duration_seconds REAL;
ALTER TABLE interactions ADD COLUMN total_duration_seconds REAL;
ALTER TABLE interactions ADD COLUMN time_to_first_token_seconds REAL;
ALTER TABLE interactions ADD COLUMN http_status INTEGER;
ALTER TABLE interactions ADD COLUMN stream INTEGER;
ALTER TABLE interactions ADD COLUMN done_reason TEXT;
ALTER TABLE interactions ADD COLUMN tokens_estimated INTEGER;
ALTER TABLE interactions ADD COLUMN request_bytes INTEGER;
ALTER TABLE interactions ADD COLUMN response_bytes INTEGER;
ALTER TABLE interactions ADD COLUMN truncated INTEGER;

-- A row needs a place in the order of the history, and an id to be asked for.
UPDATE interactions SET timestamp = coalesce(CAST(timestamp AS REAL), 0.0) WHERE typeof(timestamp) <> 'real';
UPDATE interactions SET interaction_id = lower(hex(randomblob(8))) WHERE typeof(interaction_id) <> 'text';

-- In the order of the history; statistics find all they need in it and read no text.
CREATE INDEX interactions_facts ON interactions (
    timestamp, interaction_id, model, endpoint, prompt_category, status, prompt_tokens, generated_tokens, tokens_per_second,
    duration_seconds, time_to_first_token_seconds
);
CREATE INDEX interactions_model ON interactions (model, timestamp, interaction_id);
CREATE INDEX interactions_category ON interactions (prompt_category, timestamp, interaction_id);
