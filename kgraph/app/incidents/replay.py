"""Asking again: is the answer that was given still the answer, and does it hold?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgraph.app.asking.answers import ANSWERED, document
from kgraph.app.asking.certified import certified
from kgraph.app.asking.investigation import Investigation, Toolkit, model_for
from kgraph.app.incidents.keeping import again
from kgraph.incidents import Origin
from kgraph.incidents.checker import Flaw, check_answer
from kgraph.schema import IncidentRecord, InputError
from rca import Model
from rca.certificate import without
from rca.engine import verdict

TIMED = {"elapsedSeconds", ANSWERED}  # what differs between two runs
_NOTHING = "—"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in two answers that differs; what is not there is told as such."""

    where: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer as it was given, the same question asked again, and what differs."""

    then: Document
    now: Investigation
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> bool:
        """Whether both answers are the same to the byte, the time taken apart."""
        return not self.differences


def of_record(record: IncidentRecord, toolkit: Toolkit) -> Replay:
    """Ask a kept incident again, from its own bundle."""
    then = json.loads(record.answer)
    found = again(record, toolkit)
    found = replace(found, case=replace(found.case, origin=Origin.STORE))
    return compared(then, found, toolkit)


def compared(then: Document, found: Investigation, toolkit: Toolkit) -> Replay:
    """Compare an answer with the one that is given now; with a certificate if that was asked."""
    if then.get("certificate") or then.get("suspectRelations") is not None:
        found = certified(found, toolkit)
    now = json.loads(json.dumps(document(found)))
    return Replay(then, found, tuple(_differences(_timeless(then), _timeless(now), "")))


def _timeless(answer: Document) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in TIMED}


def _differences(then: object, now: object, where: str) -> Iterator[Difference]:
    if isinstance(then, dict) and isinstance(now, dict):
        for name in [*then, *(name for name in now if name not in then)]:
            place = f"{where}.{name}" if where else name
            yield from _both(then, now, name, name in then, name in now, place)
        if list(then) != list(now) and then.keys() == now.keys():
            yield Difference(where, " ".join(then), " ".join(now))
    elif isinstance(then, list) and isinstance(now, list):
        for i in range(max(len(then), len(now))):
            yield from _both(then, now, i, i < len(then), i < len(now), f"{where}[{i}]")
    elif json.dumps(then) != json.dumps(now):
        yield Difference(where, json.dumps(then), json.dumps(now))


def _both(
    then: Any,  # noqa: ANN401 - two mappings or two lists
    now: Any,  # noqa: ANN401
    key: str | int,
    before: bool,  # noqa: FBT001
    after: bool,  # noqa: FBT001
    place: str,
) -> Iterator[Difference]:
    if before and after:
        yield from _differences(then[key], now[key], place)
    else:
        told = [
            json.dumps(side[key]) if there else _NOTHING
            for side, there in ((then, before), (now, after))
        ]
        yield Difference(place, *told)


def checked(replay: Replay, toolkit: Toolkit) -> list[Flaw]:
    """Hold the answer that was given against its bundle, without and then with the engine.

    Raises:
        InputError: it is no answer in the documented form.
    """
    case = replay.now.case
    model = model_for(case.incident, toolkit)
    try:
        flaws = check_answer(replay.then, case.incident, model, replay.now.spelled)
        return [*flaws, *_certificate(replay, model)]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"no answer in the documented form: {type(error).__name__} {error}",
            where=f"answer to {case.id}",
            mend="take what `kgraph investigate --output json` of this version writes",
        ) from error


def _certificate(replay: Replay, model: Model) -> Iterator[Flaw]:
    """Take the stated observations away and ask: the engine is a black box here."""
    stated = replay.then.get("certificate")
    if not stated:
        return
    uids = {name: uid for uid, name in replay.now.spelled.items()}
    incident = replay.now.case.incident
    blamed = {uids.get(f["entity"], f["entity"]) for f in _best(replay.then)}

    def changes(gone: list[tuple[str, str]]) -> bool:
        return not blamed <= verdict(without(incident, gone), model).blamed

    rows = stated["observations"]
    pairs = [(uids.get(row["entity"], row["entity"]), row["signal"]) for row in rows]
    if not changes(pairs):
        yield Flaw("certificate", "without these observations the answer stays the same")
    for i, pair in enumerate(pairs if stated["minimal"] and len(pairs) > 1 else ()):
        if changes([other for other in pairs if other != pair]):
            what = "is not needed: without the others the answer changes all the same"
            yield Flaw(f"certificate.observations[{i}]", what)


def _best(answer: Document) -> list[Document]:
    return next((row["members"] for row in answer["hypotheses"] if row["members"]), [])


def answers(path: Path) -> dict[str, Document]:
    """Read answers, one JSON object or one a line, by the id of their incident.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from error
    mend = "take what `kgraph investigate --output json` writes"
    try:
        rows = [json.loads(text)]
    except ValueError:
        rows = [_line(line, f"{path}:{n}", mend) for n, line in enumerate(text.splitlines(), 1)]
    found: dict[str, Document] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise InputError("no answer: it has no id", where=str(path), mend=mend)
        found[row["id"]] = row
    return found


def _line(line: str, where: str, mend: str) -> object:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=where, mend=mend) from None
