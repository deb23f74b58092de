"""Addresses that must not be mailed (SPEC 1, 3)."""

ACTIVE_SUPPRESSIONS = """
SELECT email, arg_min(reason, created_at) AS reason
FROM suppression
WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $now)
GROUP BY email
"""
"""One row an address that is suppressed at `$now`, for use as a subquery."""
