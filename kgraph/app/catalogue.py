"""The catalogue of repairs, as the configuration has it."""

from __future__ import annotations

from kgraph.app.engine import resolved
from kgraph.config import Configuration
from remedies import Catalogue, load_catalogue


def catalogue_of(configuration: Configuration) -> Catalogue:
    """Load the shipped remedies and the site's own over them.

    Raises:
        ConfigurationError: a faulty remedy.
    """
    return load_catalogue(resolved(configuration, configuration.settings.folders.catalogue))
