-- What a clock that was wrong for a while must not disturb (SPEC 6.10).

ALTER TABLE tick ADD COLUMN place BIGINT;                        -- the order in which ticks began, whatever the clock said
UPDATE tick SET place = placed.place
FROM (SELECT id, row_number() OVER (ORDER BY started_at, id) AS place FROM tick) AS placed
WHERE tick.id = placed.id;

-- The last spell in which the warmup was active, once it is over: where the clock was ahead, it ended too late.
ALTER TABLE domain ADD COLUMN warmup_spell_began TIMESTAMPTZ;
ALTER TABLE domain ADD COLUMN warmup_spell_ended TIMESTAMPTZ;
