"""The gate before a model: how many calls may be in flight, and whether any may go at all.

One gate serves all callers of one model in an event loop. It does three things:

* a limit on calls in flight that falls by half when the provider says "too many" (once for all calls that were in
  flight then: they are one event) and rises additively with every success, as TCP does; where nearly all of those calls
  succeed, the refusal was chance and the halving is taken back, as in TCP's Eifel response (RFC 4015);
* a pause for everyone, as long as `Retry-After` asks for, when most recent calls were refused. A single refusal among
  many successes makes only that caller wait: some servers refuse at random, and a pause for all would cost far more;
* a circuit that opens after failures in a row. While it is open everyone waits; from time to time one call goes ahead
  to see whether the provider is back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

from llm.call import CallOutcome
from llm.errors import ProviderError, RateLimitedError, UnreachableError

_BORNE_PER_REFUSAL = 8
"""Successes among the calls in flight at a refusal that show it to be chance: the halving is then taken back."""

_RISE_ENDS_AT = 0.25
"""Share of refusals that shows a limit of the provider's, not chance: from there the limit hardly rises."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Limits on the traffic to one model."""

    in_flight_max: int = 64
    """Also where the limit starts: a provider that cannot bear it says so at once."""
    rise: float = 1.0
    """Added to the limit by a success when nobody was refused of late; ever less, the more were."""
    refusals_window: int = 32
    """Outcomes looked back at to tell a provider that has shut us out from one that refuses now and then."""
    refusals_share: float = 0.5
    pause_s: float = 5.0
    """For everyone, when shut out by a provider that does not say for how long."""
    failures_to_open: int = 5
    """Failures in a row, of any caller: not more than `AskSettings.attempts_max`, so that who is alone with a dead provider
    opens the circuit, and waits, before it gives up. With one call in 40 failing at random that is once in 10^8 calls."""
    probe_after_s: float = 1.0
    """First wait of an open circuit; doubles up to `probe_after_max_s`."""
    probe_after_max_s: float = 30.0
    patience_s: float = 600.0
    """How long callers wait for a provider that is down or has shut us out, before they are turned away."""

    def __post_init__(self) -> None:
        if self.in_flight_max < 1:
            raise ValueError(f"in_flight_max={self.in_flight_max!r} must be at least 1")


class Trouble(NamedTuple):
    """A provider that is waited for."""

    since_s: float
    """How long it has been down, or has shut us out."""
    patience_s: float
    """How long it is waited for in all."""
    reason: str
    """Its last failure, in words that may be the provider's."""
    outcome: CallOutcome
    """What kind of failure that was."""


