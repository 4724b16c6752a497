"""What `rehearing doctor` tries out: settings that would otherwise be believed until the first work that needs them."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from llm import Model
    from service.application import Application, Check
    from service.settings import Settings

_CONNECT_S = 3.0
_TRIED = "the crew is ready"
"""Embedded to see whether the model does."""


async def check_up(application: Application) -> list[Check]:
    """Each thing that is configured and can be tried, failed ones with what to put right."""
    settings = application.settings
    return [
        await asyncio.to_thread(_check_folder, settings),
        await _check_access(application),
        *([await asyncio.to_thread(_check_embedding, application)] if settings.embedding_model else []),
        await _check_model(application, "model", settings.model),
        *([await _check_model(application, "persona model", settings.persona_model)] if settings.persona_model else []),
        *_check_allowed(application),
        *([await asyncio.to_thread(_check_collector, settings.otlp_endpoint)] if settings.otlp_endpoint else []),
    ]


def _check_folder(settings: Settings) -> Check:
    """Spool and embedding cache lie there, whichever the database is."""
    from service.application import Check

    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data_dir):
            return Check("data folder", "ok", str(settings.data_dir))
    except OSError as error:
        told = f"{settings.data_dir} cannot be written to ({error.strerror}); name another as REHEARING_DATA_DIR"
        return Check("data folder", "failed", told)


async def _check_access(application: Application) -> Check:
    from service.api import refuse_open_door
    from service.api.callers import OpenDoorError
    from service.application import Check

    try:
        await refuse_open_door(application, application.settings)
    except OpenDoorError as error:
        return Check("access", "failed", str(error))
    return Check("access", "ok", f"host {application.settings.host!r}")


def _check_embedding(application: Application) -> Check:
    """Loads the configured model and embeds a sentence, without the cache, which may know it from a model that is gone.

    Whatever lies in a folder may break in its own way."""
    from clustering import open_embedder
    from service.application import Check

    try:
        embedder = open_embedder(application.settings.embedding_model)
        vectors = embedder.embed([_TRIED])
    except Exception as error:
        name, told = application.settings.embedding_model, " ".join(str(error).split())[:400]
        why = told if repr(name) in told else f"{name!r} cannot be loaded: {type(error).__name__}: {told}"
        return Check("embedding", "failed", f"REHEARING_EMBEDDING_MODEL: {why}")
    return Check("embedding", "ok", f"{embedder.name} gives {vectors.shape[1]} dimensions")


async def _check_model(application: Application, name: str, spec: str) -> Check:
    from llm import ModelConfigurationError, probe
    from service.application import Check

    try:
        model: Model = application.context.models.get(spec)
    except ModelConfigurationError as error:
        return Check(name, "failed", str(error))
    found = await probe(model)
    if found.error is not None:
        return Check(name, "failed", found.error)
    return Check(name, "ok", f"{spec} answered as {found.model_answered!r} in {found.latency_s:.2f} s")


def _check_allowed(application: Application) -> list[Check]:
    """Models that requests may name are opened and not asked: each answer may cost."""
    from llm import ModelConfigurationError
    from service.application import Check

    specs, broken = application.settings.models_allowed, []
    for spec in specs:
        try:
            application.context.models.get(spec)
        except ModelConfigurationError as error:
            broken.append(str(error))
    if broken:
        return [Check("models allowed", "failed", "; ".join(broken))]
    return [Check("models allowed", "ok", f"{len(specs)} can be opened, none was asked")] if specs else []


def _check_collector(endpoint: str) -> Check:
    """Traces that nobody takes are lost, and nothing else: degraded."""
    from service.application import Check

    parts = urlsplit(endpoint)
    try:
        address = (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme])
        socket.create_connection(address, timeout=_CONNECT_S).close()
    except (OSError, ValueError) as error:
        return Check("traces", "degraded", f"nobody takes traces at {endpoint} ({error}); work goes on without them")
    return Check("traces", "ok", endpoint)
