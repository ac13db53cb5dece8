"""Where a secret is; never the secret itself, so that it can't be logged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kgraph.schema import ConfigurationError
from kgraph.secret import secret
from kgraph.web import Credentials
from remedies.looks import EffectError

NOBODY = Credentials()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, named.

    Attributes:
        env: name of an environment variable.
        file: a file that holds the secret alone.
    """

    env: str = ""
    file: Path | None = None

    def read(self) -> str:
        """Return it as it is now, empty where none is named.

        Raises:
            EffectError: it is named, and not there.
        """
        try:
            found = secret(self.env, self.file)
        except ConfigurationError as error:
            raise EffectError(str(error)) from None
        if found is None:
            return ""
        where, said = found
        if not said:
            raise EffectError(f"{where}: it is empty")
        return said


NO_SECRET = Secret()


def headers_of(credentials: Credentials) -> dict[str, str]:
    """Return what goes with a request; EffectError where a token is named and not usable."""
    try:
        return credentials.headers()
    except ConfigurationError as error:
        raise EffectError(str(error)) from None
