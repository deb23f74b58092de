"""An export is a file that changes nothing where it came from, and makes the same elsewhere."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.campaigns import START
from tests.integration.declared.files import Desk, content, sequence, step
from xmit_pipeline.api.shapes import Name
from xmit_pipeline.cli.declared_file import read_declaration
from xmit_pipeline.cli.export import in_yaml
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.rendering.source import StepSource, template_faults
from xmit_pipeline.store import lists, senders, sequences, steps, warmup
from xmit_pipeline.store.connection import Connection, EmbeddedStore
from xmit_pipeline.store.declared_apply import apply, differences
from xmit_pipeline.store.declared_export import exported

NAME: TypeAdapter[str] = TypeAdapter(Name)


def as_the_api_takes_it(text: str) -> str | None:
    try:
        return NAME.validate_python(text)
    except ValidationError:
        return None


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TRICKY = st.sampled_from(
    [
        "yes",
        "null",
        "1.5",
        "- a",
        "a: b",
        "# c",
        "'",
        '"',
        "2026-03-02",
        "{{ firstName }}",
        "~",
        "%",
        "e\u0301",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "  \n", "\t", "\u2028", "\ufeff"])
NAMES = (WORDS | TRICKY).map(as_the_api_takes_it).filter(bool)
BODIES = st.lists(WORDS | TRICKY | ENDS, max_size=6).map("".join)
STEPS = st.builds(
    dict,
    name=NAMES,
    subject=WORDS | TRICKY,
    body_html=BODIES,
    body_text=st.none() | BODIES,
    delay_amount=st.integers(0, 1000),
    delay_unit=st.sampled_from(DelayUnit),
)
SEQUENCES = st.builds(
    dict,
    name=NAMES,
    trigger=st.sampled_from(TriggerType),
    own_sender=st.booleans(),
    enroll_existing=st.booleans(),
    reenroll=st.booleans(),
    priority=st.integers(0, 1_000_000),
    resume_window_minutes=st.integers(0, 10_080),
    moves=st.sampled_from([(), ("activate",), ("activate", "pause"), ("archive",)]),
    steps=st.lists(STEPS, min_size=1, max_size=3, unique_by=lambda step: step["name"]),
)
WARMUPS = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "start": st.integers(1, 5000),
        "factor": st.decimals("1.01", "1000", places=4),
        "target": st.integers(1, 100_000),
        "table": st.lists(st.integers(0, 10_000), min_size=1, max_size=5),
        "pacing": st.booleans(),
        "hold_target": st.booleans(),
    },
)


def build(
    connection: Connection, list_names: list[str], sequences_: list[dict[str, Any]], warm: dict[str, Any]
) -> None:
    """A store as the API's own verbs make it."""
    domain_id = senders.add_domain(connection, "example.com", START, verified=True)
    warmup.configure(connection, domain_id, START, **warm)
    sender_id = senders.add_sender(connection, domain_id, "first@example.com", START, name="First")
    senders.add_sender(connection, domain_id, "second@example.com", START, reply_to="reply@example.org")
    list_ids = [lists.create_list(connection, name, START) for name in list_names]
    for number, given_ in enumerate(sequences_):
        plain = {
            key: given_[key] for key in ("enroll_existing", "reenroll", "priority", "resume_window_minutes")
        }
        sequence_id = sequences.create_sequence(
            connection, START, name=given_["name"], trigger_type=given_["trigger"],
            trigger_list_id=list_ids[number % len(list_ids)],
            sender_id=sender_id if given_["own_sender"] else None, **plain,
        )  # fmt: skip
        for each in given_["steps"]:
            steps.add_step(connection, sequence_id, START, **each)
        for move in given_["moves"]:
            run: Callable[..., object] = getattr(sequences, move)
            run(connection, sequence_id, START)


@settings(max_examples=15)
@given(
    st.lists(NAMES, min_size=1, max_size=3, unique=True),
    st.lists(SEQUENCES, max_size=3, unique_by=lambda sequence: sequence["name"]),
    WARMUPS,
)
def test_an_export_applied_again_changes_nothing(
    list_names: list[str], sequences_: list[dict[str, Any]], warm: dict[str, Any]
):
    """And applied to an empty store, it makes a store that exports the same."""
    for each in (each for one in sequences_ for each in one["steps"]):
        assume(not template_faults(StepSource(each["subject"], each["body_html"], each["body_text"])))
    with TemporaryDirectory() as name:
        folder = Path(name)
        store, copy = EmbeddedStore(folder / "a.duckdb"), EmbeddedStore(folder / "b.duckdb")
        with store.transaction() as connection:
            build(connection, list_names, sequences_, warm)
            found = exported(connection)
        file = folder / "file.yaml"
        file.write_text(in_yaml(found), encoding="utf-8", newline="\n")
        declaration, _ = read_declaration(file)
        assert differences(store, declaration, START).changes == []
        there = differences(copy, declaration, START)
        assert there.faults == []
        apply(copy, declaration, START, there)
        with copy.snapshot() as connection:
            assert exported(connection) == found
        store.close()
        copy.close()


def test_what_is_archived_or_deleted_is_no_part_of_it(desk: Desk):
    desk.apply(content(sequence(step("A")), sequence(step("A"), name="Old", status="archived")))
    with desk.world.store.snapshot() as connection:
        assert [entry["name"] for entry in exported(connection)["sequences"]] == ["Welcome"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE sequence SET name = 'Same'", "Several sequences are named 'Same'"),
        ("UPDATE step SET name = 'Same'", "Several steps of 'Welcome' are named 'Same'"),
    ],
)
def test_names_that_a_file_can_not_tell_apart_are_named(desk: Desk, statement: str, words: str):
    desk.apply(content(sequence(step("A"), step("B")), sequence(step("A"), name="Other")))
    desk.world.change(statement)
    with desk.world.store.snapshot() as connection, pytest.raises(Conflict, match=words):
        exported(connection)
