-- What editing, pausing, lifting and deleting need beyond the model of 0001 (SPEC 2, 3).

ALTER TABLE sequence ADD COLUMN paused_at TIMESTAMPTZ;       -- since when what is left of a spread stands still
ALTER TABLE sequence ADD COLUMN existing_after UUID;         -- enrollExisting has got so far; NULL: nothing is left

ALTER TABLE step ADD COLUMN open_at TIMESTAMPTZ;             -- the last tick that could have sent it
ALTER TABLE step ADD COLUMN walled_at TIMESTAMPTZ;           -- the first tick since then that could not

-- One random key a store: a deleted address is kept as a hash that nobody can look up elsewhere.
CREATE TABLE store_key (purpose VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE audit (
    id          UUID NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    who         VARCHAR NOT NULL,
    what        VARCHAR NOT NULL,
    details     VARCHAR NOT NULL             -- a JSON object
);

-- The status that a suppression gives its contact; a manual one gives none.
CREATE MACRO status_of_suppression(reason) AS CASE reason
    WHEN 'unsubscribe' THEN 'unsubscribed'
    WHEN 'bounce' THEN 'bounced'
    WHEN 'complaint' THEN 'complained'
END;

-- Of two statuses the firmer holds.
CREATE MACRO firmness(status) AS coalesce(list_position(['bounced', 'unsubscribed', 'complained'], status), 0);

-- What stands on the message that an exit skips.
CREATE MACRO skip_reason(exit_reason) AS CASE
    WHEN exit_reason = 'suppressed' THEN 'suppressed'
    WHEN exit_reason IN ('unsubscribed', 'bounced', 'complained', 'contact_deleted') THEN 'inactive'
    ELSE 'exited'
END;
