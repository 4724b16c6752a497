"""Prompts are Markdown files beside their agent, checked when they are loaded, named by their sha256."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml

from llm.errors import PromptError
from llm.model import Message, MessageRole

_FRONT_MATTER = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_ROLE = re.compile(r"^<!-- (?P<role>\w+) -->$", re.MULTILINE)
_VARIABLE = re.compile(r"\{\{ ?(?P<name>\w+) ?\}\}")


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """The messages of one question, and the prompt file that they were made from."""

    prompt_id: str
    prompt_sha256: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked prompt file."""

    id: str
    version: int
    variables: tuple[str, ...]
    sha256: str
    """Of the whole file: any edit gives another."""
    _parts: tuple[Message, ...] = field(repr=False)

    def render(self, **variables: str) -> tuple[Message, ...]:
        """The file's messages with every `{{ name }}` replaced by its value, literally and in a single pass.

        A value is data: braces inside it are not looked at again. Raises `PromptError` unless the names given
        are exactly the names declared.
        """
        if set(variables) != set(self.variables):
            raise PromptError(
                f"prompt {self.id!r} takes the variables {sorted(self.variables)}, got {sorted(variables)}"
            )

        def put(match: re.Match[str]) -> str:
            return variables[match["name"]]

        return tuple(Message(part.role, _VARIABLE.sub(put, part.content)) for part in self._parts)


def load_prompt(path: Path | str) -> Prompt:
    """Reads a prompt: front matter with `id`, `version` and `variables`, then Markdown.

    A line `<!-- system -->`, `<!-- user -->` or `<!-- assistant -->` opens a message; a body without one is a
    single user message. Raises `PromptError` that names the file and what is wrong with it.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise PromptError(f"{path.name}: begin the file with front matter between two lines of ---")
    head = _front_matter(path, match["head"])
    parts = _split(path, match["body"])
    used = {name["name"] for part in parts for name in _VARIABLE.finditer(part.content)}
    declared = tuple(head["variables"])
    if used != set(declared):
        raise PromptError(f"{path.name}: declares the variables {sorted(declared)} but uses {sorted(used)}")
    return Prompt(
        id=head["id"],
        version=head["version"],
        variables=declared,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        _parts=parts,
    )


def _front_matter(path: Path, text: str) -> dict[str, Any]:
    try:
        head = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PromptError(f"{path.name}: front matter is not YAML: {error}") from error
    if not isinstance(head, dict) or set(head) != {"id", "version", "variables"}:
        raise PromptError(f"{path.name}: front matter must hold exactly id, version and variables, got {head!r}")
    head["variables"] = head["variables"] or []
    if not isinstance(head["id"], str) or not isinstance(head["version"], int):
        raise PromptError(f"{path.name}: id must be text and version a whole number, got {head!r}")
    if not all(isinstance(name, str) for name in head["variables"]):
        raise PromptError(f"{path.name}: variables must be a list of names, got {head['variables']!r}")
    return head


def _split(path: Path, body: str) -> tuple[Message, ...]:
    marks = list(_ROLE.finditer(body))
    if not marks:
        return (Message("user", body.strip()),)
    if body[: marks[0].start()].strip():
        raise PromptError(f"{path.name}: text stands before the first role line {marks[0][0]!r}")
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    parts = []
    for mark, end in zip(marks, ends, strict=True):
        if mark["role"] not in get_args(MessageRole):
            raise PromptError(f"{path.name}: {mark['role']!r} is no role, use one of {get_args(MessageRole)}")
        parts.append(Message(mark["role"], body[mark.end() : end].strip()))  # type: ignore[arg-type]
    return tuple(parts)
