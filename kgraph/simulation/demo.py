"""The bundled estate and storm of `kgraph demo`.

An NBD server dies at 03:07:14. Nothing watches it: eleven guests on six hosts pause, one of them
without an alarm; the shop answers with errors; the hosts are well; ten other alerts come along.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

_DATA = files("kgraph.simulation") / "data"


def demo_estate_file() -> Traversable:
    """Return the bundled estate, a `kgraph.topology/v1` document in YAML."""
    return _DATA / "demo-estate.yaml"


def demo_storm_file() -> Traversable:
    """Return the bundled storm, a version 4 payload of Alertmanager in JSON."""
    return _DATA / "demo-storm.json"
