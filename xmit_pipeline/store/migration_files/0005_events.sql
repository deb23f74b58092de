-- Events as they are folded, and what is derived from them (SPEC 7).

ALTER TABLE event ADD COLUMN identity UBIGINT;               -- a hash of its content: with message_id, once
ALTER TABLE event ADD COLUMN effect VARCHAR;                 -- what it says of its message; NULL: nothing that counts
ALTER TABLE event ADD COLUMN suppresses VARCHAR;             -- unsubscribe, bounce, complaint
ALTER TABLE event ADD COLUMN url VARCHAR;
ALTER TABLE event ADD COLUMN attempt VARCHAR;
ALTER TABLE event ADD COLUMN ip VARCHAR;
ALTER TABLE event ADD COLUMN useragent VARCHAR;
ALTER TABLE event ADD COLUMN response VARCHAR;               -- the receiving server's words
ALTER TABLE event ADD COLUMN reason VARCHAR;
ALTER TABLE event ADD COLUMN status VARCHAR;                 -- an enhanced status code, as 5.1.1
ALTER TABLE event ADD COLUMN type VARCHAR;                   -- of a bounce: bounce, blocked
ALTER TABLE event ALTER COLUMN raw DROP NOT NULL;            -- of kinds that we do not know; the archive has all
ALTER TABLE event ADD COLUMN machine BOOLEAN;                -- an open that SendGrid blames on a mail program

-- Files of the landing zone that are in the store; kept a while, for a death between commit and removal.
CREATE TABLE event_file (
    name      VARCHAR NOT NULL,
    entries   INTEGER NOT NULL,
    folded_at TIMESTAMPTZ NOT NULL
);

-- What folded events ask for and nobody has done yet: written by the fold, taken up by `suppressions`.
CREATE TABLE event_consequence (
    email       VARCHAR NOT NULL,
    what        VARCHAR NOT NULL,            -- unsubscribe, bounce, complaint; soft: count the address's soft bounces
    happened_at TIMESTAMPTZ NOT NULL
);

-- What one message's events come to; made anew whenever one arrives, never incremented.
CREATE TABLE message_feedback (
    message_id   UUID NOT NULL USING COMPRESSION uncompressed,
    delivered    BOOLEAN NOT NULL,           -- also where only an open, click, complaint or unsubscribe says so
    opens        INTEGER NOT NULL,
    human_opens  INTEGER NOT NULL,
    clicks       INTEGER NOT NULL,
    human_clicks INTEGER NOT NULL,
    bounced      BOOLEAN NOT NULL,
    blocked      BOOLEAN NOT NULL,
    dropped      BOOLEAN NOT NULL,
    complained   BOOLEAN NOT NULL,
    unsubscribed BOOLEAN NOT NULL
);

-- Who unsubscribed by the link of which message: SendGrid never hears of it, so no event tells.
CREATE TABLE link_unsubscribe (
    message_id  UUID NOT NULL USING COMPRESSION uncompressed,
    happened_at TIMESTAMPTZ NOT NULL
);

-- The scanner rule by which `message_feedback` was made; another one makes it anew.
CREATE TABLE scanner_rule (
    seconds INTEGER NOT NULL,
    links   INTEGER NOT NULL,
    applied BOOLEAN NOT NULL                 -- false while rows by the rule before are left
);

CREATE TABLE step_metric_due (step_id UUID NOT NULL);        -- steps to count anew
CREATE TABLE step_metric_count (counted_at TIMESTAMPTZ NOT NULL);   -- one row: when changes were last looked for

ALTER TABLE step_metric ADD COLUMN delivered INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN opens INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN unique_opens INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN human_opens INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN clicks INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN unique_clicks INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN human_clicks INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN bounces INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN complaints INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN unsubscribes INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN blocked INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN dropped INTEGER DEFAULT 0;
ALTER TABLE step_metric ADD COLUMN skipped_reasons VARCHAR DEFAULT '{}';   -- a JSON object: reason -> messages

ALTER TABLE enrollment ADD COLUMN exit_event_at TIMESTAMPTZ; -- when the event happened that ended it; NULL: none did
ALTER TABLE domain ADD COLUMN warmup_resumed_at TIMESTAMPTZ; -- health looks no further back
