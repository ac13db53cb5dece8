"""The engine's tools, as the configuration has them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import rca
from kgraph.app.investigation import Toolkit
from kgraph.config import Configuration
from kgraph.schema import Answer, Entity, Plan
from remedies import load_catalogue, suggest


def toolkit(configuration: Configuration, now: datetime) -> Toolkit:
    """Load the rules and the catalogue, the site's own over the shipped ones.

    Raises:
        ConfigurationError: a faulty rule or remedy.
    """
    folders = configuration.settings.folders
    model = rca.load_model(resolved(configuration, folders.rules))
    catalogue = load_catalogue(resolved(configuration, folders.catalogue))

    def remedy(answer: Answer, entities: Mapping[str, Entity]) -> Plan | None:
        return suggest(answer, entities, catalogue)

    return Toolkit(model, remedy, now, time.perf_counter)


def resolved(configuration: Configuration, folders: tuple[Path, ...]) -> list[Path]:
    """Return configured folders as paths that can be opened."""
    return [configuration.resolve(folder) for folder in folders]
