"""What the server can be asked, described as OpenAPI from the table of its routes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlpipe.web.access import Access
from sqlpipe.web.route import Route
from sqlpipe.web.word import Word


def described(routes: Sequence[Route], version: str) -> dict[str, object]:
    """The routes as OpenAPI 3.1 describes them."""
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    scheme = {"type": "http", "scheme": "bearer"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "sqlpipe", "version": version},
        "paths": paths,
        "components": {"securitySchemes": {"token": scheme}, "schemas": {"Complaint": _COMPLAINT}},
    }


def _operation(route: Route) -> dict[str, object]:
    as_page: dict[str, object] = {route.media: {}} if route.media == "text/html" else {}
    told = {"description": "What is wrong", "content": {"application/json": {"schema": _SEE_COMPLAINT}, **as_page}}
    operation: dict[str, object] = {
        "summary": route.says,
        "parameters": [
            *({"name": each.name, "in": "path", "required": True, **_schema(each)} for each in route.within),
            *({"name": each.name, "in": "query", "required": each.required, **_schema(each)} for each in route.query),
            *([{"name": route.rest, "in": "query", "schema": _ANY_TEXTS}] if route.rest else []),
        ],
        "responses": {"200": {"description": route.says, "content": {route.media: {}}}, "default": told},
    }
    if route.access is Access.WRITE:
        operation["security"] = [{"token": []}]
    elif route.access in (Access.READ, Access.ASK):
        operation["security"] = [{"token": []}, {}]
    if route.method == "POST":
        members = {each.name: {"description": each.says, **_schema(each)["schema"]} for each in route.body}
        schema: dict[str, object] = {"type": "object"}
        if not route.whole:
            required = [each.name for each in route.body if each.required]
            schema |= {"properties": members, "required": required, "additionalProperties": False}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _schema(word: Word) -> dict[str, Any]:
    if word.type is int:
        schema: dict[str, object] = {"type": "integer", "minimum": word.least, "maximum": word.most}
    elif word.type is datetime:
        schema = {"type": "string", "format": "date-time"}
    elif word.type is bool:
        schema = {"type": "boolean"}
    elif word.type is list:
        schema = {"type": "array", "items": {"type": "string"}}
    else:
        schema = {"type": "string", **({"enum": list(word.among)} if word.among else {})}
        if word.required:
            schema["minLength"] = 1
    if word.default is not None:
        schema["default"] = word.default
    return {"description": word.says, "schema": schema}


_ANY_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_SEE_COMPLAINT = {"$ref": "#/components/schemas/Complaint"}
_COMPLAINT = {
    "type": "object",
    "required": ["diagnostics"],
    "properties": {
        "diagnostics": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "help": {"type": "string"}},
            },
        }
    },
}
