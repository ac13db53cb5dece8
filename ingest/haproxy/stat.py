"""The CSV of `show stat`, read by its own headings: versions differ in what they tell."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from kgraph.schema import SourceError

_NEEDED = ("pxname", "svname", "status")
_LISTENER = "3"  # a row for each address that is bound, where `option socket-stats` asks for it
_MEND = "is this HAProxy's statistics, whole?"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of statistics.

    Attributes:
        proxy: the front end or back end.
        name: `FRONTEND`, `BACKEND`, or the server.
        status: such as `UP`, `DOWN 1/2`, `MAINT (via web/web1)`, `no check`, `OPEN`.
        address: of a server, with port; "" where it is not told.
        check: why, such as `L4CON` or `L7STS/503`, with what the check said.
    """

    proxy: str
    name: str
    status: str
    address: str = ""
    check: str = ""
    backup: bool = False


def rows(text: str, where: str) -> list[Row]:
    """Read statistics.

    Raises:
        SourceError: it is something else, or was cut off.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("# "), newline=""), strict=True)
    lacking = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if lacking:
        raise SourceError(f"no column {lacking[0]} in {text[:60]!r}", where=where, mend=_MEND)
    try:
        whole = (told for told in reader if told["pxname"] and told.get("type") != _LISTENER)
        return [_row(told, where, reader.line_num) for told in whole]
    except csv.Error as error:
        place = f"{where}: line {reader.line_num}"
        raise SourceError(f"not CSV: {error}", where=place, mend=_MEND) from None


def _row(told: dict[str, str | None], where: str, line: int) -> Row:
    if not told["svname"] or told["status"] is None:
        raise SourceError("cut off", where=f"{where}: line {line}", mend=_MEND)
    code = "/".join(filter(None, (told.get("check_status"), told.get("check_code"))))
    said = " ".join(filter(None, (code.lstrip("* "), told.get("last_chk"))))
    return Row(
        told["pxname"] or "",
        told["svname"],
        told["status"],
        told.get("addr") or "",
        said,
        backup=told.get("bck") == "1",
    )
