"""The simulated judge as a `Model`."""

from __future__ import annotations

import asyncio
import json

from llm.ledger import request_key
from llm.model import Reply, Request, Usage
from llm.pricing import estimate_tokens
from llm.simulated.chance import choose, uniform
from llm.simulated.parameters import SimulatedParameters
from llm.simulated.replying import Replier


class SimulatedJudge:
    """Reads the tagged sections of a prompt and answers in the asked schema, with the noise that it was told to have.

    Equal requests get equal replies. Persona, interaction and item effects do not depend on the request's seed; run
    noise does. A persona is known by its card alone: two personas with one card are one judge.
    """

    context_tokens: int | None = None

    def __init__(self, parameters: SimulatedParameters | None = None) -> None:
        self.parameters = parameters or SimulatedParameters()
        self.spec = self.parameters.spec

    async def complete(self, request: Request) -> Reply:
        if self.parameters.delay_s:
            await asyncio.sleep(self.parameters.delay_s)
        text = json.dumps(Replier(self.parameters, request).reply(), ensure_ascii=False)
        if self.parameters.malformed:
            key = (self.parameters.seed, request_key(self.spec, request))
            if uniform("malformed", *key) < self.parameters.malformed:
                return self._malformed(request, text, choose(("cut", "length", "prose"), "how", *key))
        return self._reply(request, text, "stop")

    async def aclose(self) -> None:
        """Nothing to give back."""

    def _malformed(self, request: Request, text: str, how: str) -> Reply:
        if how == "prose":
            return self._reply(request, "I would rather put it in my own words: it is about a 4.", "stop")
        return self._reply(request, text[: len(text) * 2 // 3], "length" if how == "length" else "stop")

    def _reply(self, request: Request, text: str, finish: str) -> Reply:
        usage = Usage(sum(estimate_tokens(message.content) for message in request.messages), estimate_tokens(text))
        return Reply(text, "simulated", usage, "length" if finish == "length" else "stop")
