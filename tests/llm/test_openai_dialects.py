"""Servers that refuse a setting, and the operator's mistakes, over a real wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from llm import AskSettings, CallOutcome, ModelConfigurationError, Purpose, ask, open_model

FAST = AskSettings(backoff_s=0.0, attempts_max=2)


def _completion(text: str) -> web.Response:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return web.json_response({"model": "odd-1", "choices": [choice], "usage": {"prompt_tokens": 7}})


def _refusal(status: int, message: str, **more: str) -> web.Response:
    return web.json_response({"error": {"message": message, **more}}, status=status)


@pytest.fixture
async def serve() -> AsyncIterator[Callable]:
    """Serves `answer(body) -> Response`; gives the base URL and the list of bodies that come in."""
    runners = []

    async def start(answer: Callable[[dict], web.StreamResponse]) -> tuple[str, list[dict]]:
        bodies: list[dict] = []

        async def complete(request: web.Request) -> web.StreamResponse:
            bodies.append(await request.json())
            return answer(bodies[-1])

        app = web.Application()
        app.router.add_post("/v1/chat/completions", complete)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}/v1", bodies

    yield start
    for runner in runners:
        await runner.cleanup()


async def _ask(model, question, grade, seed=0):
    settings = AskSettings(backoff_s=0.0, attempts_max=2, seed=seed)
    return await ask(model, question, grade, purpose=Purpose.JUDGING, settings=settings)


async def test_without_json_schema_it_asks_for_json_and_says_how(serve, question, grade, good):
    def answer(body):
        if body["response_format"]["type"] == "json_schema":
            return _refusal(400, "response_format json_schema is not supported")
        return _completion(good)

    url, bodies = await serve(answer)
    model = open_model("openai:odd", base_url=url)
    first = await _ask(model, question, grade)
    await _ask(model, question, grade, seed=1)
    await model.aclose()
    assert [body["response_format"]["type"] for body in bodies] == ["json_schema", "json_object", "json_object"]
    (call,) = first.calls
    assert [dict(message) for message in call.messages] == bodies[1]["messages"]
    assert '"accuracy"' in call.messages[-1]["content"]
    assert first.value is not None


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("temperature", "Unsupported value: 'temperature' does not support 0.2 with this model."),
        ("seed", "Unknown parameter: 'seed'."),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ],
)
async def test_a_refused_setting_is_left_out_from_then_on(serve, question, grade, good, field, message):
    url, bodies = await serve(lambda body: _refusal(400, message, param=field) if field in body else _completion(good))
    model = open_model("openai:odd", base_url=url)
    for seed in range(3):
        assert (await _ask(model, question, grade, seed)).outcome is CallOutcome.OK
    await model.aclose()
    assert len(bodies) == 4
    assert bodies[-1].get("max_completion_tokens") == (2048 if field == "max_tokens" else None)


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (401, "Incorrect API key provided", "API key"),
        (404, "The model `odd` does not exist", "base URL"),
        (400, "model 'odd' not found", "name"),
    ],
)
async def test_what_the_operator_must_mend_raises_at_once(serve, question, grade, status, message, told):
    url, bodies = await serve(lambda body: _refusal(status, message))
    model = open_model("openai:odd", base_url=url)
    with pytest.raises(ModelConfigurationError, match=told):
        await _ask(model, question, grade)
    await model.aclose()
    assert len(bodies) == 1


async def test_a_prompt_that_is_too_long_is_rejected_and_not_repeated(serve, question, grade):
    url, bodies = await serve(lambda body: _refusal(400, "maximum context length is 4096 tokens, got 9000"))
    model = open_model("openai:odd", base_url=url)
    answer = await _ask(model, question, grade)
    await model.aclose()
    assert (answer.outcome, len(bodies)) == (CallOutcome.REJECTED, 1)
    assert "4096" in answer.error


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "[]", '{"choices": []}', '{"choices": [{}]}', "null"])
async def test_a_body_that_is_no_completion_is_a_server_error(serve, question, grade, body):
    url, _ = await serve(
        lambda _: web.Response(text=body, content_type="application/json" if body[0] != "<" else "text/html")
    )
    model = open_model("openai:odd", base_url=url)
    answer = await _ask(model, question, grade)
    await model.aclose()
    assert answer.outcome is CallOutcome.SERVER_ERROR


async def test_missing_usage_is_unknown(serve, question, grade, good):
    url, _ = await serve(lambda _: _completion(good))
    model = open_model("openai:odd", base_url=url)
    (call,) = (await _ask(model, question, grade)).calls
    await model.aclose()
    assert (call.input_tokens, call.output_tokens, call.cost_usd) == (7, None, None)


async def test_the_key_goes_to_the_server_and_never_into_the_spec(serve, question, grade, good):
    url, _ = await serve(lambda _: _completion(good))
    model = open_model("openai:odd", base_url=url + "/", api_key="sk-secret")
    answer = await _ask(model, question, grade)
    await model.aclose()
    assert model.spec == f"openai:odd@{url}"
    assert "secret" not in answer.calls[0].model_dump_json() + repr(model)
