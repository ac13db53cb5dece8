"""The OpenAPI document is what the service does: schemathesis asks it what the document allows."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings

from kgraph.app.service.tokens import Role
from kgraph.config import Configuration
from kgraph.server.limits import Rate
from kgraph.server.service import Service

from .conftest import listening

_LIMITS = "[server]\nrequests_per_second = 100000\nburst = 1000000\n"
_EXAMPLES = 3  # of an operation; the document has more than eighty


def test_every_operation_answers_as_the_document_says(
    configured: Callable[[str], Configuration], token: Callable[[Role], dict[str, str]]
) -> None:
    # Which takes a while to import, for one test of thousands.
    import schemathesis  # noqa: PLC0415
    from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: PLC0415

    # A cursor, and what a hook takes, mean more than a schema says: 400 is right for a text.
    excluded = [positive_data_acceptance]
    headers = token(Role.ADMIN)
    service = Service(configured(_LIMITS))
    service.guesses = Rate(1e6, 10**6, time.monotonic)  # it tries wrong tokens, too
    with listening(service) as url:
        schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", timeout=120)
        asked = 0
        for found in schema.exclude(path="/api/v1/events").get_all_operations():  # it has no end
            operation = found.ok()

            @given(case=operation.as_strategy())
            @settings(
                max_examples=_EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: schemathesis.Case) -> None:
                case.call_and_validate(headers=headers, excluded_checks=excluded)

            ask()
            asked += 1
    assert asked > 20
