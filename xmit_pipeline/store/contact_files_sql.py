"""The statements that turn a contact file into `staged_contact` and `refused_row`.

A file's columns are called c0, c1, ... here, so that no header ever becomes part of a statement. What a
column's role makes of its values is in `contact_files_values`.
"""

# on one thread: of two, the second may begin inside a quoted value and take its lines for rows
READ_CSV = """
CREATE OR REPLACE TEMP TABLE staged_source AS
FROM read_csv(
    $path,
    columns = $columns,
    delim = $delimiter,
    quote = '"',
    escape = '"',
    nullstr = '',
    header = true,
    skip = $blank_lines,
    auto_detect = false,
    compression = 'none',
    hive_partitioning = false,
    parallel = false,
    store_rejects = true,
    rejects_table = 'staged_reject',
    rejects_scan = 'staged_reject_scan'
)
"""

PARQUET_COLUMNS = """
DESCRIBE FROM read_parquet($path, hive_partitioning = false)
"""

READ_PARQUET = """
CREATE OR REPLACE TEMP TABLE staged_source AS
SELECT {values}
FROM read_parquet($path, hive_partitioning = false) AS source({names})
"""

# what READ_CSV leaves of its rejected rows, for a file that has none
NO_REJECTS = """
CREATE OR REPLACE TEMP TABLE staged_reject (
    line UBIGINT, byte_position UBIGINT, error_type VARCHAR, csv_line VARCHAR, error_message VARCHAR
)
"""

# DuckDB tells a rejected row's own line; the k-th of them moves every row after it down by k
NUMBER_REJECTS = """
CREATE OR REPLACE TEMP TABLE staged_shift AS
SELECT
    line - $first_line - (row_number() OVER by_line - 1) AS position,
    row_number() OVER by_line AS shift
FROM (SELECT DISTINCT line FROM staged_reject)
WINDOW by_line AS (ORDER BY line)
"""

STAGE_ROWS = """
CREATE OR REPLACE TEMP TABLE staged_row AS
WITH cleaned AS (
    SELECT rowid AS position, {cleaned}
    FROM staged_source
    WHERE c0 IS DISTINCT FROM $last_row
)
SELECT
    cleaned.position + $first_line + coalesce(staged_shift.shift, 0) AS line,
    {address} AS address,
    {first_name} AS first_name,
    {last_name} AS last_name,
    {timezone} AS timezone,
    {standing} AS standing,
    {metadata} AS metadata,
    {attributes} AS attributes,
    coalesce({columns}) IS NULL AS blank,
    coalesce(
        {address_fault},
        CASE
            WHEN {long_header} IS NOT NULL
                THEN 'The value in "' || {long_header} || '" is longer than {value_length} characters.'
            WHEN NOT ({good_attributes})
                THEN '"' || {attributes_header} || '" holds no JSON object; --map "' || {attributes_header}
                    || '=notes" imports it as text.'
            WHEN standing = {undecided}
                THEN 'The file says "' || {undecided_word} || '": not someone who agreed to be mailed.'
        END
    ) AS fault
FROM cleaned
ASOF LEFT JOIN staged_shift ON cleaned.position >= staged_shift.position
"""

