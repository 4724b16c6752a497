"""What the operator says about models reaches them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.application import open_application
from service.application.models import open_configured_model


def test_the_address_is_told_to_openai_models_alone(sqlite_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, str | None] = {}
    monkeypatch.setattr("llm.open_model", lambda spec, *, base_url, **_: told.update({spec: base_url}))
    settings = sqlite_settings.model_copy(update={"base_url": "http://127.0.0.1:1/v1"})
    for spec in ("openai:x", "anthropic:x", "simulated"):
        open_configured_model(spec, settings)
    assert told == {"openai:x": "http://127.0.0.1:1/v1", "anthropic:x": None, "simulated": None}


async def test_how_long_a_question_outlives_its_provider_is_the_operators(sqlite_settings: Any) -> None:
    from llm.gate import gate_for

    settings = sqlite_settings.model_copy(update={"provider_patience": timedelta(seconds=77)})
    async with open_application(settings):
        assert gate_for("openai:a-model-that-nobody-asked").settings.patience_s == 77
    async with open_application(sqlite_settings):
        assert gate_for("openai:another").settings.patience_s == 900


async def test_a_models_address_is_not_told_to_callers(
    sqlite_settings: Any, personas: Any, rubric: Any, item: Any
) -> None:
    from httpx import ASGITransport, AsyncClient

    from service.api import create_app

    settings = sqlite_settings.model_copy(update={"model": "openai:bench@http://10.0.0.7/v1"})
    async with open_application(settings) as app:
        client = AsyncClient(transport=ASGITransport(create_app(app, settings)), base_url="http://127.0.0.1")
        made = await client.post(
            "/v1/persona-sets", json={"personas": [one.model_dump(mode="json") for one in personas]}
        )
        asked = {"persona_set": made.json()["id"], "rubric": rubric.model_dump(mode="json")}
        asked |= {"item": item.model_dump(mode="json")}
        evaluation = (await client.post("/v1/evaluations", json=asked)).json()
        assert evaluation["models"] == ["openai:bench"]
        for path in ("/version", f"/v1/evaluations/{evaluation['id']}", f"/evaluations/{evaluation['id']}", "/try"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "openai:bench" in answer.text
            assert "10.0.0.7" not in answer.text, path
        assert (await app.evaluations.get(None, evaluation["id"])).models == (settings.model,), (
            "it has to be found again"
        )
        await client.aclose()
