-- The address by which mail of the time before this store was counted: where it is another now, all is counted anew.

ALTER TABLE contact_engagement ADD COLUMN email VARCHAR;
DELETE FROM engagement_mark;