class Gate:
    """Admits calls to one model, and learns from how they end."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.settings = settings or GateSettings()
        self.limit = float(self.settings.in_flight_max)
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._recent: deque[bool] = deque(maxlen=self.settings.refusals_window)
        self._epoch = 0
        self._limit_before = self.limit
        self._borne = 0
        self._failures = 0
        self._probe_after_s = self.settings.probe_after_s
        self._shut_until = 0.0
        self._troubled_since: float | None = None
        self._last_failure, self._last_outcome = "", CallOutcome.UNREACHABLE
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open: the provider seems to be down."""
        return self._failures >= self.settings.failures_to_open

    @property
    def troubled(self) -> bool:
        """Whether the provider as a whole is down or has shut us out: then no single call is to blame."""
        return self.is_open or self._shut_until > asyncio.get_running_loop().time()

    @property
    def is_patient(self) -> bool:
        """Whether it is still worth waiting for the provider."""
        since = self._troubled_since
        return since is None or self._shut_until - since <= self.settings.patience_s

    @property
    def trouble(self) -> Trouble | None:
        """Why callers wait now; None where nobody does."""
        if self._troubled_since is None:
            return None
        since_s = asyncio.get_running_loop().time() - self._troubled_since
        return Trouble(since_s, self.settings.patience_s, self._last_failure, self._last_outcome)

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Waits for a place; the call inside reports its end by returning or by raising a `ProviderError`.

        Raises `UnreachableError` for a caller who waited in vain: nothing was sent.
        """
        await self._enter()
        epoch = self._epoch
        try:
            yield
        except RateLimitedError as error:
            self._last_failure, self._last_outcome = str(error), error.outcome
            self._refused(epoch, error.retry_after_s)
            raise
        except (ProviderError, TimeoutError) as error:
            self._last_failure = str(error) or "no answer in time"
            self._last_outcome = error.outcome if isinstance(error, ProviderError) else CallOutcome.TIMED_OUT
            self._failed()
            raise
        except asyncio.CancelledError:
            raise
        except Exception:
            self._answered(epoch)  # a refusal of this request alone: the provider is there
            raise
        else:
            self._answered(epoch)
        finally:
            self.in_flight -= 1
            self._wake()

    async def _enter(self) -> None:
        if not self._waiting and self._may_go():
            self.in_flight += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._wake()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.in_flight -= 1
                self._wake()
            raise

    def _may_go(self) -> bool:
        if asyncio.get_running_loop().time() < self._shut_until:
            return False
        return self.in_flight < (1 if self.is_open else int(self.limit))

    def _wake(self) -> None:
        """Lets in as many as may go; comes back by a timer where only time can open the gate."""
        while self._waiting and self._may_go():
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)
        loop = asyncio.get_running_loop()
        if self._waiting and self._timer is None and self._shut_until > loop.time():
            self._timer = loop.call_at(self._shut_until, self._rung)

    def _rung(self) -> None:
        self._timer = None
        self._wake()

    def _answered(self, epoch: int) -> None:
        self._failures, self._probe_after_s = 0, self.settings.probe_after_s
        self._troubled_since, self._shut_until = None, 0.0
        self._recent.append(True)
        if epoch < self._epoch:
            self._bore(1)
        share = self._recent.count(False) / len(self._recent)
        rise = self.settings.rise * max(0.05, 1 - share / _RISE_ENDS_AT)
        self.limit = min(float(self.settings.in_flight_max), self.limit + rise)

    def _refused(self, epoch: int, retry_after_s: float | None) -> None:
        self._failures = 0
        self._recent.append(False)
        if epoch == self._epoch:
            self._limit_before, self._borne = self.limit, 0
            self.limit, self._epoch = max(1.0, self.limit / 2), self._epoch + 1
        else:
            self._bore(-_BORNE_PER_REFUSAL)
        known, refusals = len(self._recent), self._recent.count(False)
        if 2 * known >= self.settings.refusals_window and refusals >= self.settings.refusals_share * known:
            self._shut(self.settings.pause_s if retry_after_s is None else retry_after_s)

    def _bore(self, evidence: int) -> None:
        """Weighs how calls ended that were in flight when the limit was halved, at the higher limit."""
        self._borne += evidence
        if self._borne == _BORNE_PER_REFUSAL:
            self.limit = max(self.limit, self._limit_before)

    def _failed(self) -> None:
        self._failures += 1
        if self.is_open:
            now = asyncio.get_running_loop().time()
            if now >= self._shut_until:
                self._shut(self._probe_after_s)
                self._probe_after_s = min(self.settings.probe_after_max_s, 2 * self._probe_after_s)

    def _shut(self, wait_s: float) -> None:
        now = asyncio.get_running_loop().time()
        self._troubled_since = self._troubled_since or now
        self._shut_until = max(self._shut_until, now + wait_s)
        if not self.is_patient:
            self._turn_away(now - self._troubled_since)

    def _turn_away(self, troubled_s: float) -> None:
        told = f"not sent: the provider has been down for {troubled_s:.0f} s; its last failure: {self._last_failure}"
        for place in self._waiting:
            if not place.done():
                place.set_exception(UnreachableError(told))
        self._waiting.clear()


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Gate]] = WeakKeyDictionary()
_settings: dict[str, GateSettings] = {}


def gate_for(spec: str) -> Gate:
    """The gate of a model, shared by everyone who asks it in the running event loop."""
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    if spec not in gates:
        gates[spec] = Gate(_settings.get(spec) or _settings.get(""))
    return gates[spec]


def troubles() -> dict[str, Trouble]:
    """The models that callers in the running event loop wait for now, by spec."""
    gates = _gates.get(asyncio.get_running_loop(), {})
    return {spec: trouble for spec, gate in gates.items() if (trouble := gate.trouble) is not None}


def configure_gates(settings: GateSettings, spec: str = "") -> None:
    """Sets the limits of one model, or of all without limits of their own; for gates that are not yet in use."""
    _settings[spec] = settings
