"""Writing a file that was not there."""

from __future__ import annotations

from pathlib import Path


def write_new(path: Path, text: str) -> None:
    """Write a new file, whole or not at all; one that is there is never touched.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written; then there is none afterwards either.
    """
    file = path.open("x", encoding="utf-8")
    try:
        with file:
            file.write(text)
    except OSError:
        path.unlink(missing_ok=True)
        raise
