"""How long a prompt a model takes, known before anything is asked."""

from __future__ import annotations

import pytest

from llm import open_model
from llm.pricing import context_window


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_the_price_table_knows_hosted_models() -> None:
    assert context_window("openai:gpt-4o") == 128_000
    assert open_model("openai:gpt-4o").context_tokens == 128_000


def test_a_server_of_ones_own_is_unknown_unless_said() -> None:
    assert open_model("openai:mine", base_url="http://127.0.0.1:1/v1").context_tokens is None
    assert open_model("openai:mine", base_url="http://127.0.0.1:1/v1", context_tokens=4096).context_tokens == 4096


def test_an_address_in_the_spec_goes_before_the_installations() -> None:
    model = open_model("openai:mine@http://127.0.0.1:2/v1", base_url="http://127.0.0.1:1/v1")
    assert model.spec == "openai:mine@http://127.0.0.1:2/v1"
