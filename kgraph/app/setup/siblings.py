"""The five packages must be ours: a name such as `ingest` may be taken by somebody else's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from kgraph.schema import ConfigurationError

PACKAGES = ("kgraph", "ingest", "rca", "remedies", "cypher")


def check_siblings() -> None:
    """Check that all five packages lie side by side.

    Raises:
        ConfigurationError: one is missing or comes from somewhere else.
    """
    home = Path(__file__).resolve().parents[3]
    for name in PACKAGES:
        place = _place(name)
        if place is None:
            raise ConfigurationError(
                f"the package {name!r} is missing",
                where=str(home),
                mend="install kgraph-rca again",
            )
        if place != home:
            raise ConfigurationError(
                f"the package {name!r} is somebody else's",
                where=str(place),
                mend="give kgraph an environment of its own: uv tool install kgraph-rca",
            )


def _place(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None:
        return None
    if spec.origin is not None:
        return Path(spec.origin).resolve().parents[1]
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]).resolve().parent if folders else None
