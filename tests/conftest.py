"""No test reaches the network: sockets may only go to this machine."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import pytest

from tests.servers.fixtures import llama_server, model_server
from tests.servers.loopback import stay_here

__all__ = ["llama_server", "model_server"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# a busy machine is no counterexample; a test with a list of its own names `too_slow` as well
hypothesis.settings.register_profile(
    "rehearing", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("rehearing")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Any:
    patch = pytest.MonkeyPatch()
    stay_here(patch.setattr)
    yield
    patch.undo()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keeps tests together that share what is dear."""
    from tests.scheduling import TogetherScheduling

    return TogetherScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Where everything is required (CI), a test that would skip for want of a browser, a server or an environment fails instead."""
    report = yield
    needs = {"browser", "postgres", "llama", "integrations"} & {mark.name for mark in item.iter_markers()}
    if report.skipped and needs and os.environ.get("REHEARING_TEST_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, but {', '.join(sorted(needs))} is required here: {report.longrepr}"
        )
    return report
