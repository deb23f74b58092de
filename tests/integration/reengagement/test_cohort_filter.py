"""An operator's condition: one expression over a contact's columns, or a sentence (SPEC 9)."""

import pytest

from tests.campaigns import World
from tests.integration.reengagement.lapsed import enrolled, lapsed, run
from xmit_pipeline.model.errors import BadInput


@pytest.fixture
def sequence_id(world: World):
    world.domain()
    lapsed(world, 1, prefix="gold", first_name="Ada", metadata={"plan": "gold", "score": 7})
    lapsed(world, 1, prefix="tin", first_name="Bo", metadata={"plan": "tin", "score": 3})
    return world.sequence()


@pytest.mark.parametrize(
    "where",
    [
        "metadata ->> 'plan' = 'gold'",
        "metadata->>'$.plan' IN ('gold', 'silver') AND first_name IS NOT NULL",
        "(metadata ->> 'score')::INT > 5",
        "lower(first_name) LIKE 'a%' OR email LIKE 'nobody%'",
        "CASE WHEN first_name = 'Ada' THEN true ELSE false END",
        "created_at BETWEEN '2025-01-01' AND '2025-12-31' AND NOT (metadata ->> 'plan' = 'tin')",
        "last_opened_at IS NULL AND coalesce(metadata ->> 'plan', '') <> 'tin' -- a remark",
    ],
)
def test_a_plain_condition_chooses(world: World, sequence_id, where: str):
    run(world, sequence_id, where=where)
    assert enrolled(world, sequence_id) == {"gold0@example.net"}


@pytest.mark.parametrize(
    "where",
    [
        "email IN (SELECT email FROM suppression)",
        "EXISTS (FROM api_key)",
        "(SELECT count(*) FROM read_text('/etc/passwd')) > 0",
        "length(read_text('/etc/passwd')) > 0",
        "getenv('HOME') <> ''",
        "getvariable('public_url') IS NULL",
        "true) UNION SELECT id FROM contact WHERE (true",
        "true; DELETE FROM contact",
        "true GROUP BY 1",
        "status = 'unsubscribed'",
        "contact.email <> ''",
        "row_number() OVER () > 1",
        "list_transform([1], x -> x) IS NOT NULL",
        "now() > created_at",
        "$1 = 1",
        "COLUMNS(*) IS NULL",
        "email = ",
        "random() < 0.5",
        "true) LIMIT (1",
        "true) QUALIFY (true",
        "first_name = ANY (SELECT 1)",
    ],
)
def test_anything_else_is_refused_in_a_sentence(world: World, sequence_id, where: str):
    with pytest.raises(BadInput, match="condition"):
        run(world, sequence_id, where=where)
    assert enrolled(world, sequence_id) == set()


def test_a_condition_that_fails_on_data_is_told(world: World, sequence_id):
    with pytest.raises(BadInput, match="can't be applied"):
        run(world, sequence_id, where="(metadata ->> 'plan')::INT > 5")
