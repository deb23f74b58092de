-- What lands by file or from other pipelines (SPEC 2, Triggers).

-- Pairs that wait for the next tick: seen on the list while the sequence was active, not yet enrolled in it.
CREATE TABLE list_firing (
    list_id     UUID NOT NULL USING COMPRESSION uncompressed,
    sequence_id UUID NOT NULL USING COMPRESSION uncompressed,
    contact_id  UUID NOT NULL USING COMPRESSION uncompressed,
    seen_at     TIMESTAMPTZ NOT NULL
);

-- Every file that was taken from the landing zone, written with the last rows of it.
CREATE TABLE landing_file (
    id          UUID NOT NULL,
    folder      VARCHAR NOT NULL,            -- contacts, lists, lists/add
    name        VARCHAR NOT NULL,
    list_name   VARCHAR,
    size        BIGINT NOT NULL,             -- in bytes
    modified_ns BIGINT NOT NULL,             -- the file's own time
    sha256      VARCHAR NOT NULL,
    rows        INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    joined      INTEGER NOT NULL,
    gone        INTEGER NOT NULL,
    waiting     INTEGER NOT NULL,            -- enrollments left to the next tick
    fault       VARCHAR,                     -- why it was refused as a whole
    folded_at   TIMESTAMPTZ NOT NULL
);
