"""An OpenAI-compatible model server of fixed latency for benches and tests: random JSON of the asked schema, faults on order.

    python -m bench.model_server --port 0 --latency 0.2 --faults 429=0.05,500=0.02,truncated=0.03,off_scale=0.01,hang=0.005

Prints its address. A reply is drawn from the seed and the request, so the same request is answered alike in every
run; whether a fault strikes is drawn from the seed, the request and how often it came. `GET /stats` says how often
each request was answered and with what, so that a test can prove that no finished call was repeated; `POST /answers_most` holds
all further answers back, so that a test can be sure that work is not over before its fault strikes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

FAULTS = ("429", "500", "503", "truncated", "length", "off_scale", "prose", "refusal", "hang", "disconnect")
WORDS = [
    "the",
    "summary",
    "says",
    "what",
    "the",
    "source",
    "holds",
    "and",
    "leaves",
    "out",
    "how",
    "long",
    "a",
    "node",
    "may",
    "take",
    "to",
    "drain",
]


class ModelServer:
    """Counts and answers."""

    def __init__(self, latency_s: float, faults: Mapping[str, float], seed: int, capacity: int = 0) -> None:
        unknown = sorted(set(faults) - set(FAULTS))
        if unknown:
            raise SystemExit(f"unknown faults {unknown}; there are {', '.join(FAULTS)}")
        self.latency_s, self.faults, self.seed = latency_s, dict(faults), seed
        self.capacity = capacity
        self.calls: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.in_flight = self.in_flight_most = 0
        self._answers_most: int | None = None
        self._allowed = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/stats", self.stats)
        app.router.add_post("/faults", self.set_faults)
        app.router.add_post("/answers_most", self.set_answers_most)
        return app

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight_most, self.in_flight)
        try:
            return await self._answer(request, await request.read())
        finally:
            self.in_flight -= 1

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "bench", "object": "model"}]})

    async def stats(self, _: web.Request) -> web.Response:
        """Totals, and the requests that were answered in full more than once: a client that pays twice shows here."""
        repeated = {key: count for key, count in self.finished.items() if count > 1}
        return web.json_response(
            {
                "calls": self.calls.total(),
                "requests": len(self.calls),
                "finished": self.finished.total(),
                "finished_repeated": repeated,
                "outcomes": self.outcomes,
                "in_flight": self.in_flight,
                "in_flight_most": self.in_flight_most,
            }
        )

    async def set_faults(self, request: web.Request) -> web.Response:
        self.faults = await request.json()
        return web.json_response(self.faults)

    async def set_answers_most(self, request: web.Request) -> web.Response:
        """How many requests are answered in full, over all; the next ones wait until more are allowed. None for any number."""
        self._answers_most = await request.json()
        self._allowed.set()
        self._allowed = asyncio.Event()
        return web.json_response(self._answers_most)

    async def _until_allowed(self) -> None:
        while self._answers_most is not None and self.finished.total() >= self._answers_most:
            await self._allowed.wait()

    async def _answer(self, request: web.Request, raw: bytes) -> web.StreamResponse:
        key = hashlib.sha256(raw).hexdigest()[:24]
        self.calls[key] += 1
        chance = random.Random(f"{self.seed} {key} {self.calls[key]}")
        fault = "429" if 0 < self.capacity < self.in_flight else self._strike(chance)
        self.outcomes[fault or "ok"] += 1
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault != "429":
            await asyncio.sleep(self.latency_s)
        if fault == "disconnect" and request.transport is not None:
            request.transport.abort()
            return web.Response(status=502)  # never arrives
        if fault == "429":
            return _error(429, "rate limit reached", {"Retry-After": "0"})
        if fault in ("500", "503"):
            return _error(int(fault), "the model crashed", {})
        await self._until_allowed()
        body = json.loads(raw)
        self.finished[key] += 1
        return _json(self._completion(body, key, fault))

    def _strike(self, chance: random.Random) -> str | None:
        draw = chance.random()
        for fault, share in self.faults.items():
            if draw < share:
                return fault
            draw -= share
        return None

    def _completion(self, body: dict[str, Any], key: str, fault: str | None) -> dict[str, Any]:
        chance = random.Random(f"{self.seed} {key}")
        schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema", {"type": "object"})
        text = json.dumps(fill(schema, chance, off_scale=fault == "off_scale"))
        if fault in ("truncated", "length"):
            text = text[: len(text) // 2]
        if fault in ("prose", "refusal"):
            text = "I would say that it is a 4."
        message = {"role": "assistant", "content": None if fault == "refusal" else text}
        if fault == "refusal":
            message["refusal"] = text
        prompt_tokens = sum(len(message["content"]) for message in body["messages"]) // 4
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(text) // 4}
        usage["total_tokens"] = sum(usage.values())
        finish = "length" if fault == "length" else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {
            "id": f"chatcmpl-{key}",
            "object": "chat.completion",
            "created": 0,
            "model": "bench-1",
            "choices": [choice],
            "usage": usage,
        }


def fill(schema: Mapping[str, Any], chance: random.Random, *, off_scale: bool = False) -> Any:
    """A random value of a JSON schema; `off_scale` gives every grade a value that was not offered."""
    if "anyOf" in schema:
        return fill(schema["anyOf"][0], chance, off_scale=off_scale)
    if "enum" in schema:
        grades = [option for option in schema["enum"] if isinstance(option, int)]
        return max(grades) + 1 if off_scale and grades else chance.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        parts = schema.get("properties", {})
        return {name: fill(part, chance, off_scale=off_scale) for name, part in parts.items()}
    if kind == "array":
        count = chance.randint(schema.get("minItems", 0), schema.get("maxItems", 2))
        return [fill(schema["items"], chance, off_scale=off_scale) for _ in range(count)]
    if kind in ("integer", "number"):
        low, high = schema.get("minimum", 0), schema.get("maximum", 100)
        return high + 1 if off_scale else chance.randint(int(low), int(high))
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "null":
        return None
    return " ".join(chance.choices(WORDS, k=20))[: schema.get("maxLength", 200)]


def _json(content: Any) -> web.Response:
    return web.Response(body=json.dumps(content).encode(), content_type="application/json")


def _error(status: int, message: str, headers: Mapping[str, str]) -> web.Response:
    error = {"error": {"message": message, "type": "bench", "code": None, "param": None}}
    return web.json_response(error, status=status, headers=headers)


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop, as under uvicorn, where it is installed; None for Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def parse_faults(text: str) -> dict[str, float]:
    """`429=0.05,500=0.02` as shares."""
    return {name: float(share) for name, _, share in (part.partition("=") for part in text.split(",") if part)}


async def serve(server: ModelServer, port: int, *, held: bool = False) -> tuple[web.AppRunner, str]:
    """Starts `server` on 127.0.0.1; the runner stops it, the address is the base URL for a client.

    held: whoever starts it holds the port with SO_REUSEPORT, so that nobody else took it before.
    """
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_port=held or None).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


async def _run(arguments: argparse.Namespace) -> None:
    server = ModelServer(arguments.latency, parse_faults(arguments.faults), arguments.seed, arguments.capacity)
    runner, address = await serve(server, arguments.port, held=arguments.held)
    print(address, flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--held", action="store_true", help="the port is held for it with SO_REUSEPORT")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of every answer")
    parser.add_argument("--faults", default="", help="shares, such as 429=0.05,500=0.02")
    parser.add_argument("--capacity", type=int, default=0, help="more than so many at once get a 429; 0 for no limit")
    parser.add_argument("--seed", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
