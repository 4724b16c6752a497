"""The JSON Schema of a reply: strict, inlined, in the order of the model's fields, made once per type."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from llm.errors import PromptError

_DROPPED = frozenset({"title", "default", "discriminator", "examples", "$defs"})


class ReplySchema(dict[str, Any]):
    """A JSON Schema that knows its own hash, so that no call computes it again."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.sha256 = _hash(self)


def schema_sha256(schema: Mapping[str, Any]) -> str:
    """sha256 of the schema's JSON. The order of fields counts: reasons before scores is behaviour."""
    return schema.sha256 if isinstance(schema, ReplySchema) else _hash(schema)


@lru_cache(maxsize=512)
def reply_schema(model: type[BaseModel]) -> ReplySchema:
    """What a reply must look like to become a `model`.

    Every object forbids other fields and requires all of its own, in the order in which they are declared; a field
    that may be left out is one that may be null. Definitions are put in place: not every server follows references.
    Raises `PromptError` for shapes that constrained decoding cannot hold: free-form mappings and recursion.
    """
    raw = model.model_json_schema()
    return ReplySchema(_strict(raw, raw.get("$defs", {}), model.__name__, ()))


def _hash(schema: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(schema, separators=(",", ":")).encode()).hexdigest()


def _strict(node: Any, definitions: dict[str, Any], where: str, path: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_strict(part, definitions, where, path) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        if name in path:
            raise PromptError(f"reply schema {where}: {name!r} refers to itself; give it a fixed depth")
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _strict(definitions[name] | beside, definitions, where, (*path, name))
    return _strict_node(node, definitions, where, path)


def _strict_node(node: dict[str, Any], definitions: dict[str, Any], where: str, path: tuple[str, ...]) -> Any:
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            made[key] = {name: _strict(part, definitions, where, path) for name, part in value.items()}
        elif key == "const":
            made["enum"] = [value]
        elif key == "oneOf":
            made["anyOf"] = _strict(value, definitions, where, path)
        elif key not in _DROPPED:
            made[key] = value if key == "enum" else _strict(value, definitions, where, path)
    if made.get("type") == "object":
        if "properties" not in made or isinstance(node.get("additionalProperties"), dict):
            raise PromptError(f"reply schema {where}: free-form mappings cannot be constrained; name every field")
        made["additionalProperties"] = False
        made["required"] = list(made["properties"])
    return made
