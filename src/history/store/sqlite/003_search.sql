-- Which rows have which three letters in a row in the beginning of their prompts, by rowid. Only whether, not where. What was
-- deleted stays in it until it is built anew.
CREATE VIRTUAL TABLE search USING fts5 (
    prompt, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
);

-- Rows up to this one are in the index; it holds so many, those that were deleted since included.
CREATE TABLE search_progress (upto INTEGER NOT NULL, held INTEGER NOT NULL);
INSERT INTO search_progress VALUES (0, 0);
