"""One hearing from item to verdict: `hear`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import metadata

from agents.checking import check_hearing
from agents.concluding import follows_order, verdict
from agents.injection import suspect_injection
from agents.item import Item
from agents.protocol import Arm, DebateProtocol
from agents.rubric import Rubric
from agents.seats import take_seats
from agents.session import OnTurn, Session, open_session
from agents.transcript import Outcome, Run, RunResult, Transcript, Turn, Verdict
from clustering import PersonaSet
from llm import AskSettings, CallLedger, MemoryLedger, Model, spending


async def hear(
    item: Item,
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    *,
    models: Sequence[Model],
    repeat: int,
    seed: int,
    run_id: str | None = None,
    ledger: CallLedger | None = None,
    on_turn: OnTurn | None = None,
    cancelled: Callable[[], bool] | None = None,
    settings: AskSettings | None = None,
) -> RunResult:
    """One repeat of one item: every arm asked for, over one shared phase 1.

    models: one is asked for every persona; several take turns, or play every persona, as `protocol.seating` says.
    repeat, seed: with the turn's id they decide the seed of every call, so a second hearing with the same of both and
    the same ledger takes every finished call from it and ends in the same result. on_turn is told each turn as it is
    finished, in no fixed order between parallel ones. cancelled is asked before every call: once true nothing more is
    asked, debates stop with `cancelled`, and what was not reached has failed. settings: timeouts and attempts of one question; its
    temperature, seed and length are the hearing's own.

    A judge that is lost (refusal, unusable replies, provider down) is marked and counted; the run fails only with
    fewer than `personas_min` judges left. Raises `HearingInputError` before anything is asked, and
    `llm.ModelConfigurationError` where a model cannot be used at all.
    """
    check_hearing((item,), persona_set, rubric, protocol, models)
    from agents.graph import STEPS_MAX, hearing_graph, in_order  # langgraph is heavy: loaded by those who hear

    session = open_session(
        item,
        take_seats(persona_set.personas, models, protocol.seating),
        rubric,
        protocol,
        repeat=repeat,
        seed=seed,
        ledger=ledger or MemoryLedger(),
        on_turn=on_turn,
        cancelled=cancelled,
        settings=settings,
    )
    state = await hearing_graph().ainvoke({"turns": {}, "stopped": {}}, {"recursion_limit": STEPS_MAX}, context=session)
    run = identify(item, persona_set, rubric, protocol, models, repeat, seed, run_id)
    return _result(run, session, in_order(state["turns"]), state["stopped"])


def load_hearing() -> None:
    """Imports and compiles what hearings run on. It takes a second: done ahead, no first hearing stops its event loop."""
    from agents.graph import hearing_graph

    hearing_graph()


def identify(
    item: Item,
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    models: Sequence[Model],
    repeat: int,
    seed: int,
    run_id: str | None = None,
) -> Run:
    """The run's identity. Without a run_id its id is a hash of all that decides the run."""
    content = {
        "item_id": item.id,
        "item_hash": item.content_hash,
        "persona_set": persona_set.content_hash,
        "rubric_hash": rubric.content_hash,
        "protocol_hash": protocol.content_hash,
        "models": tuple(model.spec for model in models),
        "repeat": repeat,
        "seed": seed,
    }
    derived = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return Run.model_validate({"id": run_id or derived} | content)


def _result(run: Run, session: Session, turns: Sequence[Turn], stopped: dict[str, str]) -> RunResult:
    calls = [call for made in session.calls.values() for call in made]
    spent = spending(calls)
    arms = dict.fromkeys((Arm.PANEL, *session.protocol.arms))
    verdicts = {arm: verdict(session, arm, turns) for arm in arms}
    return RunResult(
        run=run,
        transcript=Transcript(
            turns=tuple(turns),
            stopped=dict(sorted(stopped.items())),
            speaking_order=tuple(seat.id for seat in session.seats),
            flags=_flags(session, turns),
        ),
        verdicts=verdicts,
        outcome=_outcome(verdicts),
        calls=spent.calls,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cost_usd=spent.cost_usd,
        simulated=any(seat.model.spec.partition(":")[0] == "simulated" for seat in session.seats),
        code_version=code_version(),
    )


def _flags(session: Session, turns: Sequence[Turn]) -> tuple[str, ...]:
    flags = []
    if suspect_injection(session.places):
        flags.append("injection_suspected")
    if len(session.sides) > 1 and follows_order(session, turns):
        flags.append("order_following")
    return tuple(flags)


def _outcome(verdicts: dict[Arm, Verdict]) -> Outcome:
    """Decided where every arm decided something; else how the first arm that did not ended."""
    for found in verdicts.values():
        outcomes = [part.outcome for part in found.dimensions.values()]
        if Outcome.DECIDED not in outcomes:
            return outcomes[0]
    return Outcome.DECIDED


@lru_cache(maxsize=1)
def code_version() -> str:
    """This installation's version."""
    try:
        return metadata.version("rehearing")
    except metadata.PackageNotFoundError:
        return "unknown"
