"""The event loop and the memory of long-running commands."""

from __future__ import annotations

import asyncio
import gc
import resource
from collections.abc import Coroutine
from typing import Any

_FILES_MAX = 65_536
"""More clients than one process serves well."""
_YOUNG_OBJECTS = 20_000
"""Made between two looks for garbage. A hearing makes thousands that refer to one another, and nearly all of them die young."""


def run_serving(work: Coroutine[Any, Any, None]) -> None:
    """Runs with as many open files as the system allows, and on uvloop where it is installed.

    uvloop takes a quarter less processor time for each model call (bench/calls.py).
    """
    _allow_many_files()
    try:
        import uvloop
    except ImportError:  # not built for every platform
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def settle_memory() -> None:
    """Exempts everything that is loaded by now from garbage collection.

    The modules and classes of the service are 200,000 objects that stay for ever. Looking through them stops every
    request and hearing for 0.15 s, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def _allow_many_files() -> None:
    """Every client that follows a stream holds a file; a shell gives a process 1,024 of them, but mostly allows it more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, _FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
