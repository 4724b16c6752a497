"""The models of one process: each opened once, shared by every run, closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm import Model, ModelConfigurationError, parse_spec
from service.settings import Settings

if TYPE_CHECKING:
    from clustering import Embedder


class Models:
    """Opens models and the embedding model when they are first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, Model] = {}
        self._embedder: Embedder | None = None

    def get(self, spec: str) -> Model:
        """The shared model that `spec` names. Raises ModelConfigurationError."""
        if spec not in self._open:
            self._open[spec] = open_configured_model(spec, self._settings)
        return self._open[spec]

    def check(self, spec: str) -> Model:
        """The shared model, if a request may name it. Raises ModelConfigurationError.

        A spec with an address could send our key, or a request from inside our network, to anywhere: it must be
        allowed by name.
        """
        settings = self._settings
        ours = {settings.model, settings.persona_model, *settings.models_allowed}
        if spec not in ours:
            if settings.models_allowed:
                raise ModelConfigurationError(
                    f"model {spec!r} is not offered here; choose one of {', '.join(sorted(name for name in ours if name))}"
                )
            if parse_spec(spec).base_url is not None:
                raise ModelConfigurationError(
                    f"model {spec!r} names an address; only the operator can allow one, in REHEARING_MODELS_ALLOWED"
                )
        return self.get(spec)

    def embedder(self) -> Embedder:
        """The shared embedding model; the first call loads it, which takes seconds: call it off the event loop."""
        from clustering import open_embedder

        if self._embedder is None:
            cache = self._settings.data_dir / "embeddings"
            self._embedder = open_embedder(self._settings.embedding_model, cache)
        return self._embedder

    async def aclose(self) -> None:
        for model in self._open.values():
            await model.aclose()
        self._open.clear()


def open_configured_model(spec: str, settings: Settings) -> Model:
    """The model with the installation's address and key. Raises ModelConfigurationError."""
    from llm import open_model

    key = settings.api_key.get_secret_value() if settings.api_key else None
    ours = parse_spec(spec).provider == "openai"  # another provider's requests would go to the wrong server
    return open_model(
        spec, base_url=settings.base_url if ours else None, api_key=key, context_tokens=settings.context_tokens
    )
