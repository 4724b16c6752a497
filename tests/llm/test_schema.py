"""Reply schemas: strict, inlined, ordered."""

from __future__ import annotations

from typing import Literal

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from llm import PromptError, reply_schema


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quote: str = Field(max_length=9)
    place: Literal["output"] = "output"


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    zeal: str
    parts: tuple[Part, ...] = ()
    best: Part | None = None
    answer: Literal[1, 2]


def test_every_object_is_closed_and_ordered():
    schema = reply_schema(Whole)
    assert schema["required"] == ["zeal", "parts", "best", "answer"]
    assert list(schema["properties"]) == schema["required"]
    assert schema["additionalProperties"] is False
    part = schema["properties"]["parts"]["items"]
    assert part == {
        "type": "object",
        "properties": {
            "quote": {"type": "string", "maxLength": 9},
            "place": {"type": "string", "enum": ["output"]},
        },
        "additionalProperties": False,
        "required": ["quote", "place"],
    }
    assert "$ref" not in str(schema)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_it_is_made_once_per_type():
    assert reply_schema(Whole) is reply_schema(Whole)
    assert len(reply_schema(Whole).sha256) == 64


def test_order_is_part_of_the_hash():
    first = create_model("M", a=(str, ...), b=(int, ...))
    second = create_model("M", b=(int, ...), a=(str, ...))
    assert reply_schema(first).sha256 != reply_schema(second).sha256


class Free(BaseModel):
    scores: dict[str, int]


class Tree(BaseModel):
    children: list[Tree]


@pytest.mark.parametrize(("model", "problem"), [(Free, "name every field"), (Tree, "refers to itself")])
def test_shapes_that_cannot_be_constrained_are_refused(model, problem):
    with pytest.raises(PromptError, match=problem):
        reply_schema(model)
