-- Statistics find the client in it as well, which `metadata` tells.
DROP INDEX interactions_facts;
CREATE INDEX interactions_facts ON interactions (
    timestamp, interaction_id, model, endpoint, prompt_category, status, prompt_tokens, generated_tokens, tokens_per_second,
    duration_seconds, time_to_first_token_seconds, metadata
);
