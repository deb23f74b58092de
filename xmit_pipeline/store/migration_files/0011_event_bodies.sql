-- A folded body is known by what it is, too: a name may be used again by another program (SPEC 7).

ALTER TABLE event_file ADD COLUMN size BIGINT;     -- bytes; NULL: folded before this was kept
ALTER TABLE event_file ADD COLUMN digest VARCHAR;  -- SHA-256 of them, hexadecimal
