"""From a spec to a model."""

from __future__ import annotations

from llm.errors import ModelConfigurationError
from llm.model import Model
from llm.simulated import SimulatedJudge, SimulatedParameters
from llm.spec import parse_spec


def open_model(spec: str, *, base_url: str | None = None, api_key: str | None = None) -> Model:
    """The model that a spec names; see `llm.spec` for the forms.

    Nothing is sent: `probe` says whether it answers. Create once and share. Raises `ModelConfigurationError`.
    """
    parsed = parse_spec(spec)
    if parsed.provider == "simulated":
        return SimulatedJudge(SimulatedParameters.parse(parsed.name))
    raise ModelConfigurationError(f"model {spec!r}: no such provider")
