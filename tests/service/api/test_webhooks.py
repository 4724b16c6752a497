"""Webhooks: signed so that a receiver can verify them, refused wherever they could reach inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from service.webhooks import WebhookRefusedError, WebhookSender, new_secret, resolve_target


def answering(*addresses: str) -> Any:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:0001::",
        "fd00:ec2::254",
    ],
)
async def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(WebhookRefusedError, match="not public"):
        await resolve_target("https://hooks.example.org/x", resolve=answering(address))


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(WebhookRefusedError, match="not public"):
        await resolve_target("https://hooks.example.org", resolve=answering("93.184.215.14", "10.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "file:///etc/passwd",
        "https://",
        "https://user:word@example.org",
        "http://example.org:99999",
        "https://exa mple.org",
        "gopher://127.0.0.1:6379/_",
        "//example.org",
    ],
)
async def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefusedError):
        await resolve_target(url, resolve=answering("93.184.215.14"))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1"])
async def test_other_spellings_of_loopback_are_refused(host: str) -> None:
    with pytest.raises(WebhookRefusedError):
        await resolve_target(f"http://{host}/")


async def test_the_judged_address_is_the_one_that_is_called() -> None:
    target = await resolve_target("https://hooks.example.org:8443/a?b=c#d", resolve=answering("93.184.215.14"))
    assert target.url == "https://93.184.215.14:8443/a?b=c"
    assert target.host == "hooks.example.org:8443"
    assert target.server_name == "hooks.example.org"


async def test_a_name_that_resolves_otherwise_the_second_time_gains_nothing(receiver: Receiver) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    target = await resolve_target(f"http://rebind.example.org:{receiver.port}/", resolve=rebinding)
    assert "93.184.215.14" in target.url, "the request would go to the address that was judged"
    sender = WebhookSender(resolve=rebinding)
    delivery = await sender.send(
        f"http://rebind.example.org:{receiver.port}/", new_secret(), event_id="1", kind="k", data={}
    )
    await sender.aclose()
    assert (delivery.delivered, delivery.retryable) == (False, False)
    assert not receiver.requests


class Receiver:
    """A receiver on this machine that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


async def send(receiver: Receiver, secret: str, *, allow: bool = True) -> Any:
    sender = WebhookSender(allow_loopback=allow)
    try:
        async with asyncio.timeout(120):
            return await sender.send(
                receiver.url, secret, event_id="ev_1-completed", kind="evaluation.completed", data={"id": "ev_1"}
            )
    finally:
        await sender.aclose()


async def test_a_receiver_can_verify_what_it_gets(receiver: Receiver) -> None:
    secret = new_secret()
    delivery = await send(receiver, secret)
    assert delivery.delivered
    headers, body = receiver.requests[0]
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "evaluation.completed"
    assert told["data"] == {"id": "ev_1"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"ev_1", b"ev_2"), headers)


async def test_loopback_is_refused_unless_it_is_allowed(receiver: Receiver) -> None:
    delivery = await send(receiver, new_secret(), allow=False)
    assert (delivery.delivered, delivery.status, delivery.retryable) == (False, None, False)
    assert not receiver.requests


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": f"http://127.0.0.1:{receiver.port}/inside"}
    delivery = await send(receiver, new_secret())
    assert (delivery.delivered, delivery.status, delivery.retryable) == (False, 302, False)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(("status", "retryable"), [(500, True), (429, True), (404, True), (410, False)])
async def test_only_a_refusal_for_good_ends_the_attempts(receiver: Receiver, status: int, retryable: bool) -> None:
    receiver.status = status
    delivery = await send(receiver, new_secret())
    assert (delivery.delivered, delivery.status, delivery.retryable) == (False, status, retryable)


@pytest.mark.parametrize("secret", ["whsec_é" + "A" * 32, "no base64, ever!" * 2])
async def test_a_secret_that_cannot_sign_ends_the_attempts(receiver: Receiver, secret: str) -> None:
    delivery = await send(receiver, secret)
    assert (delivery.delivered, delivery.status, delivery.retryable) == (False, None, False)
    assert "base64" in (delivery.reason or "")
    assert not receiver.requests


async def test_a_receiver_that_is_down_may_be_tried_again(receiver: Receiver) -> None:
    receiver.server.server_close()
    delivery = await send(receiver, new_secret())
    assert (delivery.delivered, delivery.status, delivery.retryable) == (False, None, True)
