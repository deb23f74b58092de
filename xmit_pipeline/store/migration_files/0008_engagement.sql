-- When each contact last gave a sign of life (SPEC 7), for re-engagement; derived from events, made anew per contact.

CREATE TABLE contact_engagement (
    contact_id        UUID NOT NULL USING COMPRESSION uncompressed,
    last_delivered_at TIMESTAMPTZ,
    last_opened_at    TIMESTAMPTZ,           -- by a human; machine opens are none
    last_clicked_at   TIMESTAMPTZ            -- by a human; a scanner's clicks are none
);

-- How far the fold has got: events before and at that moment, as they were counted then.
CREATE TABLE engagement_mark (
    folded_through TIMESTAMPTZ NOT NULL,
    before         BIGINT NOT NULL,
    there          BIGINT NOT NULL
);
