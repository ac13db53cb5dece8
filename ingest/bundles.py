"""Read incident bundles: a file with one JSON object, or JSON Lines with many."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from kgraph.schema import Incident, InputError
from kgraph.schema.bundles import parse_bundle


def read_bundles(stream: BinaryIO, name: str) -> Iterator[Incident]:
    """Yield every incident of a file, in order.

    Args:
        stream: bytes; read once.
        name: what to call the file in messages.

    Raises:
        InputError: with the line; incidents before it have been yielded.
    """
    first = stream.readline().removeprefix(codecs.BOM_UTF8)
    if first.strip() and _whole(first):
        yield parse_bundle(first, where=f"{name}:1")
        for number, line in enumerate(stream, start=2):
            if line.strip():
                yield parse_bundle(line, where=f"{name}:{number}")
        return
    content = first + stream.read()
    if not content.strip():
        raise InputError("the file is empty", where=name, mend="one JSON object for each incident")
    yield parse_bundle(content, where=name)


def _whole(line: bytes) -> bool:
    """Tell one object to a line from one object over many lines."""
    return line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}")
