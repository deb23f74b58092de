-- Outgoing webhooks (SPEC 8): who wants to hear of what, and an outbox of their own.

CREATE TABLE webhook_endpoint (
    id            UUID NOT NULL,
    url           VARCHAR NOT NULL,
    description   VARCHAR,
    secret        VARCHAR NOT NULL,          -- signs each body, so it can't be kept as a hash
    enabled       BOOLEAN NOT NULL,
    disabled_reason VARCHAR,                 -- why it was disabled, where no person did it
    failing_since TIMESTAMPTZ,               -- the first of the failures in a row
    failures      INTEGER NOT NULL,          -- in a row
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    deleted_at    TIMESTAMPTZ
);

-- One row a type that an endpoint wants. What became known before `heard_from` is none of its business.
CREATE TABLE webhook_subscription (
    endpoint_id UUID NOT NULL,
    type        VARCHAR NOT NULL,            -- email.sent, enrollment.exited, ...
    heard_from  TIMESTAMPTZ NOT NULL
);

-- What was known already, but not before `heard_from`, when a subscription began: never told.
CREATE TABLE webhook_mark (
    endpoint_id UUID NOT NULL,
    type        VARCHAR NOT NULL,
    subject     UUID NOT NULL USING COMPRESSION uncompressed,
    known_at    TIMESTAMPTZ NOT NULL
);

-- One row a thing to tell to one endpoint; at most one per (endpoint, type, subject).
CREATE TABLE webhook_delivery (
    id            UUID NOT NULL USING COMPRESSION uncompressed,
    endpoint_id   UUID NOT NULL,
    type          VARCHAR NOT NULL,
    subject       UUID NOT NULL USING COMPRESSION uncompressed,  -- the message, the enrollment, or a hash of the event
    known_at      TIMESTAMPTZ NOT NULL,      -- when the store learned of it
    message_id    UUID USING COMPRESSION uncompressed,
    enrollment_id UUID USING COMPRESSION uncompressed,
    sequence_id   UUID,
    step_id       UUID,
    contact_id    UUID USING COMPRESSION uncompressed,
    email         VARCHAR,
    happened_at   TIMESTAMPTZ NOT NULL,
    details       VARCHAR,                   -- a JSON object: what only this type has
    state         VARCHAR NOT NULL,          -- waiting, delivered, failed
    attempts      INTEGER NOT NULL,
    tries_left    INTEGER NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    next_attempt_at TIMESTAMPTZ,             -- NULL once it is over
    attempted_at  TIMESTAMPTZ,
    delivered_at  TIMESTAMPTZ,
    status_code   INTEGER,                   -- of the last attempt; NULL where no answer came
    words         VARCHAR
);

-- When each type's facts were last looked through: by the tick's time and by the wall clock.
CREATE TABLE webhook_look (
    type      VARCHAR NOT NULL,
    moment    TIMESTAMPTZ NOT NULL,
    looked_at TIMESTAMPTZ NOT NULL
);
