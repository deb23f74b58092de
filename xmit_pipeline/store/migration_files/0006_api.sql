-- What the REST API needs beyond the model of 0001 (SPEC 8).

ALTER TABLE api_key ADD COLUMN scope VARCHAR DEFAULT 'full';   -- full, read

-- A step sent to one address to look at: no enrollment and no message, but a request that holds its place.
CREATE TABLE test_send (
    id          UUID NOT NULL,               -- its message's id in the mail
    request_id  UUID NOT NULL,
    email       VARCHAR NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);
