"""Real incidents, answered in full. Truth files are for the grader and not read here."""

from __future__ import annotations

from pathlib import Path

import pytest

import rca
from ingest.bundles import read_bundles
from rca.rules.model import Model

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "rca-cases"
SETS = ("petshop", "petshop_high_train", "nezha_ob", "nezha_tt_day1", "tvdiag_hotel")


@pytest.mark.skipif(not CASES.is_dir(), reason="the development cases are not in the repository")
@pytest.mark.parametrize("name", SETS)
def test_every_development_case_is_answered_with_chances(name: str, model: Model) -> None:
    path = CASES / f"{name}.bundles.jsonl"
    with path.open("rb") as stream:
        incidents = list(read_bundles(stream, path.name))
    assert incidents
    for incident in incidents:
        answer = rca.investigate(incident, model)
        assert answer.id == incident.id
        known = {entity.uid for entity in incident.entities}
        allowed = known if incident.candidates is None else known & set(incident.candidates)
        ranked = [cause.entity for cause in answer.causes]
        assert ranked or answer.abstained
        assert len(set(ranked)) == len(ranked)
        assert set(ranked) <= allowed
        if incident.candidates is not None:
            assert set(ranked) == allowed
        chances = [cause.posterior for cause in answer.causes]
        assert chances == sorted(chances, reverse=True)
        assert all(0 <= chance <= 1 for chance in [*chances, answer.elsewhere, answer.monitoring])
