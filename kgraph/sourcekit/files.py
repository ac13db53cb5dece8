"""Reading a file that a person named."""

from __future__ import annotations

from pathlib import Path

from kgraph.schema import SourceError
from kgraph.schema.errors import not_utf8

MOST_BYTES = 256 * 2**20


def content(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SourceError: it cannot be read, is too large, is not UTF-8, or holds what no text does.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)  # a pipe or a device tells of no size
        if len(raw) > MOST_BYTES:
            raise SourceError("more than 256 MiB", where=str(path), mend="split it")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what, where = not_utf8(error, path)
        raise SourceError(what, where=where, mend="save the file as UTF-8") from None
    except OSError as error:
        what = error.strerror or "can't be read"
        raise SourceError(what, where=str(path), mend="correct the path") from None
    if "\0" in text:  # as after a power cut, or in UTF-16: nothing is kept by such a name
        where = f"{path}:{text.count(chr(10), 0, text.index(chr(0))) + 1}"
        raise SourceError("holds a NUL character", where=where, mend="save the file as UTF-8")
    return text
