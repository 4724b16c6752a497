"""From a reply's text to a value, or to a reason why not. Never a guess."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llm.errors import UnparseableReplyError
from llm.schema import reply_schema

T = TypeVar("T", bound=BaseModel)

_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_CODE_BLOCK = re.compile(r"\A```(?:json)?\s*\n(?P<inside>.*)\n```\Z", re.DOTALL | re.IGNORECASE)
_PROBLEMS_SHOWN = 5
_QUOTED_CHARACTERS = 80


def parse_reply(text: str, schema: type[T]) -> T:
    """The reply as a `schema`.

    The whole text must be one JSON object (a Markdown code block around it and a `<think>` block before it are
    allowed). Validation is strict: "4", 4.5 or true is no grade 4, and a field given twice is refused, as nobody can
    say which was meant. Raises `UnparseableReplyError`, worded for the model to repair it.
    """
    text = _THINKING.sub("", text).strip()
    block = _CODE_BLOCK.match(text)
    text = block["inside"].strip() if block else text
    try:
        content = json.loads(text, object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
        value = schema.model_validate_json(text, strict=True)
        if "true" in text or "false" in text:
            _refuse_booleans(content, [reply_schema(schema)], "the reply")
        return value
    except ValidationError as error:
        raise UnparseableReplyError(_problems(error)) from None
    except (ValueError, RecursionError) as error:
        raise UnparseableReplyError(f"no usable JSON object: {error}") from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the fields {sorted({name for name in names if names.count(name) > 1})} stand twice")
    return made


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _refuse_booleans(value: Any, offered: list[Mapping[str, Any]], where: str) -> None:
    """Python holds True for 1, and so a `Literal[1, 2]` takes true: here only a boolean field does."""
    nodes = [part for node in offered for part in node.get("anyOf", [node])]
    if isinstance(value, bool):
        if not any(node.get("type", "boolean") == "boolean" for node in nodes):
            raise ValueError(f"{where}: {json.dumps(value)} was not offered")
    elif isinstance(value, dict):
        for name, part in value.items():
            below = [node["properties"][name] for node in nodes if name in node.get("properties", {})]
            _refuse_booleans(part, below, name)
    elif isinstance(value, list):
        for part in value:
            _refuse_booleans(part, [node["items"] for node in nodes if "items" in node], where)


def _problems(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False)[:_PROBLEMS_SHOWN]:
        where = ".".join(map(str, problem["loc"])) or "the reply"
        found = repr(problem["input"])
        found = found if len(found) <= _QUOTED_CHARACTERS else f"{found[:_QUOTED_CHARACTERS]}..."
        problems.append(f"{where}: {problem['msg']}, found {found}")
    more = error.error_count() - len(problems)
    return "; ".join(problems) + (f"; and {more} more" if more > 0 else "")
