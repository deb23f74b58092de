"""The bodies that we post are what SendGrid documents (mail/send v3), by its own OpenAPI description."""

from typing import Any

import orjson
import pytest

from tests.campaigns import START, World
from tests.sendgrid_openapi import ABSENT, DESCRIPTION, mail_send_judge
from xmit_pipeline.delivery.posting import Answer
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.ids import Kind, parse_id


class Recorder:
    """Keeps every body and accepts it."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    def post(self, body: bytes) -> Answer:
        self.bodies.append(orjson.loads(body))
        return Answer(202, provider_id="recorded")


def bodies_of(world: World, body: str, count: int) -> list[dict[str, Any]]:
    world.domain()
    world.enroll(world.sequence(body=body), world.people(count))
    recorder = Recorder()
    run_tick(world.store, world.settings, FixedClock(START), recorder, "recorded")
    return recorder.bodies


BATCHED = "<p>{{ firstName }} of {{ company }}</p>"
WHOLE = "{% assign name = firstName %}<p>{{ name }}</p>"


@pytest.mark.skipif(not DESCRIPTION.exists(), reason=ABSENT)
@pytest.mark.parametrize("body", [BATCHED, WHOLE])
def test_bodies_match_sendgrids_own_description(world: World, body: str):
    validator = mail_send_judge()
    for posted in bodies_of(world, body, 3):
        assert [error.message for error in validator.iter_errors(posted)] == []


def test_a_thousand_share_a_request(world: World):
    bodies = bodies_of(world, BATCHED, 2_500)
    assert sorted(len(body["personalizations"]) for body in bodies) == [500, 1000, 1000]


def test_mail_rendered_whole_goes_alone(world: World):
    bodies = bodies_of(world, WHOLE, 3)
    assert [len(body["personalizations"]) for body in bodies] == [1, 1, 1]
    assert sorted(body["content"][1]["value"].split("<p>")[1].split("</p>")[0] for body in bodies) == [
        "Name 0",
        "Name 1",
        "Name 2",
    ]


def test_custom_args_carry_both_public_ids(world: World):
    """SPEC 10: xmit_message and xmit_request."""
    [body] = bodies_of(world, BATCHED, 2)
    requests = {row["id"] for row in world.rows("SELECT id FROM request")}
    messages = {row["id"] for row in world.rows("SELECT id FROM message")}
    assert {parse_id(Kind.REQUEST, body["custom_args"]["xmit_request"])} == requests
    assert {
        parse_id(Kind.MESSAGE, each["custom_args"]["xmit_message"]) for each in body["personalizations"]
    } == messages


def test_tracking_is_said_and_subscription_tracking_is_off(world: World):
    [body] = bodies_of(world, BATCHED, 1)
    tracking = body["tracking_settings"]
    assert [
        tracking[name]["enable"] for name in ("click_tracking", "open_tracking", "subscription_tracking")
    ] == [True, True, False]


def test_no_tag_stands_in_a_value(world: World):
    [body] = bodies_of(world, BATCHED, 3)
    tags = {tag for each in body["personalizations"] for tag in each["substitutions"]}
    values = [value for each in body["personalizations"] for value in each["substitutions"].values()]
    assert tags
    assert not [value for value in values for tag in tags if tag in value]


def test_the_links_token_brings_back_its_message(world: World):
    from xmit_pipeline.model.tokens import verify

    [body] = bodies_of(world, BATCHED, 1)
    [person] = body["personalizations"]
    wish = verify(
        person["headers"]["List-Unsubscribe"].strip("<>").rpartition("/")[2], world.settings.secrets
    )
    assert wish is not None
    assert wish.message_id == parse_id(Kind.MESSAGE, person["custom_args"]["xmit_message"])
