-- The whole model of SPEC 1, plus the trigger ledger, requests and attempts, and the record of ticks.
-- No keys and no indexes: uniqueness rests on serialized transactions with anti-joins (docs/architecture.md).
-- UUID columns stay uncompressed: bit-packed 128-bit values cost 80 times as much to fetch by the row.

CREATE TABLE xmit_migration (number INTEGER NOT NULL);

CREATE TABLE contact (
    id           UUID NOT NULL USING COMPRESSION uncompressed,
    email        VARCHAR,                    -- case-folded; NULL once deleted
    address_hash VARCHAR,                    -- keyed hash of the address, kept when deleted
    first_name   VARCHAR,
    last_name    VARCHAR,
    metadata     VARCHAR NOT NULL,           -- a JSON object
    timezone     VARCHAR,
    status       VARCHAR NOT NULL,           -- active, unsubscribed, bounced, complained
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    deleted_at   TIMESTAMPTZ
);

CREATE TABLE list (
    id          UUID NOT NULL,
    name        VARCHAR NOT NULL,
    description VARCHAR,
    created_at  TIMESTAMPTZ NOT NULL,
    deleted_at  TIMESTAMPTZ
);

CREATE TABLE list_member (
    list_id    UUID NOT NULL USING COMPRESSION uncompressed,
    contact_id UUID NOT NULL USING COMPRESSION uncompressed,
    added_at   TIMESTAMPTZ NOT NULL
);

-- Every (list, contact) pair ever seen: a pair fires the list's sequences once, or was only marked (SPEC 2).
CREATE TABLE list_ledger (
    list_id    UUID NOT NULL USING COMPRESSION uncompressed,
    contact_id UUID NOT NULL USING COMPRESSION uncompressed,
    seen_at    TIMESTAMPTZ NOT NULL,
    left_at    TIMESTAMPTZ
);

CREATE TABLE domain (
    id         UUID NOT NULL,
    name       VARCHAR NOT NULL,
    verified   BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    warmup_state        VARCHAR NOT NULL,    -- inactive, active, paused, completed
    warmup_state_before VARCHAR,             -- what a resume returns to
    warmup_start        INTEGER NOT NULL,
    warmup_factor       DECIMAL(9, 4) NOT NULL,
    warmup_target       INTEGER NOT NULL,
    warmup_table        INTEGER[],           -- day limits given instead of the curve
    warmup_pacing       BOOLEAN NOT NULL,
    warmup_hold_target  BOOLEAN NOT NULL,
    warmup_midnights    INTEGER NOT NULL,    -- UTC midnights passed in earlier active spells
    warmup_active_since TIMESTAMPTZ,
    warmup_pause_reason VARCHAR
);

CREATE TABLE sender (
    id          UUID NOT NULL,
    domain_id   UUID NOT NULL,
    email       VARCHAR NOT NULL,
    name        VARCHAR,
    reply_to    VARCHAR,
    verified    BOOLEAN NOT NULL,
    is_default  BOOLEAN NOT NULL,
    held_at     TIMESTAMPTZ,
    hold_reason VARCHAR,
    created_at  TIMESTAMPTZ NOT NULL,
    deleted_at  TIMESTAMPTZ
);

