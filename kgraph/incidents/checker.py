"""An answer held against its bundle, by somebody who had no part in it.

It reads the two documents and the causal rules, and uses nothing of the inference: whoever doubts
the engine reads this file instead. It finds an answer that contradicts itself, the graph, the
evidence or the rules. Whether another answer fits better it does not ask: `kgraph replay` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kgraph.incidents.steps import Ground, flaw_of
from kgraph.schema import Incident, Observation
from kgraph.schema.answers import FEW, UNLIKELY
from kgraph.schema.bundles import observation_out
from rca.rules.model import Model

SLACK = 1e-4  # probabilities are rounded, and there may be many
_SUM = "the hypotheses that blame it sum to"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in an answer that does not hold: where in the document, and why."""

    where: str
    what: str


def check_answer(
    answer: Document, incident: Incident, model: Model, spelled: Mapping[str, str] | None = None
) -> list[Flaw]:
    """Return what does not hold; empty: the answer is sound as far as it can be checked.

    Args:
        answer: the documented form.
        incident: the bundle, with its healthy rows spelled out (`expand_healthy`).
        model: the rules that the answer names.
        spelled: uid -> how the answer calls it, where that is another name.
    """
    names = spelled or {}
    evidence = [_spelled(row, names) for row in incident.observations]
    ground = Ground.of(incident, model, names)
    return [
        *_probabilities(answer),
        *_causes(answer, evidence, ground),
        *_paths(answer, evidence, ground),
        *_certificate(answer, evidence),
        *_doubts(answer, ground),
    ]


def _spelled(row: Observation, names: Mapping[str, str]) -> dict[str, Any]:
    return observation_out(row) | {"entity": names.get(row.entity, row.entity)}


def _probabilities(answer: Document) -> Iterator[Flaw]:
    rows = answer["hypotheses"]
    measured = bool(answer.get("calibration"))
    together = math.fsum(row["posterior"] for row in rows)
    if together > 1 + SLACK and not measured:
        yield Flaw("hypotheses", f"their probabilities sum to {together:.6f}, more than 1")
    named = [
        (f"{part}[{i}]", r) for part in ("hypotheses", "causes") for i, r in _rows(answer, part)
    ]
    for where, row in named:
        if not 0 <= row["posterior"] <= 1 + SLACK:
            yield Flaw(f"{where}.posterior", f"{row['posterior']} is no probability")
    for i, cause in _rows(answer, "causes"):
        modes = math.fsum(cause["modes"].values())
        if abs(min(1.0, modes) - cause["posterior"]) > SLACK:
            what = f"its modes sum to {modes:.6f}, it says {cause['posterior']:.6f}"
            yield Flaw(f"causes[{i}]", what)
        blaming = [row["posterior"] for row in rows if _blames(row, cause["entity"])]
        # Measured chances are each right by themselves, and need not add up.
        least = max(blaming, default=0.0) if measured else math.fsum(blaming)
        if least > cause["posterior"] + SLACK:
            how = "one of the hypotheses that blame it has" if measured else _SUM
            yield Flaw(f"causes[{i}]", f"{how} {least:.6f}, more than it has")
    yield from _order(answer)


def _order(answer: Document) -> Iterator[Flaw]:
    """Likeliest first, whether or not the chances were measured."""
    for i, (first, second) in enumerate(pairwise(answer.get("causes") or ()), start=1):
        if second["posterior"] > first["posterior"] + SLACK:
            yield Flaw(f"causes[{i}]", "is likelier than the one before it")


def _rows(answer: Document, part: str) -> Iterator[tuple[int, Document]]:
    yield from enumerate(answer.get(part) or ())


def _blames(row: Document, entity: str) -> bool:
    return any(member["entity"] == entity for member in row["members"])


