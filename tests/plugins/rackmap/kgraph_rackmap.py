"""Which host stands in which rack, from lines such as `h1.dc1 r1`: a source in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from kgraph.schema import Record, RelationRecord, SourceError
from kgraph.sourcekit import Found, Here, Machine, Source, SourceEntry, content, folded
from kgraph.sourcekit.machines import Told


class Entry(SourceEntry):
    type: Literal["rackmap"]
    path: Path

    @property
    def subject(self) -> str:
        return str(self.path)


def read(entry: Entry, here: Here) -> Found:
    path = here.resolve(entry.path)
    return Found(str(path), folded(normalise(content(path), str(path), here)))


def normalise(text: str, where: str, here: Here) -> Iterator[Told]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) != 2:
            place = f"{where}:{number}"
            raise SourceError(f"{line!r} is not HOST RACK", where=place, mend="write two words")
        host, rack = words
        yield Record(f"rack:{rack}", "Rack", rack, (here.key("name", rack),))
        yield Machine(f"host:{host}", host, kind="Host")
        yield RelationRecord(f"host:{host}", "LOCATED_IN", f"rack:{rack}")


SOURCE = Source("rackmap", Entry, read)
