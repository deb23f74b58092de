"""What is wrong with a form, by field: the API's own shapes judge it, so that both take and refuse the same."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from xmit_pipeline.api.errors import faults_of
from xmit_pipeline.model.errors import BadInput, XmitError

Shaped = TypeVar("Shaped", bound=BaseModel)
Faults = dict[str, str]

WHOLE = "form"
"""The field of a fault that belongs to none."""


def checked(shape: type[Shaped], values: Mapping[str, Any]) -> Shaped:
    """The values as the API's shape; BadInput names each field that is wrong, as the API would."""
    try:
        return shape.model_validate(dict(values))
    except ValidationError as error:
        faults = faults_of(error.errors(), root=WHOLE)
        raise BadInput(" ".join(fault["message"] for fault in faults), faults) from error


def faults_by_field(error: XmitError, field: str = WHOLE) -> Faults:
    """Each field's first fault; one that names no field, and what is no bad input at all, stands at `field`."""
    if not isinstance(error, BadInput) or not error.faults:
        return {field: str(error)}
    found: Faults = {}
    for fault in error.faults:
        found.setdefault(fault["field"], fault["message"])
    return found
