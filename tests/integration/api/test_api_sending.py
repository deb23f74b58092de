"""Domains, their warmup, and senders."""

from datetime import timedelta

import pytest

from tests.integration.api.client import START, Api
from xmit_pipeline.store.warmup import turn_of_day

NO_LIMIT = {
    "enabled": False,
    "state": "inactive",
    "start": 25,
    "factor": 1.5,
    "target": 5000,
    "table": None,
    "pacing": True,
    "holdTarget": False,
    "day": None,
    "limit": None,
    "used": 0,
    "left": None,
    "pauseReason": None,
}


def test_domain_is_kept_as_declared(api: Api) -> None:
    """SPEC 8: the operator may declare a domain verified; the name is folded."""
    made = api.made("/api/domains", {"name": " Mail.Example.com "})

    assert (made["name"], made["verified"], made["createdAt"]) == (
        "mail.example.com",
        False,
        "2026-03-02T09:30:20Z",
    )
    assert api.found(f"/api/domains/{made['id']}") == made
    assert api.found("/api/domains") == {"domains": [made], "totalCount": 1, "limit": 50, "offset": 0}


def test_domain_twice_is_a_conflict(api: Api) -> None:
    """SPEC 8: 409."""
    api.new_domain()

    assert api.post("/api/domains", {"name": "EXAMPLE.com"}).status_code == 409


def test_new_domain_has_no_limit(api: Api) -> None:
    """SPEC 4: a new domain is inactive."""
    assert api.found(f"/api/domains/{api.new_domain()}/warmup") == NO_LIMIT


def test_warmup_counts_its_days(api: Api) -> None:
    """SPEC 4: enabling starts day 1, and the day moves by itself."""
    here = f"/api/domains/{api.new_domain()}/warmup"

    assert api.put(here, {"enabled": True}).json() == {"success": True}
    first = api.found(here)
    api.clock.moment = START + timedelta(days=4)

    assert (first["enabled"], first["state"], first["day"], first["limit"], first["left"]) == (
        True, "active", 1, 25, 25,
    )  # fmt: skip
    assert (api.found(here)["day"], api.found(here)["limit"]) == (5, 127)


def test_warmup_changes_only_what_is_given(api: Api) -> None:
    """SPEC 8: PUT is partial; a table given as null goes back to the curve."""
    here = f"/api/domains/{api.new_domain()}/warmup"
    api.put(here, {"enabled": True, "start": 10, "factor": 2, "target": 80, "table": [3, 7], "pacing": False})

    with_table = api.found(here)
    api.put(here, {"table": None, "holdTarget": True})
    without = api.found(here)

    assert (with_table["table"], with_table["limit"], with_table["pacing"]) == ([3, 7], 3, False)
    assert (without["table"], without["limit"], without["factor"], without["holdTarget"]) == (
        None,
        10,
        2,
        True,
    )


def test_warmup_pause_returns_where_it_was(api: Api) -> None:
    """SPEC 4: resume returns to the state and day before; a second pause or resume is 409."""
    here = f"/api/domains/{api.new_domain()}/warmup"
    api.put(here, {"enabled": True})

    paused = api.made(f"{here}/pause", {"reason": "DNS moves"})
    again = api.post(f"{here}/pause")
    api.clock.moment = START + timedelta(days=3)
    resumed = api.made(f"{here}/resume")

    assert (paused["state"], paused["left"], paused["pauseReason"]) == ("paused", 0, "DNS moves")
    assert (again.status_code, api.post(f"{here}/resume").status_code) == (409, 409)
    assert (resumed["state"], resumed["day"], resumed["pauseReason"]) == ("active", 1, None)


@pytest.mark.parametrize(("enabled", "state"), [(False, "inactive"), (True, "active")])
def test_switching_warmup_ends_no_pause(api: Api, *, enabled: bool, state: str) -> None:
    """SPEC 4: paused is nothing goes out; what is switched is the state to which it resumes."""
    here = f"/api/domains/{api.new_domain()}/warmup"
    api.put(here, {"enabled": not enabled})
    api.made(f"{here}/pause", {"reason": "bounces"})
    api.put(here, {"enabled": enabled})

    kept = api.found(here)
    resumed = api.made(f"{here}/resume")

    assert (kept["state"], kept["left"], kept["pauseReason"]) == ("paused", 0, "bounces")
    assert kept["enabled"] is enabled
    assert (resumed["state"], resumed["enabled"]) == (state, enabled)


@pytest.mark.parametrize("paused", [False, True])
def test_holding_the_target_brings_its_limit_back(api: Api, *, paused: bool) -> None:
    """SPEC 4: `hold_target` keeps the limit, also of a warmup that was completed before."""
    here = f"/api/domains/{api.new_domain()}/warmup"
    api.put(here, {"enabled": True, "table": [3, 7]})
    api.clock.moment = START + timedelta(days=5)
    with api.store.transaction() as connection:
        turn_of_day(connection, api.clock.moment)
    completed = api.found(here)
    if paused:
        api.made(f"{here}/pause")
    api.put(here, {"enabled": False, "holdTarget": True})

    held = api.made(f"{here}/resume") if paused else api.found(here)

    assert (completed["state"], completed["limit"]) == ("completed", None)
    assert (held["state"], held["limit"], held["day"]) == ("active", 7, 6)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"enabled": None}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"start": 0}, "start"),
        ({"start": 2**31}, "start"),
        ({"target": "5000"}, "target"),
        ({"factor": 1.0}, "factor"),
        ({"factor": 1.55555}, "factor"),
        ({"factor": "1.5"}, "factor"),
        ({"factor": 10**30}, "factor"),
        ({"table": [1, -1]}, "table.1"),
        ({"table": 5}, "table"),
    ],
)
def test_warmup_refuses_impossible_settings(shared_api: Api, change: object, field: str) -> None:
    """SPEC 9: nothing is written."""
    domain_id = shared_api.new_domain(f"{abs(hash(str(change)))}.example.com")

    answer = shared_api.put(f"/api/domains/{domain_id}/warmup", change)

    assert (answer.status_code, [fault["field"] for fault in answer.json()["details"]]) == (400, [field])
    assert shared_api.found(f"/api/domains/{domain_id}/warmup") == NO_LIMIT


