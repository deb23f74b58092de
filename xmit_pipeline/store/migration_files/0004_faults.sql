-- What the outbox needs to live through SendGrid's bad days (SPEC 6.5, 6.6).

-- While a circuit is open a tick posts one message, once `probe_at` has come, and goes on only when it was taken.
CREATE TABLE circuit (
    id        UUID NOT NULL,
    cause     VARCHAR NOT NULL,              -- busy, unanswered, credentials, stranger
    words     VARCHAR NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    failures  INTEGER NOT NULL,              -- probes that failed since, the first answers counted as one
    probe_at  TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ
);

-- Answers of unknown fate in a row, as the tick ended: the next one counts on from there.
ALTER TABLE tick ADD COLUMN unanswered INTEGER DEFAULT 0;

ALTER TABLE sender ADD COLUMN probe_at TIMESTAMPTZ;              -- held: one message may try again from then on
ALTER TABLE request ADD COLUMN probe BOOLEAN DEFAULT false;      -- the one message of a held sender's try

ALTER TABLE request ADD COLUMN decided VARCHAR;                  -- unknown, and what was made of it: presumed, resent;
                                                                 -- accepted, after it was taken as not sent: proved_late
ALTER TABLE request ADD COLUMN looked_up_at TIMESTAMPTZ;         -- in SendGrid's log

ALTER TABLE message ADD COLUMN resends INTEGER DEFAULT 0;        -- how often the policy `resend` let it go again
ALTER TABLE message ADD COLUMN accepted_twice BOOLEAN DEFAULT false;