CREATE TABLE template (
    id         UUID NOT NULL,
    name       VARCHAR NOT NULL,
    subject    VARCHAR NOT NULL,
    body_html  VARCHAR NOT NULL,
    body_text  VARCHAR,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE sequence (
    id              UUID NOT NULL,
    name            VARCHAR NOT NULL,
    status          VARCHAR NOT NULL,        -- draft, active, paused, archived
    trigger_type    VARCHAR NOT NULL,        -- list_add, manual
    trigger_list_id UUID,
    sender_id       UUID,
    enroll_existing BOOLEAN NOT NULL,
    reenroll        BOOLEAN NOT NULL,
    priority        INTEGER NOT NULL,        -- lower goes first, strictly
    resume_window_minutes INTEGER NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    activated_at    TIMESTAMPTZ,
    reordered_at    TIMESTAMPTZ,             -- a moved step may have been sent already: look before the next
    deleted_at      TIMESTAMPTZ
);

CREATE TABLE step (
    id            UUID NOT NULL,
    sequence_id   UUID NOT NULL,
    position      INTEGER NOT NULL,          -- order among all steps of the sequence, deleted ones included
    name          VARCHAR NOT NULL,
    subject       VARCHAR NOT NULL,
    body_html     VARCHAR NOT NULL,
    body_text     VARCHAR,
    delay_amount  INTEGER NOT NULL,
    delay_unit    VARCHAR NOT NULL,
    delay_minutes INTEGER NOT NULL,
    sender_id     UUID,
    held_at       TIMESTAMPTZ,
    hold_reason   VARCHAR,
    skip_failing  BOOLEAN NOT NULL,          -- released so that failing renders are skipped
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    deleted_at    TIMESTAMPTZ
);

-- Active with due_at: on the frontier from max(due_at, not_before). Active without: its message is open.
CREATE TABLE enrollment (
    id           UUID NOT NULL USING COMPRESSION uncompressed,
    sequence_id  UUID NOT NULL USING COMPRESSION uncompressed,
    contact_id   UUID NOT NULL USING COMPRESSION uncompressed,
    status       VARCHAR NOT NULL,           -- active, completed, paused, exited
    exit_reason  VARCHAR,
    source       VARCHAR NOT NULL,           -- list_add, import, manual, existing, ...
    step_id      UUID USING COMPRESSION uncompressed,   -- the step waited for
    due_at       TIMESTAMPTZ,                -- its original due time, a whole UTC minute
    not_before   TIMESTAMPTZ,                -- a resume's bump: from when it may be claimed
    message_id   UUID USING COMPRESSION uncompressed,   -- the message already written for step_id, if any
    last_step_id UUID USING COMPRESSION uncompressed,
    last_sent_at TIMESTAMPTZ,                -- the minute of the last post, or skip
    enrolled_at  TIMESTAMPTZ NOT NULL,
    ended_at     TIMESTAMPTZ
);

CREATE TABLE message (
    id            UUID NOT NULL USING COMPRESSION uncompressed,
    enrollment_id UUID NOT NULL USING COMPRESSION uncompressed,
    sequence_id   UUID NOT NULL USING COMPRESSION uncompressed,
    step_id       UUID NOT NULL USING COMPRESSION uncompressed,
    contact_id    UUID NOT NULL USING COMPRESSION uncompressed,
    email         VARCHAR NOT NULL,          -- fixed at claim
    state         VARCHAR NOT NULL,          -- waiting, claimed, sent, skipped, failed, unknown
    reason        VARCHAR,                   -- of a skip or failure
    words         VARCHAR,                   -- SendGrid's, or the render error's
    presumed      BOOLEAN NOT NULL,
    due_at        TIMESTAMPTZ NOT NULL,      -- goes back to the enrollment on release
    overdue       BOOLEAN NOT NULL,          -- claimed more than an hour late: counts against pacing
    request_id    UUID USING COMPRESSION uncompressed,  -- of its latest attempt
    created_at    TIMESTAMPTZ NOT NULL,
    sent_at       TIMESTAMPTZ,
    settled_at    TIMESTAMPTZ
);

-- One Mail Send call. Its places in a warmup day are `size`, on `quota_day`, while its state holds them.
CREATE TABLE request (
    id            UUID NOT NULL,
    tick_id       VARCHAR NOT NULL,
    sequence_id   UUID NOT NULL,
    step_id       UUID NOT NULL,
    sender_id     UUID NOT NULL,
    domain_id     UUID NOT NULL,
    state         VARCHAR NOT NULL,          -- claimed, inflight, accepted, refused, released, unknown
    size          INTEGER NOT NULL,
    overdue       INTEGER NOT NULL,          -- how many of them were overdue by more than an hour
    quota_day     DATE NOT NULL,
    day_limit     INTEGER,                   -- of its domain, as the claim saw it; NULL: none
    boot_id       VARCHAR,
    created_at    TIMESTAMPTZ NOT NULL,
    posted_at     TIMESTAMPTZ,
    settled_at    TIMESTAMPTZ,
    status_code   INTEGER,
    provider_id   VARCHAR,                   -- X-Message-Id
    words         VARCHAR
);

CREATE TABLE attempt (
    request_id UUID NOT NULL USING COMPRESSION uncompressed,
    message_id UUID NOT NULL USING COMPRESSION uncompressed,
    withdrawn  BOOLEAN NOT NULL              -- left the request before it was posted
);

CREATE TABLE suppression (
    id         UUID NOT NULL,
    email      VARCHAR NOT NULL,
    reason     VARCHAR NOT NULL,             -- unsubscribe, bounce, complaint, manual
    source     VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    lifted_at  TIMESTAMPTZ
);

CREATE TABLE event (
    sg_event_id VARCHAR,
    kind        VARCHAR NOT NULL,
    message_id  UUID,
    request_id  UUID,
    email       VARCHAR,
    happened_at TIMESTAMPTZ NOT NULL,
    folded_at   TIMESTAMPTZ NOT NULL,
    raw         VARCHAR NOT NULL             -- the entry as it came
);

CREATE TABLE api_key (
    id           UUID NOT NULL,
    name         VARCHAR NOT NULL,
    hash         VARCHAR NOT NULL,           -- SHA-256 of the whole key
    hint         VARCHAR NOT NULL,           -- its first characters, to tell keys apart
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);

CREATE TABLE tick (
    id          VARCHAR NOT NULL,            -- the Dagster run's id
    moment      TIMESTAMPTZ NOT NULL,        -- the tick's own time
    simulated   BOOLEAN NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,        -- wall clock
    finished_at TIMESTAMPTZ,
    note        VARCHAR,                     -- why it stopped early or did nothing
    superseded  BOOLEAN NOT NULL,            -- later than a clock that was accepted since
    claimed     INTEGER NOT NULL,
    sent        INTEGER NOT NULL,
    skipped     INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    unknown     INTEGER NOT NULL,
    deferred    INTEGER NOT NULL
);

-- A restored store or a wrong clock that an operator took back into service.
CREATE TABLE reconciliation (
    reconciled_at TIMESTAMPTZ NOT NULL,      -- wall clock
    journal_mark UUID,                       -- the journal's newest request then: known, though not in `request`
    requests     INTEGER NOT NULL,           -- taken back from the journal
    messages     INTEGER NOT NULL,
    strangers    INTEGER NOT NULL            -- journalled messages whose enrollment or step this store lacks
);

-- Figures per step and UTC day, refreshed by every tick for the steps it touched.
CREATE TABLE step_metric (
    step_id   UUID NOT NULL,
    day       DATE NOT NULL,
    sent      INTEGER NOT NULL,
    presumed  INTEGER NOT NULL,
    skipped   INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    unknown   INTEGER NOT NULL
);

-- The base32 suffix of a public id is id_suffix(id): 'con_' || id_suffix(contact.id).
-- For many rows compute id_high and id_low once and use id_digits: a macro repeats its arguments.
CREATE MACRO id_high(id) AS ('0x' || substr(replace(id::VARCHAR, '-', ''), 1, 16))::UBIGINT;
CREATE MACRO id_low(id) AS ('0x' || substr(replace(id::VARCHAR, '-', ''), 17, 16))::UBIGINT;
CREATE MACRO id_digit(digit) AS ('0123456789abcdefghjkmnpqrstvwxyz'[1 + (digit)::BIGINT]);
CREATE MACRO id_digits(high, low) AS concat(
    id_digit((high >> 61) & 31),
    id_digit((high >> 56) & 31),
    id_digit((high >> 51) & 31),
    id_digit((high >> 46) & 31),
    id_digit((high >> 41) & 31),
    id_digit((high >> 36) & 31),
    id_digit((high >> 31) & 31),
    id_digit((high >> 26) & 31),
    id_digit((high >> 21) & 31),
    id_digit((high >> 16) & 31),
    id_digit((high >> 11) & 31),
    id_digit((high >> 6) & 31),
    id_digit((high >> 1) & 31),
    id_digit(((high & 1) << 4) | (low >> 60)),
    id_digit((low >> 55) & 31),
    id_digit((low >> 50) & 31),
    id_digit((low >> 45) & 31),
    id_digit((low >> 40) & 31),
    id_digit((low >> 35) & 31),
    id_digit((low >> 30) & 31),
    id_digit((low >> 25) & 31),
    id_digit((low >> 20) & 31),
    id_digit((low >> 15) & 31),
    id_digit((low >> 10) & 31),
    id_digit((low >> 5) & 31),
    id_digit((low >> 0) & 31)
);
CREATE MACRO id_suffix(id) AS id_digits(id_high(id), id_low(id));
