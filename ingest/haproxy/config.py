"""Which front end leads to which back end: statistics don't say, only the configuration does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

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
    found: dict[str, dict[str, None]] = {}
    findings = []
    front, default = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] in _HEADS:
            fronts = words[0] in {"frontend", "listen"} and len(words) > 1
            front = words[1] if fronts else ""
            in_defaults = words[0] == "defaults"
            default = "" if in_defaults else default
            if front:
                found.setdefault(front, {})
            continue
        route = _ROUTE.match(" ".join(words))
        if route is None or not front:
            continue
        if "%" in route[2]:
            findings.append(
                f"{where}:{number}: {front} chooses its back end at run time: {route[2]}"
            )
        else:
            found[front][route[2]] = None
    return Routes({name: tuple(backs) for name, backs in found.items()}, tuple(findings))
