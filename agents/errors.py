"""What can go wrong with a hearing, by who can put it right.

AgentsError
├── HearingInputError     the caller: item, personas, rubric, protocol or models do not fit together
└── ReplayDifferedError   us, or whoever changed the stored calls: a replay did not give the stored result

What a model or a provider does wrong is not raised: it stands as the outcome of a turn. A model that cannot be used as
it is configured raises `llm.ModelConfigurationError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class AgentsError(Exception):
    """Any failure of this package."""


class Problem(NamedTuple):
    """One thing to put right."""

    pointer: str
    """JSON pointer into the request: `/items/3/id`, `/protocol/personas_min`."""
    message: str
    """The offending value and the next step."""


class HearingInputError(AgentsError):
    """A hearing was asked for that cannot be held; nothing was spent."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.pointer}: {problem.message}" for problem in self.problems))


class ReplayDifferedError(AgentsError):
    """A replay gave another result than the one stored."""
