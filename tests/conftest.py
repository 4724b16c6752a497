"""No test reaches the network: sockets may only go to this machine."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

hypothesis.settings.register_profile("rehearing", deadline=None)  # a busy machine is no counterexample
hypothesis.settings.load_profile("rehearing")

_SERVERS = importlib.util.spec_from_file_location("test_servers", Path(__file__).parent / "servers" / "fixtures.py")
assert _SERVERS is not None
assert _SERVERS.loader is not None
_servers = sys.modules["test_servers"] = importlib.util.module_from_spec(_SERVERS)
_SERVERS.loader.exec_module(_servers)
model_server, llama_server = _servers.model_server, _servers.llama_server

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


def _refuse_outward(address: Any) -> None:
    if not isinstance(address, tuple):
        return  # a Unix socket
    host = str(address[0])
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise RuntimeError(f"a test tried to reach {host!r}; tests stay on this machine")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        _refuse_outward(address)
        return _connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> Any:
        _refuse_outward(address)
        return _connect_ex(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    patch.setattr(socket.socket, "connect_ex", connect_ex)
    yield
    patch.undo()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keeps tests together that share what is dear."""
    from tests.scheduling import TogetherScheduling

    return TogetherScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Where everything is required (CI), a test that would skip for want of a browser or a server fails instead."""
    report = yield
    needs = {"browser", "postgres", "llama"} & {mark.name for mark in item.iter_markers()}
    if report.skipped and needs and os.environ.get("REHEARING_TEST_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, but {', '.join(sorted(needs))} is required here: {report.longrepr}"
        )
    return report
