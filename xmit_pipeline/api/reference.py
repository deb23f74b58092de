"""The OpenAPI document: FastAPI's own, with every status, link and example that a reader or a program wants."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.alias_generators import to_camel

from xmit_pipeline.api.auth import GUARDED, READING
from xmit_pipeline.api.words import WORDS

Part = dict[str, Any]

ERROR = {"$ref": "#/components/schemas/ErrorAnswer"}
STATUSES = {
    "400": "Something given can't be taken; `details` names each field.",
    "401": "No live key.",
    "404": "There is no such thing, or an id is of another kind.",
    "409": "It can't be done in the present state; the sentence says why.",
    "429": "Too many calls by this key; `Retry-After` says when to go on.",
    "503": "The store can't be used now; the sentence says why.",
}
"""What every call may answer beside its success."""
CHANGE_STATUSES = {
    "403": "The key may only look (scope `read`).",
    "413": "The body is over 10 MB.",
    "415": "The body is not JSON.",
}
"""What a call that changes something may answer besides."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,),
    "object": (dict,), "null": (type(None),),
}  # fmt: skip

TAGS = {
    "sequences": "A trigger, a sender, ordered steps, and a status: draft, active, paused, archived.",
    "steps": "One e-mail each, with a delay after the one before.",
    "enrollments": "One contact's way through one sequence.",
    "contacts": "One person each, keyed by e-mail address in lower case.",
    "lists": "Named sets of contacts; who is new on a list enters the active sequences that it triggers.",
    "senders": "From addresses on your domains.",
    "domains": "Sending domains; each carries a warmup.",
    "templates": "Saved subjects and bodies, copied into a step on use.",
    "suppressions": "Addresses that must not be mailed.",
    "messages": "What was sent to whom, what was not and why.",
    "webhooks": "Addresses of yours that are told what happens.",
    "audit": "Who changed what.",
}


def write_reference(app: FastAPI) -> Part:
    """The document, made once for an app; its paths are below /api, and `/v1` is the same."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
            tags=[{"name": name, "description": words} for name, words in TAGS.items()],
        )
        schemas = document["components"]["schemas"]
        for name in schemas:
            _show(schemas, schemas[name])
        for path, calls in document["paths"].items():
            if path.startswith(f"{GUARDED}/"):
                for method, call in calls.items():
                    _complete(document, method.upper(), call)
                _link(document["paths"], path, calls)
        app.openapi_schema = document
    return app.openapi_schema


def example_of(schemas: Part, part: Part, name: str = "") -> Any:
    """An example of a schema: its own, its word's, or one put together from its properties'."""
    word = WORDS.get(name, ("", None))[1]
    for key in ("examples", "enum"):
        if part.get(key):
            return part[key][0]
    if name in WORDS and _fits(schemas, part, word):
        return word
    if "$ref" in part or "anyOf" in part:
        return example_of(schemas, part["anyOf"][0] if "anyOf" in part else _resolved(schemas, part))
    return part["default"] if "default" in part else _made_up(schemas, part)


def _made_up(schemas: Part, part: Part) -> Any:
    match part:
        case {"type": "array", "items": items}:
            return [example_of(schemas, items)]
        case {"properties": properties}:
            return {name: example_of(schemas, inner, name) for name, inner in properties.items()}
        case {"format": "date-time" | "date" as kind}:
            return WORDS["createdAt"][1][: None if kind == "date-time" else len("2026-03-02")]
        case _:
            plain = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "object": {}}
            return plain.get(part.get("type", ""))


def _show(schemas: Part, schema: Part) -> None:
    """An example on every property that has none."""
    for name, part in schema.get("properties", {}).items():
        if "examples" not in part:
            part["examples"] = [example_of(schemas, part, name)]


def _fits(schemas: Part, part: Part, value: object) -> bool:
    part = _resolved(schemas, part)
    if "anyOf" in part:
        return any(_fits(schemas, choice, value) for choice in part["anyOf"])
    if "enum" in part:
        return value in part["enum"]
    return type(value) in _TYPES.get(part.get("type", ""), ())


def _resolved(schemas: Part, part: Part) -> Part:
    return schemas[part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part


def _complete(document: Part, method: str, call: Part) -> None:
    answers, schemas = call["responses"], document["components"]["schemas"]
    answers.pop("4XX", None)
    for status, words in {**STATUSES, **({} if method in READING else CHANGE_STATUSES)}.items():
        answers[status] = {"description": words, "content": {"application/json": {"schema": ERROR}}}
    done = next(answer for status, answer in answers.items() if status.startswith("2"))
    for media in done.get("content", {}).values():
        done["description"] = _resolved(schemas, media["schema"]).get("description", "Done.")
    for parameter in call.get("parameters", ()):
        word = WORDS.get(to_camel(parameter["name"]), ("", None))[0]
        parameter.setdefault("description", parameter["schema"].get("description") or word)
        parameter["schema"].setdefault("examples", [example_of(schemas, parameter["schema"])])
    for content in (call.get("requestBody", {}), *(answer for answer in answers.values())):
        for media in content.get("content", {}).values():
            media.setdefault("example", example_of(schemas, media["schema"]))


def _link(paths: Part, path: str, calls: Part) -> None:
    """From what a call makes or lists to the calls that are about it."""
    listed = calls.get("get", {}).get("responses", {}).get("200", {})
    made = calls.get("post", {}).get("responses", {}).get("201")
    found = {"$response.body#/id": made, f"$response.body#/{path.rsplit('/', 1)[-1]}/0/id": listed}
    places = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    for source, answer in found.items():
        for below, others in paths.items():
            inner = [part[1:-1] for part in below.split("/") if part.startswith("{")]
            if answer and below.startswith(f"{path}/{{") and len(inner) == len(places) + 1:
                own = {**{name: f"$request.path.{name}" for name in places}, inner[-1]: source}
                for other in others.values():
                    link = {"operationId": other["operationId"], "parameters": own}
                    answer.setdefault("links", {})[other["operationId"]] = link
