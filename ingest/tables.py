"""CSV tables: one row an entity, and what it depends on, as spreadsheets and CMDB exports have it.

    files (the only I/O) -> rows with their line -> Record | RelationRecord

A column says what it holds by its heading, or by the `columns` of the entry:

    id, kind, name              the row's own name, its kind, what people call it
    key.serial                  an identity claim; the namespaces are listed with the kinds
    label.owner, prop.cpus      a label, a property
    rel.POWERED_BY              ids of rows that it depends on, all of them needed
    any.POWERED_BY              the same, one of them is enough
    rel.LOCATED_IN.Rack         names of things without a row, which the column makes

The kind `Machine` means a guest where the graph knows it as one, else a host.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from kgraph.schema import (
    KINDS,
    RELATIONS,
    InputError,
    Record,
    RelationRecord,
    Scalar,
    suggest,
    suggest_kind,
)
from kgraph.sourcekit import MACHINES, Found, Here, Machine, Source, SourceEntry, content, folded
from kgraph.sourcekit.machines import Told

NAME = "csv"
MACHINE = "Machine"
_HEADINGS = re.compile(
    r"id|kind|name|uuid|address|(key|label|prop)\.\w+|(rel|any)\.[A-Z_]+(\.[A-Za-z]+)?"
)
_COUNT = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d+)?")


class Entry(SourceEntry):
    """Tables of entities and, if need be, one of relations between them."""

    type: Literal["csv"]
    path: Path
    relations: Path | None = None  # columns from, type, to, group, need
    kind: str = ""  # of rows without one
    columns: Mapping[str, str] = {}  # heading as above -> heading in the file
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind and kind not in {*KINDS, MACHINE}:
            raise ValueError(f"unknown kind {kind!r}; {suggest_kind(kind)}")
        return kind

    @field_validator("columns")
    @classmethod
    def _once(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        twice = [theirs for theirs, times in Counter(columns.values()).items() if times > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is given to two of them; copy that column")
        return columns

    @property
    def subject(self) -> str:
        """The table."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: heading -> what stands there, without empty cells."""

    cells: Mapping[str, str]
    where: str

    def wrong(self, what: str, mend: str) -> InputError:
        """Return the error that this row is."""
        return InputError(what, where=self.where, mend=mend)


def read(entry: Entry, here: Here) -> Found:
    """Read the tables of an entry.

    Raises:
        InputError: with file and line.
    """
    path = here.resolve(entry.path)
    rows, left_out = table(content(path), str(path), entry)
    links: list[Row] = []
    if entry.relations is not None:
        links = ends(content(here.resolve(entry.relations)), str(entry.relations), entry.delimiter)
    findings = []
    if left_out:
        mend = "`columns` says what they are, such as address, label.x or prop.x"
        findings.append(f"columns left out: {', '.join(left_out)}; {mend}")
    findings += _contradicted(rows)
    items = folded((*normalise(rows, entry.kind, here), *map(_link, links)))
    return Found(str(path), items, findings=tuple(findings))


def table(text: str, where: str, entry: Entry) -> tuple[list[Row], list[str]]:
    """Return the rows of a table of entities, and the headings that mean nothing to us."""
    ours = {theirs: heading for heading, theirs in entry.columns.items()}
    headings, rows = _rows(text, where, entry.delimiter)
    shown = ", ".join(headings)
    for wanted in ours:
        if wanted not in headings:
            raise InputError(f"no column {wanted!r}", where=where, mend=f"its columns: {shown}")
    # A heading of theirs that is one of ours means nothing where another one was given that.
    meant = {h: ours.get(h, "" if h in entry.columns else h) for h in headings}
    if not {"id", "name"} & {*meant.values()}:
        mend = f"its columns: {shown}; say by `columns` or `delimiter` what they are"
        raise InputError("neither a column id nor a column name", where=where, mend=mend)
    left_out = [heading for heading, our in meant.items() if not _HEADINGS.fullmatch(our)]
    for our in set(meant.values()) - set(left_out):
        _check(our, where)
    kept = [
        Row(
            {meant[h]: cell for h, cell in row.cells.items() if cell and h not in left_out},
            row.where,
        )
        for row in rows
    ]
    return [row for row in kept if row.cells], left_out


