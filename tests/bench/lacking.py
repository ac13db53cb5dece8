"""What a bench needs of this machine besides Python."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def left_out(what: str, missing: Sequence[str]) -> bool:
    """Tell whether a bench has to be left out here, and say why; the others go on."""
    if missing:
        sys.stdout.write(f"left out: {what} needs {', '.join(missing)}: make test-deps\n")
    return bool(missing)
