-- A file that can't be moved away is known for good, also after others of its list: by its place on the disk (SPEC 2).

ALTER TABLE landing_file ADD COLUMN inode BIGINT;  -- NULL: folded before this was kept
