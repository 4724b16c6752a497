"""Which tests go to one worker, so that what they share is made once: a service, a browser, a compiled UMAP.

Not by the mark `xdist_group`: pytest-xdist 3.8 writes it into a field that pytest 9.2 no longer reads, and splits groups
without a word.
"""

from __future__ import annotations

import os
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

TOGETHER: dict[str, tuple[str, ...]] = {
    "pages": ("tests/service/pages/test_browser.py", "tests/service/pages/test_pages.py"),
    "live service": (
        "tests/service/api/test_integrations.py",
        "tests/service/api/test_journey.py",
        "tests/service/api/test_readme.py::test_the_session_with_curl_works_verbatim",
        "tests/service/api/test_schemathesis.py",
    ),
    "embedding": (
        "tests/clustering/test_building.py",
        "tests/clustering/test_embedding.py",
        "tests/clustering/test_examples.py",
        "tests/clustering/test_grouping.py",
        "tests/clustering/test_quality.py",
        "tests/clustering/test_sizes.py",
        "tests/service/api/test_assigning.py",
        "tests/service/cli/test_evaluate.py",
        "tests/service/cli/test_keeping.py::test_a_doctor_tries",
        "tests/service/cli/test_personas.py",
    ),
    "wire": ("tests/llm/test_openai_wire.py",),
    "llama": ("tests/agents/test_attacks_on_llama.py", "tests/llm/test_llama_server.py"),
    "planted truth": ("tests/e2e/test_planted_truth.py",),
    "planted changes": ("tests/stability/test_planted.py",),
    "bad requests": ("tests/e2e/test_bad_requests.py",),
    "connections": ("tests/e2e/test_connections.py",),
}
"""Starts of node ids by what the tests share."""


def group_of(nodeid: str) -> str:
    """What its tests share, or the test itself: it goes to whichever worker is free."""
    return next((group for group, starts in TOGETHER.items() if nodeid.startswith(starts)), nodeid)


class TogetherScheduling(LoadScopeScheduling):
    """A group goes to one worker, the largest groups first; every other test to whichever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def made_once(what: str, temporary: Path) -> None:
    """Fails where another worker of this run has made the same: its tests belong into one group of TOGETHER.

    temporary: this worker's base folder, which lies in the run's.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is not None:
        (temporary.parent / f"{what}-{run}").touch(exist_ok=False)
