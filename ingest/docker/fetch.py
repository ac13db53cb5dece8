"""The only I/O: ask an engine what it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kgraph.sourcekit import Node, parsed
from kgraph.web import Asker, RefusedError, Service

_NOT_THERE = 404


@dataclass(frozen=True, slots=True)
class Engine:
    """Where an engine is: an address, or a socket of this machine."""

    url: str = ""
    socket: Path | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What an engine said; `gone` names containers that went while it was asked."""

    info: Node
    containers: tuple[Node, ...]
    networks: tuple[Node, ...]
    volumes: tuple[Node, ...]
    gone: tuple[str, ...] = ()


def fetch(engine: Engine) -> Answers:
    """Ask an engine.

    Raises:
        SourceError: unreachable, refused, or an answer that is no JSON.
    """
    where = engine.url or f"unix://{engine.socket}"
    service = Service("Docker", engine.url or "http://docker", socket=engine.socket)
    with service.asking() as ask:
        info = parsed(ask.get("/info"), where)
        listed = parsed(ask.get("/containers/json", {"all": "true"}), where)
        networks = tuple(parsed(ask.get("/networks"), where).each())
        volumes = tuple(parsed(ask.get("/volumes"), where).at("Volumes").each())
        containers, gone = _inspected(ask, [c.needed("Id") for c in listed.each()], where)
    return Answers(info, containers, networks, volumes, gone)


def _inspected(ask: Asker, ids: list[str], where: str) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Inspect containers one by one; one that is gone by now is left out and named."""
    found, gone = [], []
    for each in ids:
        try:
            answer = ask.get(f"/containers/{each}/json")
        except RefusedError as error:
            if error.status != _NOT_THERE:
                raise
            gone.append(f"container {each[:12]} went while it was read")
        else:
            found.append(parsed(answer, where))
    return tuple(found), tuple(gone)
