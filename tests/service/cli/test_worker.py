"""`rehearing worker` gives what it counts to whoever scrapes it."""

from __future__ import annotations

import re
import socket

import httpx
import pytest

from service.cli.commands.worker import metrics_served
from service.settings import Settings
from service.telemetry import Metrics
from tests.service.api.test_telemetry import SECRET, call


def test_a_worker_gives_its_own_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics()
    metrics.record_call(call())
    with metrics_served(metrics, Settings(metrics_port=0, _env_file=None)):
        address = re.findall(r"http://\S+", capsys.readouterr().err)[0]
        text = httpx.get(address, trust_env=False).text
    assert 'rehearing_model_calls_total{model="openai:small",outcome="ok",purpose="judging"} 1.0' in text
    assert SECRET not in text
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)


def test_without_a_port_it_gives_them_to_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with metrics_served(Metrics(), Settings(_env_file=None)):
        assert capsys.readouterr().err == ""


def test_a_port_that_is_taken_is_named_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(RuntimeError, match=rf"127\.0\.0\.1:{port}.*REHEARING_METRICS_PORT"),
            metrics_served(Metrics(), Settings(metrics_port=port, _env_file=None)),
        ):
            raise AssertionError("it must not begin")
