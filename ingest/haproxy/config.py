"""Which front end leads to which back end: statistics don't say, only the configuration does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_HEADS = frozenset({"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers"})
_HEADS |= {"userlist", "mailers", "program", "cache", "http-errors", "ring", "log-forward"}
_ROUTE = re.compile(r"(use_backend|default_backend)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Routes:
    """Front end -> back ends, in the order of the file; `findings` names what no file can tell."""

    by_front: Mapping[str, tuple[str, ...]]
    findings: tuple[str, ...] = ()


def routes(text: str, where: str) -> Routes:
    """Read a `haproxy.cfg`."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] in _HEADS:
            reader.section(words, f"line {number}")
        elif route := _ROUTE.match(" ".join(words)):
            reader.route(route[1], route[2], f"{where}:{number}")
    return reader.routes()


@dataclass(slots=True)
class _Reader:
    """What was read so far.

    Attributes:
        front: the front end that is being read; "" in any other section.
        defaults: the last section of defaults; `within` tells whether it is being read.
        usual: section of defaults -> the back end that it leads to.
        heirs: front end that names no usual back end itself -> its section of defaults.
    """

    front: str = ""
    defaults: str = ""
    within: bool = False
    found: dict[str, dict[str, None]] = field(default_factory=dict)
    usual: dict[str, str] = field(default_factory=dict)
    heirs: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def section(self, words: list[str], line: str) -> None:
        """Begin a section."""
        head, *rest = words
        base = rest[rest.index("from") + 1] if "from" in rest[:-1] else ""
        name = rest[0] if rest and rest[0] != "from" else ""
        self.front = name if head in {"frontend", "listen"} else ""
        self.within = head == "defaults"
        if self.within:
            self.defaults = name or line
            if base in self.usual:
                self.usual[self.defaults] = self.usual[base]
        elif self.front:
            self.found.setdefault(name, {})
            self.heirs[name] = base or self.defaults

    def route(self, word: str, back: str, where: str) -> None:
        """Take what leads to a back end."""
        if not (self.front or self.within):
            return
        if "%" in back:
            who = self.front or "a section of defaults"
            self.findings.append(f"{where}: {who} chooses its back end at run time: {back}")
        elif self.within:
            self.usual[self.defaults] = back
        else:
            self.found[self.front][back] = None
        if word == "default_backend":
            self.heirs.pop(self.front, None)

    def routes(self) -> Routes:
        """Return what leads where, in the end."""
        for front, section in self.heirs.items():
            if section in self.usual:
                self.found[front][self.usual[section]] = None
        by_front = {name: tuple(backs) for name, backs in self.found.items()}
        return Routes(by_front, tuple(self.findings))
