"""A short campaign: 20 of the kinds of faults, on one lab; `make campaign` is the long one."""

from __future__ import annotations

import os
import sys

import pytest

from tests.lab.campaign.__main__ import campaign
from tests.lab.campaign.faults import drawn
from tests.lab.campaign.report import as_it_should, misses, summary, table
from tests.lab.lab.laboratory import Lab

# Most of its time it waits, and it minds a busy machine less than others: under `make test` it
# has a process and a lab of its own.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

FAULTS = int(os.environ.get("KGRAPH_TEST_FAULTS", "20"))


def test_nothing_is_made_worse_and_what_can_be_healed_is(lab: Lab) -> None:
    chosen = [(0, number, inject) for number, inject in enumerate(drawn(0, FAULTS))]
    rows = [result.row() for result in campaign(lab, chosen)]
    # Shown where this fails.
    sys.stdout.write(f"\n{summary(rows)}\n\n{table(rows)}\n\n{misses(rows)}\n")
    assert len(rows) == FAULTS >= 20
    # Whatever the load of the machine: nothing wrong is done.
    assert [row["wrong_targets"] for row in rows if row["wrong_targets"]] == []
    assert [row["breaches"] for row in rows if row["breaches"]] == []
    assert [row["kind"] for row in rows if row["restrained"] is False] == []
    # A machine that is too busy to look is no fault of the repair: a few may take too long.
    assert sum(as_it_should(row) for row in rows) >= 0.8 * len(rows)