def _contradicted(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a line for each further row of an id that says something else than the first.

    Several rows may tell of the dependencies of one thing.
    """
    first: dict[str, Row] = {}
    for row in rows:
        key = row.cells.get("id") or row.cells.get("name", "")
        stands = first.setdefault(key, row).cells
        told = {h: cell for h, cell in row.cells.items() if not h.startswith(("rel.", "any."))}
        others = sorted(heading for heading, cell in told.items() if stands.get(heading) != cell)
        if others:
            yield f"{row.where}: {key!r} had a row, which stands; this one differs in {others[0]}"


def ends(text: str, where: str, delimiter: str) -> list[Row]:
    """Return the rows of a table of relations."""
    _, rows = _rows(text, where, delimiter)
    for row in rows:
        lacking = [name for name in ("from", "type", "to") if not row.cells.get(name)]
        if lacking:
            raise row.wrong(f"no {lacking[0]}", "the columns are from, type, to, group, need")
        if row.cells.get("need") and not _COUNT.fullmatch(row.cells["need"]):
            raise row.wrong(f"need {row.cells['need']!r} is no number", "write how many must work")
    return rows


def _rows(text: str, where: str, delimiter: str) -> tuple[list[str], list[Row]]:
    """Return the headings, and the rows under them."""
    lines = _lines(text, where, delimiter)
    head, place = next(lines, ([], where))
    if not head:
        raise InputError("it is empty", where=where, mend="the first line names the columns")
    headings = [cell.strip() for cell in head]
    twice = {h for h in headings if h and headings.count(h) > 1}
    if twice:
        raise InputError(f"two columns {min(twice)!r}", where=place, mend="rename one")
    read: list[tuple[list[str], str]] = []
    for cells, at in lines:
        if len(cells) > len(headings):
            what = f"{len(cells)} cells under {len(headings)} headings"
            raise InputError(what, where=at, mend="quote cells that hold the delimiter")
        read.append((cells, at))
    filled = [line for line in read if any(cell.strip() for cell in line[0])]
    if filled and filled[-1] is read[-1] and not text.endswith(("\n", "\r")):
        _refuse_cut_off([len(cells) for cells, _ in filled], len(headings), filled[-1][1])
    return headings, [Row(_cells(headings, cells), at) for cells, at in filled]


def _lines(text: str, where: str, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Yield the cells of each line that has any, and where it stands."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells:
                yield cells, f"{where}:{reader.line_num}"
    except csv.Error as error:
        place = f"{where}:{reader.line_num}"
        raise InputError(f"not CSV: {error}", where=place, mend="look at its quotes") from None


def _cells(headings: list[str], cells: list[str]) -> dict[str, str]:
    """Return heading -> cell; a row may leave out the last ones."""
    stripped = (cell.strip() for cell in cells)
    return {**dict.fromkeys(headings, ""), **dict(zip(headings, stripped, strict=False))}


def _refuse_cut_off(widths: list[int], headings: int, last: str) -> None:
    """Refuse a table whose last line is not ended and has fewer cells than the others.

    Half a table is a whole one to who reads it, and what it does not name yet would close.

    Args:
        widths: of the rows, in cells.
        headings: how many there are.
        last: where the last row stands.
    """
    usual = max(widths[:-1], default=headings)  # all may leave out the last columns
    if widths[-1] < usual:
        what = f"the last line ends after {widths[-1]} of {usual} cells: cut off"
        raise InputError(what, where=last, mend="write it whole, or end the line if it is")


def _check(heading: str, where: str) -> None:
    """Refuse a column whose relation or kind there is not, before thousands of rows do."""
    what, _, rest = heading.partition(".")
    if what not in {"rel", "any"}:
        return
    relation, _, kind = rest.partition(".")
    if relation not in RELATIONS:
        mend = suggest(relation, RELATIONS, f"known: {', '.join(RELATIONS)}")
        raise InputError(
            f"column {heading!r}: unknown relation {relation!r}", where=where, mend=mend
        )
    if kind and kind not in KINDS:
        raise InputError(
            f"column {heading!r}: unknown kind {kind!r}", where=where, mend=suggest_kind(kind)
        )


def normalise(rows: Iterable[Row], kind: str, here: Here) -> Iterator[Told]:
    """Yield each row's entity, and what it depends on."""
    for row in rows:
        key = row.cells.get("id") or row.cells.get("name", "")
        if not key:
            raise row.wrong("neither id nor name", "fill in one of them, or map it by `columns`")
        yield _entity(key, row, row.cells.get("kind") or kind, here)
        for heading, cell in row.cells.items():
            yield from _dependencies(key, heading, cell, here)


def _entity(key: str, row: Row, kind: str, here: Here) -> Told:
    cells = row.cells
    name, labels = cells.get("name", key), _under("label", cells)
    props: dict[str, Scalar] = {n: _scalar(cell) for n, cell in _under("prop", cells).items()}
    if kind not in {*KINDS, MACHINE}:
        what = f"unknown kind {kind!r}" if kind else "no kind"
        raise row.wrong(what, suggest_kind(kind) if kind else "add a column kind, or `kind`")
    claims = [here.key(n, cell) for n, cell in _under("key", cells).items()]
    if kind in {MACHINE, *MACHINES}:
        known = "" if kind == MACHINE else kind
        return Machine(
            key,
            name,
            cells.get("uuid", ""),
            (cells["address"],) if "address" in cells else (),
            labels=labels,
            props=props,
            kind=known,
            claims=tuple(claims),
            where=row.where,
        )
    claims += [here.key("name", name)] if "name" in KINDS[kind].weak else []
    if "address" in cells:
        claims.append(here.key("ip", cells["address"]))
    if "uuid" in cells:
        uuids = (n for n in KINDS[kind].strong if n.lower().endswith("uuid"))
        claims += [here.key(namespace, cells["uuid"]) for namespace in uuids]
    return Record(key, kind, name, tuple(dict.fromkeys(claims)), labels, props, where=row.where)


def _dependencies(key: str, heading: str, cell: str, here: Here) -> Iterator[Told]:
    what, _, rest = heading.partition(".")
    if what not in {"rel", "any"}:
        return
    relation, _, kind = rest.partition(".")
    group = heading if what == "any" else None
    for name in (part.strip() for part in cell.split(";")):
        other = f"{kind}:{name}" if kind else name
        if name and kind in MACHINES:
            yield Machine(other, name, kind=kind)
        elif name and kind:
            yield Record(other, kind, name, (here.key("name", name),))
        if name:
            yield RelationRecord(key, relation, other, group, 1 if group else None)


def _link(row: Row) -> RelationRecord:
    cells = row.cells
    need = int(cells["need"]) if cells.get("need") else None
    group = cells.get("group") or None
    return RelationRecord(cells["from"], cells["type"], cells["to"], group, need, row.where)


def _under(what: str, cells: Mapping[str, str]) -> dict[str, str]:
    lead = f"{what}."
    return {h.removeprefix(lead): cell for h, cell in cells.items() if h.startswith(lead)}


def _scalar(cell: str) -> Scalar:
    """Read a number as such; `007` is no number, but a name that looks like one."""
    if _NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    return {"true": True, "false": False}.get(cell.lower(), cell)


SOURCE = Source(NAME, Entry, read)
