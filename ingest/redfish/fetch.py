"""The only I/O: walk from the service root to systems, chassis and their power and fans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kgraph.schema import SourceError
from kgraph.sourcekit import Node, parsed
from kgraph.web import Asker, Credentials, RefusedError, Service

_ROOT = "/redfish/v1/"
_NOT_THERE = frozenset({404, 405, 410, 501})
_MOST = 1_000  # members of a collection: a controller has few, and one of a whole rack some more
# Where a chassis tells of its supplies and fans; since 2020.4 each is a resource of its own there.
_POWER = ("Power", "PowerSubsystem", "PowerSupplies")
_THERMAL = ("Thermal", "ThermalSubsystem", "Fans")


@dataclass(frozen=True, slots=True)
class Part:
    """The supplies, or the fans and temperatures, of one chassis."""

    chassis: str
    node: Node


@dataclass(frozen=True, slots=True)
class Answers:
    """Systems, managers, and the power and thermal resources of their chassis.

    Attributes:
        missing: what is listed and did not answer to its address, one line each.
    """

    systems: tuple[Node, ...]
    managers: tuple[Node, ...]
    power: tuple[Part, ...]
    thermal: tuple[Part, ...]
    missing: tuple[str, ...] = ()


def fetch(url: str, credentials: Credentials, ca_file: Path | None = None) -> Answers:
    """Ask one controller.

    Raises:
        SourceError: unreachable, refused, or an answer that is no JSON.
    """
    with Service("the controller", url, credentials, ca_file=ca_file).asking() as ask:
        walk = _Walk(ask)
        root = walk.resource(_ROOT)
        if not any(root.text(name, "@odata.id") for name in ("Systems", "Managers", "Chassis")):
            mend = "is this a Redfish service?"
            raise SourceError("its root leads nowhere", where=root.where, mend=mend)
        chassis = dict(walk.members(root, "Chassis"))
        return Answers(
            tuple(dict(walk.members(root, "Systems")).values()),
            tuple(dict(walk.members(root, "Managers")).values()),
            tuple(walk.parts(chassis, *_POWER)),
            tuple(walk.parts(chassis, *_THERMAL)),
            tuple(walk.missing),
        )


@dataclass(slots=True)
class _Walk:
    """One walk, which remembers what it did not find."""

    ask: Asker
    missing: list[str] = field(default_factory=list)

    def resource(self, path: str) -> Node:
        return parsed(self.ask.get(path), self._where(path))

    def members(self, root: Node, name: str) -> Iterator[tuple[str, Node]]:
        """Yield address and resource of each member of a collection, page by page.

        One that is listed and not there does not hide the others: a blade that was just drawn.
        """
        for path in self._listed(root.text(name, "@odata.id")):
            member = self._if_there(path)
            if member is None:
                self.missing.append(f"{self._where(path)}: it is listed, and not there")
            else:
                yield path, member

    def parts(self, chassis: dict[str, Node], old: str, new: str, members: str) -> Iterator[Part]:
        """Yield a part of each chassis; some have none, or answer that they have none."""
        for path, each in chassis.items():
            name = path.rstrip("/").rpartition("/")[2]
            link = each.text(old, "@odata.id")
            found = self._if_there(link) if link else None
            if found is None and (link := each.text(new, "@odata.id")):
                whole = self._if_there(link)
                if whole is not None:
                    rows = [row.value for _, row in self.members(whole, members)]
                    found = Node({members: rows}, whole.path, whole.where)
            if found is not None:
                yield Part(name, found)

    def _listed(self, path: str) -> Iterator[str]:
        seen: set[str] = set()
        count = 0
        while path and path not in seen:
            seen.add(path)
            page = self.resource(path)
            for member in page.at("Members").each():
                count += 1
                if count > _MOST:
                    what = f"a collection of more than {_MOST} members"
                    raise SourceError(what, where=page.where, mend="is this one controller?")
                yield member.needed("@odata.id")
            path = page.text("Members@odata.nextLink")

    def _if_there(self, path: str) -> Node | None:
        try:
            return self.resource(path)
        except RefusedError as error:
            if error.status not in _NOT_THERE:  # a session that has expired is no lost supply
                raise
            return None

    def _where(self, path: str) -> str:
        return f"{self.ask.service.url.rstrip('/')}{path}"
