"""Where a secret is; never the secret itself, so that it can't be logged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from remedies.looks import EffectError


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, named.

    Attributes:
        env: name of an environment variable.
        file: a file that holds the secret alone.
    """

    env: str = ""
    file: Path | None = None

    @property
    def named(self) -> bool:
        """Whether there is one at all."""
        return bool(self.env) or self.file is not None

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"environment variable {self.env}" if self.env else str(self.file)

    def read(self) -> str:
        """Return it as it is now; EffectError where it is named and not there."""
        said = os.environ.get(self.env, "") if self.env else _content(self.file)
        said = said.strip()
        if self.named and not said:
            raise EffectError(f"{self.where}: it is empty, or not there")
        return said


def _content(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise EffectError(f"{path}: {error.strerror}") from None


NO_SECRET = Secret()
