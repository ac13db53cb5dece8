"""The only I/O: walk from the service root to systems, chassis and their power and fans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kgraph.schema import SourceError
from kgraph.sourcekit import Node, parsed
from kgraph.web import Asker, Credentials, RefusedError, Service

_ROOT = "/redfish/v1/"
_NOT_THERE = frozenset({404, 405, 410, 501})
_MOST = 64  # members of a collection: a controller has few


@dataclass(frozen=True, slots=True)
class Answers:
    """Systems, managers, and the power and thermal resources of their chassis."""

    systems: tuple[Node, ...]
    managers: tuple[Node, ...]
    power: tuple[Node, ...]
    thermal: tuple[Node, ...]


def fetch(url: str, credentials: Credentials, ca_file: Path | None = None) -> Answers:
    """Ask one controller.

    Raises:
        SourceError: unreachable, refused, or an answer that is no JSON.
    """
    with Service("the controller", url, credentials, ca_file=ca_file).asking() as ask:
        root = _resource(ask, _ROOT)
        if not any(root.text(name, "@odata.id") for name in ("Systems", "Managers", "Chassis")):
            mend = "is this a Redfish service?"
            raise SourceError("its root leads nowhere", where=root.where, mend=mend)
        chassis = tuple(_members(ask, root, "Chassis"))
        return Answers(
            tuple(_members(ask, root, "Systems")),
            tuple(_members(ask, root, "Managers")),
            tuple(_parts(ask, chassis, "Power")),
            tuple(_parts(ask, chassis, "Thermal")),
        )


def _resource(ask: Asker, path: str) -> Node:
    return parsed(ask.get(path), f"{ask.service.url.rstrip('/')}{path}")


def _members(ask: Asker, root: Node, name: str) -> Iterator[Node]:
    link = root.text(name, "@odata.id")
    if not link:
        return
    for member in list(_resource(ask, link).at("Members").each())[:_MOST]:
        yield _resource(ask, member.needed("@odata.id"))


def _parts(ask: Asker, chassis: tuple[Node, ...], name: str) -> Iterator[Node]:
    """Yield a part of each chassis; some have none, or answer that they have none."""
    for each in chassis:
        link = each.text(name, "@odata.id")
        if not link:
            continue
        try:
            answer = ask.get(link)
        except RefusedError as error:
            if error.status not in _NOT_THERE:  # a session that has expired is no lost supply
                raise
            continue
        yield parsed(answer, f"{ask.service.url.rstrip('/')}{link}")
