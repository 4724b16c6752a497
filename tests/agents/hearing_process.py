"""Hears items with a ledger in a file until it is done, or kills itself as it writes a call: see test_killing.py.

python hearing_process.py BASE_URL LEDGER RESULTS [CALLS]
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from agents import DebateProtocol, Dimension, Level, Rubric, TextItem, hear
from clustering import Persona, PersonaSet
from llm import Call, open_model

ITEMS = 4


class FileLedger:
    """Every call as a line of a file, written before it is used; a torn last line was never used.

    dies_after: with so many lines written, the next is torn by `kill -9`.
    """

    def __init__(self, path: Path, dies_after: int | None) -> None:
        path.touch()
        whole = [line for line in path.read_text(encoding="utf-8").split("\n")[:-1] if line]
        calls = [Call.model_validate_json(line) for line in whole]
        path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
        self._calls = {call.key: call for call in calls}
        self._file, self._dies_after = path.open("a", encoding="utf-8"), dies_after

    async def find(self, key: str) -> Call | None:
        return self._calls.get(key)

    async def record(self, call: Call) -> None:
        if call.key not in self._calls:
            if len(self._calls) == self._dies_after:
                self._file.write(call.model_dump_json()[:50])
                self._file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            self._calls[call.key] = call
            self._file.write(call.model_dump_json() + "\n")
            self._file.flush()


def _rubric() -> Rubric:
    levels = tuple(Level(value=value, label=str(value)) for value in range(1, 6))
    return Rubric(name="r", dimensions=(Dimension(name="clarity", question="Is it clear?", levels=levels),))


def _personas() -> PersonaSet:
    personas = tuple(
        Persona(id=f"p{n}", name=f"P{n}", stakeholder="s", group_id=f"g{n % 2}", perspective="x") for n in range(3)
    )
    return PersonaSet(personas=personas, groups=(), method="given")


async def hear_all(base_url: str, ledger: Path, dies_after: int | None) -> str:
    model, kept = open_model("openai:bench", base_url=base_url, api_key="none"), FileLedger(ledger, dies_after)
    protocol = DebateProtocol(spread_epsilon=0, turns_max=2, synthesis=False)
    items = [TextItem(id=f"t{n}", instruction="Say hello.", output=f"Hello number {n}.") for n in range(ITEMS)]
    done = [  # one after the other: few calls are in flight when it is killed, beside those that are done
        await hear(item, _personas(), _rubric(), protocol, models=[model], repeat=0, seed=1, ledger=kept)
        for item in items
    ]
    await model.aclose()
    return "\n".join(result.model_dump_json() for result in done)


if __name__ == "__main__":
    calls = int(sys.argv[4]) if len(sys.argv) > 4 else None
    Path(sys.argv[3]).write_text(asyncio.run(hear_all(sys.argv[1], Path(sys.argv[2]), calls)), encoding="utf-8")
