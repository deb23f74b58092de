-- The hourly exchange of suppressions with SendGrid (SPEC 7): how far it has come, and what came of it.

-- A row a list of SendGrid's. While `window_end` is set, a pull is under way and goes on from `window_offset`.
CREATE TABLE suppression_pull (
    list          VARCHAR NOT NULL,          -- bounces, invalid_emails, spam_reports, unsubscribes
    pulled_until  TIMESTAMPTZ,               -- everything that came onto the list before this is known
    window_start  TIMESTAMPTZ,               -- NULL: from the beginning
    window_end    TIMESTAMPTZ,
    window_offset INTEGER NOT NULL,
    finished_at   TIMESTAMPTZ                -- the last whole pull
);

-- What a pull brought that was not known here: the webhook should have told, and may still.
CREATE TABLE suppression_found (
    email       VARCHAR NOT NULL,
    list        VARCHAR NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,        -- when SendGrid put it on the list
    found_at    TIMESTAMPTZ NOT NULL
);

-- What was told to SendGrid of a suppression of ours: once each.
CREATE TABLE suppression_told (
    suppression_id UUID NOT NULL,
    what           VARCHAR NOT NULL,         -- pushed, lifted
    target         VARCHAR NOT NULL,         -- pushed: global, or an ASM group's number
    told_at        TIMESTAMPTZ NOT NULL
);
