"""`xmit explain`: why a person has or has not got the next step, from facts."""

from uuid import UUID

import orjson

from xmit_pipeline.cli.console import out, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.model.addresses import fold_address
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.explain import Explanation, enrollments_of_address, explain


def run_explain(enrollment: str, *, as_json: bool) -> None:
    """Print the sentences for an `enr_` id, or for each enrollment of an address; with `--json` the facts too."""
    now = WallClock().now()
    with opened_store() as (store, settings), store.snapshot() as connection:
        explained = [
            explain(connection, each, now, settings.unknown_after, settings.contact_gap)
            for each in _meant(connection, enrollment)
        ]
    if as_json:
        write_plain(_json(explained, alone="@" not in enrollment))
        return
    for number, each in enumerate(explained):
        if number:
            out.print()
        out.print(public_id(Kind.ENROLLMENT, each.facts["id"]))
        for sentence in each.sentences:
            out.print(f"  {sentence}")


def _meant(connection: Connection, enrollment: str) -> list[UUID]:
    if "@" in enrollment:
        return enrollments_of_address(connection, fold_address(enrollment))
    return [parse_id(Kind.ENROLLMENT, enrollment)]


def _json(explained: list[Explanation], *, alone: bool) -> str:
    """One object for an id, a list for an address; the API's own form."""
    from xmit_pipeline.api.shapes_explain import ExplanationAnswer

    shown = [ExplanationAnswer.of(each).model_dump(mode="json", by_alias=True) for each in explained]
    return orjson.dumps(shown[0] if alone else shown).decode()