# Later values fill (SPEC 9): arg_max passes over NULL, so a blank never erases what another row said.
# A refused row is still heard where it says that its address must not be mailed. Numbers are Standing's.
STAGE_CONTACTS = """
CREATE OR REPLACE TEMP TABLE staged_contact AS
WITH good AS MATERIALIZED (
    SELECT
        line, lower(address) AS address, first_name, last_name, timezone, standing,
        CASE
            WHEN attributes IS NULL THEN metadata
            ELSE json_merge_patch(attributes, metadata)::VARCHAR
        END AS metadata,
        coalesce(regexp_matches(attributes, ':\\s*(null|"\\s*")'), false) AS has_blanks
    FROM staged_row
    WHERE fault IS NULL AND NOT blank
),
person AS MATERIALIZED (
    SELECT
        address,
        min(line) AS line,
        arg_max(first_name, line) AS first_name,
        arg_max(last_name, line) AS last_name,
        arg_max(timezone, line) AS timezone,
        max(standing) AS standing,
        any_value(metadata) AS metadata,
        count(*) > 1 OR bool_or(has_blanks) AS by_key
    FROM good
    GROUP BY address
),
last_said AS (
    SELECT good.address, entry.key, arg_max(entry.value, good.line) AS value
    FROM good
    SEMI JOIN (FROM person WHERE by_key) AS person USING (address)
    CROSS JOIN json_each(good.metadata) AS entry
    WHERE NOT regexp_full_match(entry.value::VARCHAR, 'null|"\\s*"')
    GROUP BY good.address, entry.key
),
barred AS (
    SELECT lower(address) AS address, max(standing) AS standing
    FROM staged_row
    WHERE fault IS NOT NULL AND standing > 0
    GROUP BY lower(address)
),
gathered AS (
    SELECT address, json_group_object(key, value)::VARCHAR AS metadata
    FROM last_said
    GROUP BY address
)
SELECT
    person.line,
    person.address AS email,
    person.first_name,
    person.last_name,
    person.timezone,
    CASE greatest(person.standing, barred.standing)
        WHEN 1 THEN 'bounced'
        WHEN 2 THEN 'unsubscribed'
        WHEN 3 THEN 'complained'
    END AS status,
    CASE WHEN person.by_key THEN coalesce(gathered.metadata, '{}') ELSE person.metadata END AS metadata
FROM person
LEFT JOIN gathered USING (address)
LEFT JOIN barred USING (address)
"""

REFUSE_ROWS = """
CREATE OR REPLACE TEMP TABLE refused_row AS
SELECT line, left(address, 254) AS address, fault AS reason
FROM staged_row
WHERE fault IS NOT NULL AND NOT blank
"""

REFUSE_REJECTS = """
INSERT INTO refused_row
WITH rejected AS (
    SELECT
        line,
        arg_min(error_type::VARCHAR, byte_position) AS kind,
        arg_max(error_message, byte_position) AS message,
        any_value(csv_line) AS text
    FROM staged_reject
    GROUP BY line
)
SELECT
    line,
    left(nullif(regexp_extract(text, $address_pattern), ''), 254),
    CASE
        WHEN kind IN ('MISSING COLUMNS', 'TOO MANY COLUMNS')
            THEN 'The header has ' || regexp_extract(message, 'Columns: (\\d+)', 1)
                || ' columns, this row ' || regexp_extract(message, 'Found: (\\d+)', 1) || '.'
        WHEN kind = 'UNQUOTED VALUE'
            THEN 'A quote in the row is not closed, or stands single inside a quoted value.'
        WHEN kind = 'INVALID ENCODING'
            THEN 'The row holds bytes that are not UTF-8; save the file as UTF-8.'
        WHEN kind = 'LINE SIZE OVER MAXIMUM'
            THEN 'The row is longer than 2,000,000 bytes; a quote may not be closed.'
        ELSE 'The row is not CSV: ' || message
    END || CASE
        WHEN regexp_matches(trim(split_part(text, $last_row, 1), $line_ends), '[\\r\\n]')
            THEN ' It takes in the lines after it, up to the next quote.'
        ELSE ''
    END
FROM rejected
"""

COUNT_ROWS = """
SELECT
    (SELECT count(*) FROM staged_row WHERE fault IS NULL AND NOT blank),
    (SELECT count(*) FROM staged_contact),
    (SELECT count(*) FROM refused_row)
"""

FORGET_ROWS = """
DROP TABLE IF EXISTS staged_source;
DROP TABLE IF EXISTS staged_reject;
DROP TABLE IF EXISTS staged_reject_scan;
DROP TABLE IF EXISTS staged_shift;
DROP TABLE IF EXISTS staged_row;
"""