def _causes(answer: Document, evidence: Sequence[Document], ground: Ground) -> Iterator[Flaw]:
    seen = {_key(row) for row in evidence}
    for i, cause in _rows(answer, "causes"):
        where = f"causes[{i}]"
        kind = ground.kind(cause["entity"])
        if kind is None:
            yield Flaw(where, f"{cause['entity']!r} is not in the graph of the bundle")
        elif kind != cause["kind"]:
            yield Flaw(where, f"is a {kind} in the bundle, not a {cause['kind']}")
        for part, sign in (("supporting", 1), ("contradicting", -1)):
            for j, row in enumerate(cause[part]):
                if _key(row) not in seen:
                    yield Flaw(f"{where}.{part}[{j}]", "is not in the evidence")
                if row["weight"] * sign < 0:
                    yield Flaw(f"{where}.{part}[{j}]", "its weight has the other sign")
        abnormal = sum(row["state"] == "abnormal" for row in cause["supporting"])
        more = len(cause["supporting"]) == FEW and abnormal < cause["explains"]
        if cause["explains"] != abnormal and not (more and cause["posterior"] < UNLIKELY):
            what = f"says {cause['explains']} and names {abnormal}"
            yield Flaw(f"{where}.explains", what)


def _key(row: Document) -> tuple[object, ...]:
    return tuple(
        row.get(name)
        for name in ("entity", "signal", "state", "score", "direction", "at", "caller")
    )


def _paths(answer: Document, evidence: Sequence[Document], ground: Ground) -> Iterator[Flaw]:
    shown = {(row["entity"], row["signal"]) for row in evidence if row["state"] == "abnormal"}
    blamed = {(fault["entity"], fault["mode"]) for fault in _best(answer)}
    for i, path in _rows(answer, "explanation"):
        where = f"explanation[{i}]"
        symptom = (path["symptom"]["entity"], path["symptom"]["signal"])
        if symptom not in shown:
            yield Flaw(where, f"{' '.join(symptom)} was not seen abnormal")
        cause = (path["cause"]["entity"], path["cause"]["mode"])
        if cause not in blamed:
            yield Flaw(where, f"{' '.join(cause)} is no fault of the best hypothesis")
        steps = path["steps"]
        ends = [(steps[0]["entity"], steps[0]["mode"]), steps[-1]["entity"]] if steps else []
        if ends != [cause, symptom[0]]:
            yield Flaw(where, "does not lead from its cause to its symptom")
        yield from _hops(steps, where, ground)


def _best(answer: Document) -> Sequence[Document]:
    """Return the members of the best hypothesis that has any."""
    return next((row["members"] for row in answer["hypotheses"] if row["members"]), ())


def _hops(steps: Sequence[Document], where: str, ground: Ground) -> Iterator[Flaw]:
    for j, step in enumerate(steps):
        if not 0 < step["probability"] <= 1:
            yield Flaw(f"{where}.steps[{j}]", f"{step['probability']} is no probability of a step")
    for j, (before, after) in enumerate(pairwise(steps), start=1):
        what = flaw_of(ground, before, after)
        if what:
            yield Flaw(f"{where}.steps[{j}]", what)


def _certificate(answer: Document, evidence: Sequence[Document]) -> Iterator[Flaw]:
    """Whether it may be one; that the answer does change without these, only asking can tell."""
    stated = answer.get("certificate")
    if not stated:
        return
    seen = {(row["entity"], row["signal"], row["state"]) for row in evidence}
    blamed = {fault["entity"] for fault in _best(answer)}
    if answer["abstained"] or not blamed:
        yield Flaw("certificate", "there is no winner that it could be about")
    for i, row in enumerate(stated["observations"]):
        if (row["entity"], row["signal"], row["state"]) not in seen:
            yield Flaw(f"certificate.observations[{i}]", "is not in the evidence")
    if not stated["observations"]:
        yield Flaw("certificate", "it names no observation")
    if blamed and blamed <= {fault["entity"] for fault in stated["instead"]}:
        yield Flaw("certificate.instead", "it still blames all that the answer blames")


def _doubts(answer: Document, ground: Ground) -> Iterator[Flaw]:
    for i, row in _rows(answer, "suspectRelations"):
        if not ground.related(row["from"], row["type"], row["to"]):
            told = f"{row['from']} {row['type']} {row['to']}"
            yield Flaw(f"suspectRelations[{i}]", f"there is no relation {told} to doubt")
