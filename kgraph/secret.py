"""Reading a secret when it is needed, from where it is kept: an environment variable or a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kgraph.schema import ConfigurationError

_MOST_BYTES = 64 * 2**10


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
        # Without waiting for the other end of a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_MOST_BYTES + 1) if regular else b""
    except OSError as error:
        reason = error.strerror or "can't be read"
        raise ConfigurationError(reason, where=str(path), mend="correct the path") from None
    if not regular or len(content) > _MOST_BYTES:
        what = "no secret is so long" if regular else "it is no regular file"
        mend = "name a file that holds the secret alone"
        raise ConfigurationError(what, where=str(path), mend=mend)
    return content.decode("utf-8", "replace")
