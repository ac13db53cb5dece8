"""The only I/O: every object of some kinds, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kgraph.schema import SourceError
from kgraph.sourcekit import Node, parsed
from kgraph.web import Asker, Credentials, Service

# What is asked, by what it is called here.
PATHS = {
    "racks": "/api/dcim/racks/",
    "devices": "/api/dcim/devices/",
    "interfaces": "/api/dcim/interfaces/",
    "power_feeds": "/api/dcim/power-feeds/",
    "power_ports": "/api/dcim/power-ports/",
    "machines": "/api/virtualization/virtual-machines/",
}
# Of interfaces and ports only those with a cable: a switch has many that nobody uses. What is
# rendered for configuration takes NetBox longer than all the rest, and nobody reads it here.
_CABLED, _BARE = {"cabled": "true"}, {"exclude": "config_context"}
_WANTED = {
    **dict.fromkeys(("interfaces", "power_ports"), _CABLED),
    **dict.fromkeys(("devices", "machines"), _BARE),
}
_PAGE = 500
_MOST_PAGES = 2_000


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects by what they are; `findings` says what changed while it was read."""

    by_name: Mapping[str, tuple[Node, ...]]
    findings: tuple[str, ...] = ()

    def of(self, name: str) -> tuple[Node, ...]:
        """Return the objects of a name in `PATHS`."""
        return self.by_name[name]


def fetch(url: str, credentials: Credentials, ca_file: Path | None = None) -> Objects:
    """Read all pages.

    Pages are counted by position, so what is added or removed meanwhile shifts them: an object
    may then come twice or not at all, which is told, and the reading is no whole one. So each page
    begins with the last object of the one before: how many there are does not show it, as what
    was missed makes up for what is gone.

    Raises:
        SourceError: it does not answer, refuses, or answers nonsense.
    """
    found: dict[str, tuple[Node, ...]] = {}
    findings = []
    with Service("NetBox", url, credentials, ca_file=ca_file).asking() as ask:
        for name, path in PATHS.items():
            rows, count, shifted = _all(ask, path, _WANTED.get(name, {}))
            found[name] = tuple(rows.values())
            if shifted or len(rows) != count:
                told = f"{len(rows)} of {count} {name.replace('_', ' ')} were read"
                findings.append(f"netbox {url}: {told}: they changed meanwhile")
    return Objects(found, tuple(findings))


def _all(ask: Asker, path: str, wanted: Mapping[str, str]) -> tuple[dict[str, Node], int, bool]:
    """Return id -> object, how many there are by the last page's word, and whether any moved."""
    rows: dict[str, Node] = {}
    where = f"{ask.service.url.rstrip('/')}{path}"
    offset, last, shifted = 0, "", False
    for _ in range(_MOST_PAGES):
        place = {"limit": str(_PAGE), "offset": str(offset)}
        root = parsed(ask.get(path, {**wanted, **place}), where)
        if root.at("results").value is None:
            raise root.wrong("a page of results")
        seen = {row.needed("id"): row for row in root.at("results").each()}
        shifted = shifted or (bool(last) and next(iter(seen), "") != last)
        before = len(rows)
        rows |= seen
        count = root.whole("count")
        offset += len(seen)  # its own limit may be lower than ours
        if len(rows) == before or offset >= count:
            return rows, count, shifted
        last = next(reversed(seen))
        offset -= 1
    raise SourceError("its pages have no end", where=where, mend="is this NetBox?")