def test_first_sender_becomes_the_default(api: Api) -> None:
    """SPEC 1: one sender is the default, until another is made it."""
    domain_id = api.new_domain()
    first = api.made(
        "/api/senders",
        {"domainId": domain_id, "email": "Hello@Example.com", "name": "Nora", "replyTo": "Nora@example.org"},
    )
    second = api.new_sender(domain_id, "news@example.com")

    assert api.put(f"/api/senders/{second}/default").json() == {"success": True}
    shown = api.found("/api/senders")

    assert (first["email"], first["replyTo"], first["verified"], first["isDefault"]) == (
        "hello@example.com", "nora@example.org", True, True,
    )  # fmt: skip
    assert {row["id"]: row["isDefault"] for row in shown["senders"]} == {first["id"]: False, second: True}
    assert shown["totalCount"] == 2


def test_sender_must_lie_on_its_domain(api: Api) -> None:
    """SPEC 8: the address and the domain agree."""
    domain_id = api.new_domain()

    strange = api.post("/api/senders", {"domainId": domain_id, "email": "hello@example.org"})
    nowhere = api.post("/api/senders", {"domainId": "dom_" + "0" * 26, "email": "hello@example.com"})

    assert (strange.status_code, strange.json()["details"][0]["field"]) == (400, "email")
    assert nowhere.status_code == 404


def test_sender_twice_is_a_conflict(api: Api) -> None:
    """SPEC 8: 409."""
    domain_id = api.new_domain()
    api.new_sender(domain_id)

    answer = api.post("/api/senders", {"domainId": domain_id, "email": "HELLO@example.com"})

    assert answer.status_code == 409


def test_sender_change_keeps_the_rest(api: Api) -> None:
    """SPEC 8: PUT is partial, and null empties."""
    sender_id = api.new_sender(api.new_domain())
    here = f"/api/senders/{sender_id}"

    api.put(here, {"name": "Nora"})
    api.put(here, {"replyTo": "nora@example.org"})
    both = api.found("/api/senders")["senders"][0]
    api.put(here, {"name": None, "replyTo": None})
    neither = api.found("/api/senders")["senders"][0]

    assert (both["name"], both["replyTo"]) == ("Nora", "nora@example.org")
    assert (neither["name"], neither["replyTo"]) == (None, None)
    assert api.put(here, {"replyTo": "nobody"}).status_code == 400


def test_held_sender_is_released(api: Api) -> None:
    """SPEC 6.5: a hold is lifted by this call."""
    sender_id = api.new_sender(api.new_domain())
    with api.store.transaction() as connection:
        connection.execute("UPDATE sender SET held_at = $now, hold_reason = 'not allowed'", {"now": START})

    held = api.found("/api/senders")["senders"][0]
    released = api.made(f"/api/senders/{sender_id}/release")

    assert (held["heldAt"], held["holdReason"]) == ("2026-03-02T09:30:20Z", "not allowed")
    assert (released["heldAt"], released["holdReason"]) == (None, None)


@pytest.mark.parametrize("place", ["sequence", "step", "default"])
def test_sender_in_use_stays(api: Api, place: str) -> None:
    """SPEC 2, Delete: 409 until the sequence is archived; then it goes."""
    sender_id = api.new_sender(api.new_domain())
    sequence_id = api.new_draft(senderId=sender_id if place == "sequence" else None)
    api.new_step(sequence_id, senderId=sender_id if place == "step" else None)
    api.made(f"/api/sequences/{sequence_id}/activate")

    refused = api.delete(f"/api/senders/{sender_id}")
    api.made(f"/api/sequences/{sequence_id}/archive")
    gone = api.delete(f"/api/senders/{sender_id}")

    assert (refused.status_code, "'Welcome'" in refused.json()["error"]) == (409, True)
    assert (gone.json(), api.found("/api/senders")["senders"]) == ({"success": True}, [])


def test_default_passes_to_the_oldest_left(api: Api) -> None:
    """SPEC 1: as long as there are senders, one is the default; a verified one before others."""
    first = api.new_sender(api.new_domain())
    unverified = api.made("/api/domains", {"name": "example.net"})["id"]
    api.made("/api/senders", {"domainId": unverified, "email": "hello@example.net"})
    third = api.new_sender(api.new_domain("example.org"), "hello@example.org")

    api.delete(f"/api/senders/{first}")

    assert {row["id"] for row in api.found("/api/senders")["senders"] if row["isDefault"]} == {third}
