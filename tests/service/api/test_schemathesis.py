"""Random requests over the whole document: no 5xx, and no answer that the document does not tell of.

REHEARING_TEST_EXAMPLES sets how many requests each operation gets in each mode.
"""

from __future__ import annotations

import os
from typing import Any
from unittest import SkipTest

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from tests.service.api.conftest import Live, kept_operations

pytestmark = [
    # another test's service may still run in a thread of this process, and draw random numbers of its own
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]


OPERATIONS = sorted(
    told["operationId"]
    for _, _, told in kept_operations()
    if told["operationId"] not in ("stream_events", "import_batch")  # a stream and an archive: tested by themselves
)


@pytest.fixture(scope="module")
def document(live: Live) -> Any:
    """The document as a live service serves it."""
    import schemathesis  # a second, and only the worker that has these tests needs it

    return schemathesis.openapi.from_url(f"{live.url}/openapi.json")


EXAMPLES = int(os.environ.get("REHEARING_TEST_EXAMPLES", "3"))


def checks() -> list[Any]:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    return [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"], ids=["as documented", "against it"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_breaks_the_service_or_the_document(document: Any, name: str, mode: str) -> None:
    from schemathesis import GenerationMode

    asked = checks()
    operation = document.find_operation_by_id(name)
    try:
        cases = operation.as_strategy(generation_mode=GenerationMode[mode])

        @given(case=cases)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def requests(case: Any) -> None:
            case.call_and_validate(checks=asked, timeout=150)

        requests()
    except (Unsatisfiable, SkipTest):  # without parameters or body, nothing can be against the document
        assert mode == "NEGATIVE"
