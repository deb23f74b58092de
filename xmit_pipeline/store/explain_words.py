"""The facts about one enrollment in sentences, in the order in which they happened; no SQL."""

from datetime import datetime, timedelta
from typing import Any

Facts = dict[str, Any]

TICKS_ARE_LATE = timedelta(minutes=10)

SOURCES = {
    "list_add": "because they came onto its list",
    "import": "by an import onto its list",
    "feed": "because a file or another pipeline put them on its list",
    "manual": "by a call or by hand",
    "existing": "as a member of its list when it was activated",
}
EXITS = {
    "unsubscribed": "they unsubscribed",
    "bounced": "their address bounced for good",
    "complained": "they reported a mail as spam",
    "suppressed": "their address is suppressed",
    "rejected": "SendGrid refuses their address",
    "delivery_failed": "every attempt to deliver failed",
    "manual": "a team member took them out",
    "archived": "the sequence was archived",
    "contact_deleted": "the contact was deleted",
}
SKIPS = {
    "suppressed": "the address was suppressed",
    "inactive": "the contact was not active any more",
    "exited": "they had left the sequence",
    "step_deleted": "the step was deleted",
    "render_error": "its text could not be rendered for this person",
}
REQUESTS = {
    "claimed": "is being prepared",
    "inflight": "is under way",
    "accepted": "was accepted by SendGrid",
    "refused": "was refused by SendGrid",
    "released": "was not posted, or surely did not arrive",
    "unknown": "left, and no answer came",
}


def sentences_about(facts: Facts, unknown_after: timedelta) -> list[str]:
    """How they came in, what became of each message, what they wait for and until when, or why it is over.

    `unknown_after`: how long a message stays unknown before the policy decides (SPEC 6.6).
    """
    told = [_enrolled(facts)]
    for message in facts["messages"]:
        told += _message(message, unknown_after)
    told += _suppressed(facts)
    match facts["status"]:
        case "completed":
            return [*told, f"They have been through all steps since {_at(facts['ended_at'])}."]
        case "exited":
            why = EXITS.get(facts["exit_reason"], facts["exit_reason"])
            return [*told, f"They left the sequence on {_at(facts['ended_at'])}: {why}."]
        case "paused":
            return [*told, _paused(facts)]
        case _:
            return told + _active(facts)


def _enrolled(facts: Facts) -> str:
    who = facts["email"] or "A deleted contact"
    cohort = facts["source"].removeprefix("reengagement ")
    how = SOURCES.get(facts["source"], f"by {facts['source']}")
    if cohort != facts["source"]:
        how = f"by re-engagement, with those whose last sign of life was in {cohort}"
    return f"{who} was enrolled in {facts['sequence_name']!r} on {_at(facts['enrolled_at'])}, {how}."


def _message(message: Facts, unknown_after: timedelta) -> list[str]:
    name = f"{message['step_name']!r}"
    told = [f"{name}: {_attempt(attempt)}." for attempt in message["attempts"]]
    match message["state"]:
        case "sent":
            how = (
                "is presumed sent (no answer came, and none contradicts it)"
                if message["presumed"]
                else "was sent"
            )
            told.append(f"{name} {how} to {message['email']} on {_at(message['sent_at'])}.")
        case "skipped":
            why = SKIPS.get(message["reason"], message["reason"])
            told.append(
                f"{name} was skipped on {_at(message['settled_at'])}: {why}{_quoted(message['words'])}."
            )
        case "failed":
            told.append(
                f"{name} failed on {_at(message['settled_at'])}: {message['reason']}{_quoted(message['words'])}."
            )
        case "unknown":
            told.append(_unknown(name, message, unknown_after))
        case "claimed":
            told.append(
                f"{name} is in a request that is not settled yet; the tick at work, or the next one, does it."
            )
        case _:
            told.append(
                f"{name} waits, in no open request; its original due time is {_at(message['due_at'])}."
            )
    return told + [f"{name}: {_event(event)}." for event in message["events"]]


def _attempt(attempt: Facts) -> str:
    when = attempt["posted_at"] or attempt["created_at"]
    answer = f" (answer {attempt['status_code']})" if attempt["status_code"] else ""
    fate = "it left the request before the post" if attempt["withdrawn"] else REQUESTS[attempt["state"]]
    return f"the request of {_at(when)} {fate}{answer}{_quoted(attempt['words'])}"


