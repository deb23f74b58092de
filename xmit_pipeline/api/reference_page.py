"""The reference as a page: the OpenAPI document for people, made here, with no script and no foreign host."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xmit_pipeline.api.reference import TAGS, write_reference

router = APIRouter(prefix="/docs", include_in_schema=False)

_FOLDER = Path(__file__).parent / "templates"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_KEY = "$KEY"


@router.get("")
def show_reference(request: Request) -> HTMLResponse:
    """Every call with its fields, an example of each, and a line to copy."""
    document = write_reference(request.app)
    page = _templates().get_template("reference.html")
    return HTMLResponse(page.render(document=document, groups=_groups(document)), headers=_HEADERS)


@router.get("/reference.css")
def show_style() -> FileResponse:
    """The page's one stylesheet."""
    return FileResponse(_FOLDER / "reference.css", media_type="text/css")


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _groups(document: dict[str, Any]) -> list[dict[str, Any]]:
    calls = [
        _shown(document, method.upper(), path, call)
        for path, calls in document["paths"].items()
        for method, call in calls.items()
    ]
    tags = [*TAGS, *sorted({call["tag"] for call in calls} - set(TAGS))]
    groups = [
        {"name": tag, "words": TAGS.get(tag, ""), "calls": [call for call in calls if call["tag"] == tag]}
        for tag in tags
    ]
    return [group for group in groups if group["calls"]]


def _shown(document: dict[str, Any], method: str, path: str, call: dict[str, Any]) -> dict[str, Any]:
    body = call.get("requestBody", {}).get("content", {}).get("application/json")
    status, answer = next((each for each in call["responses"].items() if each[0].startswith("2")), ("", {}))
    media = answer.get("content", {}).get("application/json", {})
    return {
        "id": call.get("operationId", f"{method}-{path}"),
        "tag": (call.get("tags") or ["other"])[0],
        "method": method,
        "path": path,
        "words": call.get("description", ""),
        "parameters": [
            {"name": each["name"], "needed": each.get("required"), "words": each.get("description", ""),
             "kind": f"{each['in']}, {_kind(each['schema'])}"}
            for each in call.get("parameters", ())
        ],
        "fields": _fields(document, body["schema"]) if body else [],
        "curl": _curl(document, method, path, call, body),
        "status": status,
        "answer": _json(media["example"]) if "example" in media else "",
        "statuses": {code: each["description"] for code, each in call["responses"].items() if code != status},
    }  # fmt: skip


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    while "anyOf" in schema:
        schema = schema["anyOf"][0]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    needed = schema.get("required", ())
    return [
        {"name": name, "needed": name in needed, "kind": _kind(part), "words": part.get("description", "")}
        for name, part in schema.get("properties", {}).items()
    ]


def _kind(part: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_kind(choice) for choice in part["anyOf"]))
    if "enum" in part:
        return " | ".join(map(str, part["enum"]))
    if "$ref" in part:
        return part["$ref"].rsplit("/", 1)[-1]
    if part.get("type") == "array":
        return f"list of {_kind(part['items'])}"
    return part.get("format", part.get("type", "any"))


def _curl(
    document: dict[str, Any], method: str, path: str, call: dict[str, Any], body: dict[str, Any] | None
) -> str:
    for parameter in call.get("parameters", ()):
        if parameter["in"] == "path":
            example = str(parameter["schema"]["examples"][0])
            path = path.replace(f"{{{parameter['name']}}}", example)
    verb = "" if method == "GET" else f" -X {method}"
    lines = [f"curl{verb} {document['servers'][0]['url']}{path}", f'-H "Authorization: Bearer {_KEY}"']
    if body and "example" in body:
        told = json.dumps(body["example"], ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{told}'"]
    return " \\\n  ".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
