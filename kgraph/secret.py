"""Reading a secret when it is needed, from where it is kept: an environment variable or a file."""

from __future__ import annotations

import os
from pathlib import Path

from kgraph.schema import ConfigurationError


def secret(variable: str, file: Path | None) -> tuple[str, str] | None:
    """Return where a secret is and what it is; None where neither place is named.

    Raises:
        ConfigurationError: a place is named and has none.
    """
    if variable:
        where, found = f"environment variable {variable}", os.environ.get(variable)
        if found is None:
            raise ConfigurationError("it is not set", where=where, mend="export it first")
        return where, found.strip()
    return None if file is None else (str(file), _content(file).strip())


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        reason = error.strerror or "can't be read"
        raise ConfigurationError(reason, where=str(path), mend="correct the path") from None
