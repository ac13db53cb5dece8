"""The catalogue of repairs, as the configuration has it."""

from __future__ import annotations

from collections.abc import Mapping

from kgraph.app.configured.engine import resolved
from kgraph.config import Configuration
from kgraph.schema import ConfigurationError, suggest
from remedies import Catalogue, load_catalogue


def catalogue_of(configuration: Configuration) -> Catalogue:
    """Load the shipped remedies and the site's own over them.

    Raises:
        ConfigurationError: a faulty remedy.
    """
    return load_catalogue(resolved(configuration, configuration.settings.folders.catalogue))


def refuse_unknown_actions(named: Mapping[str, str], configuration: Configuration) -> None:
    """Refuse an action that the catalogue does not have: what names it would never come to pass.

    Args:
        named: action -> where the configuration names it.
        configuration: whose catalogue it is.

    Raises:
        ConfigurationError: the first that is not known, and what may have been meant.
    """
    known = catalogue_of(configuration).actions if named else {}
    for action, where in named.items():
        if action not in known:
            mend = suggest(action, known, f"known: {', '.join(known)}")
            raise ConfigurationError(f"unknown action {action!r}", where=where, mend=mend)
