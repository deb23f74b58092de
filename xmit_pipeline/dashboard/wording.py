"""The words and tones that states have on a page; a state is always written, never told by colour alone."""

STATUSES = {
    "draft": ("Draft", "quiet"),
    "active": ("Active", "good"),
    "paused": ("Paused", "warn"),
    "archived": ("Archived", "quiet"),
    "completed": ("Completed", "note"),
    "exited": ("Exited", "quiet"),
    "unsubscribed": ("Unsubscribed", "warn"),
    "bounced": ("Bounced", "bad"),
    "complained": ("Complained", "bad"),
    "waiting": ("Waiting", "note"),
    "claimed": ("Going out", "note"),
    "sent": ("Sent", "good"),
    "skipped": ("Skipped", "quiet"),
    "failed": ("Failed", "bad"),
    "unknown": ("Unknown", "warn"),
    "held": ("Held", "bad"),
    "inactive": ("Off", "quiet"),
    "healthy": ("Healthy", "good"),
    "warning": ("Warning", "warn"),
    "critical": ("Critical", "bad"),
    "verified": ("Verified", "good"),
    "unverified": ("Not verified", "warn"),
    "default": ("Default", "note"),
    "delivered": ("Delivered", "good"),
    "enabled": ("On", "good"),
    "disabled": ("Off", "quiet"),
    "revoked": ("Revoked", "quiet"),
    "ok": ("OK", "good"),
    "alive": ("Runs", "good"),
    "stopped": ("Stands still", "bad"),
    "uploaded": ("Not taken in yet", "note"),
    "running": ("Running", "note"),
    "interrupted": ("Interrupted", "bad"),
    "done": ("Done", "good"),
}

REASONS = {
    "unsubscribed": "unsubscribed",
    "bounced": "bounced",
    "complained": "reported spam",
    "suppressed": "suppressed",
    "rejected": "refused by SendGrid",
    "delivery_failed": "delivery failed",
    "manual": "taken out by hand",
    "archived": "sequence archived",
    "contact_deleted": "contact deleted",
    "inactive": "not active any more",
    "exited": "had left",
    "step_deleted": "step deleted",
    "render_error": "text could not be rendered",
    "already_enrolled": "enrolled before",
    "not_found": "not found",
    "duplicate": "named twice",
}

EVENTS = {
    "processed": "SendGrid is sending it",
    "delivered": "Delivered",
    "deferred": "Their server asked to wait",
    "bounce": "Bounced",
    "dropped": "SendGrid did not send it on",
    "open": "Opened",
    "click": "Clicked",
    "spamreport": "Reported as spam",
    "unsubscribe": "Unsubscribed",
    "group_unsubscribe": "Unsubscribed",
}

SUPPRESSIONS = {
    "unsubscribe": "unsubscribed",
    "bounce": "mail to it bounced for good",
    "complaint": "reported as spam",
    "manual": "suppressed by hand",
}

SOURCES = {
    "api": "by hand or a program",
    "dashboard": "by hand, here",
    "event": "told by SendGrid",
    "feed": "a list's file",
    "import": "an import",
    "link": "the link in a mail",
    "list_add": "joining the list",
    "manual": "by hand or a program",
    "existing": "on the list when it was activated",
    "sendgrid": "SendGrid's own list",
    "soft_bounces": "bounced again and again",
}

CHECKS = {
    "store": "Everything known can be read and written.",
    "schedule": "Mail goes out each minute in which some is due.",
}

WALLS = {
    "step_held": "the step is held",
    "sender_unusable": "its sender can't be used",
    "warmup_paused": "the domain's warmup is paused",
    "sequence_paused": "the sequence is paused",
    "contact_gap": "another mail went to them lately",
}

TRIGGERS = {"list_add": "List", "manual": "API or by hand"}


def status(name: str) -> tuple[str, str]:
    """A state's word, and its tone: good, note, warn, bad or quiet."""
    return STATUSES.get(name, (name.replace("_", " ").capitalize(), "quiet"))


def reason(name: str | None) -> str:
    """Why something was skipped or left, in words."""
    return REASONS.get(name or "", (name or "").replace("_", " "))


def reasons(counts: dict[str, int]) -> str:
    """`3 suppressed, 1 had left`, the most frequent first."""
    return ", ".join(
        f"{counts[name]:,} {reason(name)}" for name in sorted(counts, key=lambda each: -counts[each])
    )


def suppression(name: str) -> str:
    """Why an address is not mailed, in words."""
    return SUPPRESSIONS.get(name, name)


def source(name: str) -> str:
    """Where a suppression or an enrollment came from, in words."""
    cohort = name.removeprefix("reengagement ")
    return f"re-engaging those of {cohort}" if cohort != name else SOURCES.get(name, name)


def wall(name: str) -> str:
    """What keeps people waiting, in words."""
    return WALLS.get(name, name.replace("_", " "))


def event(kind: str) -> str:
    """What SendGrid's event of this kind says."""
    return EVENTS.get(kind, kind.replace("_", " ").capitalize())
