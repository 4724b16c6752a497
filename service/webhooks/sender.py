"""Sends one signed notification: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
from standardwebhooks.webhooks import Webhook

from service.webhooks.guard import Resolve, WebhookRefusedError, resolve_target

TIMEOUT_S = 10.0
"""A receiver should note the event and answer; work comes after."""


class Delivery(NamedTuple):
    """How one attempt ended."""

    delivered: bool
    """The receiver answered 2xx."""
    status: int | None
    """None where there was no HTTP answer."""
    reason: str | None
    """For the job's log; None when delivered."""
    retryable: bool
    """Whether another attempt may succeed: not after a refusal by the guard, nor after 410 Gone."""


def check_secret(secret: str) -> None:
    """Raises WebhookRefusedError for a secret that signs nothing: it must be base64, after `whsec_` or alone."""
    try:
        base64.b64decode(secret.removeprefix("whsec_").encode("ascii"), validate=True)
    except ValueError:
        raise WebhookRefusedError(
            "the secret must be base64, as in `whsec_...`; 32 random bytes make a good one"
        ) from None


def new_secret() -> str:
    """A fresh signing secret, `whsec_...`: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookSender:
    """Signs and sends; redirects are never followed, and no more than the status of an answer is read."""

    def __init__(self, *, allow_loopback: bool = False, resolve: Resolve | None = None) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._client = httpx.AsyncClient(follow_redirects=False, timeout=TIMEOUT_S, trust_env=False)

    async def send(
        self, url: str, secret: str, *, event_id: str, kind: str, data: dict[str, Any], now: datetime | None = None
    ) -> Delivery:
        """One attempt to deliver.

        event_id: the same for every attempt at one event, so that the receiver can drop what it has. kind:
        `evaluation.completed`, `batch.failed`, .... data: ids and figures, never judged text.
        """
        moment = now or datetime.now(UTC)
        body = json.dumps({"type": kind, "timestamp": moment.isoformat(), "data": data}, separators=(",", ":"))
        try:
            check_secret(secret)
            target = await resolve_target(url, allow_loopback=self._allow_loopback, resolve=self._resolve)
        except WebhookRefusedError as error:
            return Delivery(False, None, str(error), retryable=False)
        headers = {
            "Host": target.host,
            "Content-Type": "application/json",
            "User-Agent": "rehearing",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(secret).sign(event_id, moment, body),
        }
        return await self._post(target.url, target.server_name, body, headers)

    async def _post(self, url: str, server_name: str, body: str, headers: dict[str, str]) -> Delivery:
        try:
            async with self._client.stream(
                "POST", url, content=body, headers=headers, extensions={"sni_hostname": server_name}
            ) as response:
                status = response.status_code
        except httpx.HTTPError as error:
            return Delivery(False, None, f"no answer: {type(error).__name__}", retryable=True)
        if response.is_success:
            return Delivery(True, status, None, retryable=False)
        if response.is_redirect:
            return Delivery(False, status, f"answered {status}: redirects are not followed", retryable=False)
        return Delivery(False, status, f"answered {status}", retryable=status != httpx.codes.GONE)

    async def aclose(self) -> None:
        """Gives the connections back."""
        await self._client.aclose()
