"""What a sequence still lacks before it may start (SPEC 2, Activate)."""

from typing import Any

from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.rendering.source import StepSource, template_faults
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.steps import live_steps

Fault = dict[str, str]

LIST_EXISTS = "SELECT 1 FROM list WHERE id = $id AND deleted_at IS NULL"

USABLE = "SELECT step_id FROM step_sender WHERE sequence_id = $id AND usable"


def activation_faults(connection: Connection, sequence: dict[str, Any]) -> list[Fault]:
    """Each fault beside its field; steps are counted from 0, as in a list. Empty where it may start."""
    steps = live_steps(connection, sequence["id"])
    if not steps:
        no_steps: list[Fault] = [{"field": "steps", "message": "It has no steps; add at least one."}]
        return no_steps + _list_faults(connection, sequence)
    return (
        _list_faults(connection, sequence)
        + _sender_faults(connection, sequence, steps)
        + _liquid_faults(steps)
    )


def _list_faults(connection: Connection, sequence: dict[str, Any]) -> list[Fault]:
    if sequence["trigger_type"] != TriggerType.LIST_ADD:
        return []
    if connection.execute(LIST_EXISTS, {"id": sequence["trigger_list_id"]}).fetchone():
        return []
    return [{"field": "triggerListId", "message": "Its list does not exist any more; give it another."}]


def _sender_faults(
    connection: Connection, sequence: dict[str, Any], steps: list[dict[str, Any]]
) -> list[Fault]:
    connection.execute(STEP_SENDERS)
    usable = {row[0] for row in connection.execute(USABLE, {"id": sequence["id"]}).fetchall()}
    return [
        {
            "field": f"steps.{number}.senderId",
            "message": f"Step {step['name']!r} has no usable sender: name one on a verified domain, "
            "or set a default sender.",
        }
        for number, step in enumerate(steps)
        if step["id"] not in usable
    ]


def _liquid_faults(steps: list[dict[str, Any]]) -> list[Fault]:
    return [
        {
            "field": f"steps.{number}.{fault['field']}",
            "message": f"Step {step['name']!r} can't be rendered: {fault['message']}",
        }
        for number, step in enumerate(steps)
        for fault in template_faults(StepSource(step["subject"], step["body_html"], step["body_text"]))
    ]
