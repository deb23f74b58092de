"""xmit: drip campaigns as a data pipeline on Dagster and DuckDB."""