def _unknown(name: str, message: Facts, unknown_after: timedelta) -> str:
    posted = message["sent_at"] or message["created_at"]
    return (
        f"{name} is unknown since {_at(posted)}: its request left and no answer came, so it is not posted again by "
        f"itself. An event for it settles it; without one the policy decides, from {_at(posted + unknown_after)} on. "
        "`xmit unknown` shows all such mail."
    )


def _event(event: Facts) -> str:
    return f"{event['kind']} on {_at(event['happened_at'])}{_quoted(event['words'])}"


def _suppressed(facts: Facts) -> list[str]:
    told = [
        f"{facts['email']} is suppressed since {_at(row['created_at'])} ({row['reason']}, by {row['source']})"
        + (f", until {_at(row['expires_at'])}." if row["expires_at"] else ".")
        for row in facts["suppressions"]
    ]
    if facts["contact_status"] != "active" and not facts["suppressions"]:
        told.append(f"The contact is {facts['contact_status']}.")
    return told


def _paused(facts: Facts) -> str:
    since = f" since {_at(facts['paused_at'])}" if facts["paused_at"] else ""
    waits = f" {facts['step_name']!r} waits for them." if facts["step_name"] else ""
    return f"The sequence is paused{since}: nothing is sent until it is resumed.{waits}"


def _active(facts: Facts) -> list[str]:
    if facts["due_at"] is None:
        return ["The next step is decided when that message is settled."]
    step = f"Step {facts['step_number']}, {facts['step_name']!r},"
    due, now = facts["due_at"], facts["explained_at"]
    if due > now:
        return [f"{step} is due on {_at(due)}."]
    told = [f"{step} is due since {_at(due)}."]
    if facts["not_before"] and facts["not_before"] > now:
        return [
            *told,
            f"What came due during a hold or pause is spread; their turn is on {_at(facts['not_before'])}.",
        ]
    if facts["wall"]:
        told.append(_wall(facts))
        if facts["ahead"]:
            told.append(f"{facts['ahead']:,} people of this sequence have waited longer.")
        return told
    return [*told, _goes_next(facts)]


def _wall(facts: Facts) -> str:
    match facts["wall"]:
        case "step_held":
            since = _at(facts["step_held_at"])
            return f"The step is held since {since}: {facts['step_hold_reason']}. Edit or release it."
        case "sender_unusable" if facts["sender_held_at"]:
            return (
                f"The sender {facts['sender_email']} is held since {_at(facts['sender_held_at'])}: "
                f"{facts['sender_hold_reason']}. Release it when that is mended."
            )
        case "sender_unusable":
            return "Its sender can't be used: there is none, or its domain is not verified."
        case _:
            earliest = f" The earliest time is {_at(facts['earliest_at'])}." if facts["earliest_at"] else ""
            return f"It is deferred{_by_domain(facts['wall'], facts['domain'] or {})}.{earliest}"


def _by_domain(wall: str, domain: Facts) -> str:
    name = domain.get("name")
    day = f"{name}, day {domain.get('day')}: {domain.get('used')} of {domain.get('limit')} places taken"
    return {
        "contact_gap": ": they got another mail lately, and two mails to one person keep apart",
        "warmup_paused": f": the warmup of {name} is paused ({domain.get('pause_reason')})",
        "warmup_day": f": no place of this warmup day is left ({day})",
        "warmup_pace": f" by pacing: mail overdue by over an hour takes only its share of the day ({day})",
    }.get(wall, f": {wall}")


def _goes_next(facts: Facts) -> str:
    circuit, last = facts["circuit"], facts["last_tick_at"]
    if circuit:
        return (
            f"SendGrid has not been taking mail since {_at(circuit['opened_at'])} ({circuit['words']}); "
            f"the next try is on {_at(circuit['probe_at'])}."
        )
    if last is None or facts["explained_at"] - last > TICKS_ARE_LATE:
        since = f"since {_at(last)}" if last else "yet"
        return (
            f"Nothing is in its way, but no tick has run {since}; `xmit doctor` says whether `xmit up` runs."
        )
    return "Nothing is in its way: it goes out with the next tick."


def _quoted(words: str | None) -> str:
    return f" ({words})" if words else ""


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M UTC}"
