"""The engine as the configuration has it: rules, and how far its chances are to be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import rca
from kgraph.config import Configuration
from kgraph.schema import Answer, Incident
from kgraph.schema.healthy import expand_healthy
from kgraph.topology import Topology
from rca.calibration.calibrator import Calibration, calibrated
from rca.calibration.file import load_calibration
from rca.rules.learning import Learned
from rca.rules.rates import DetectorRates
from rca.rules.rates_file import load_rates
from rca.suspects.priors import taught


def reasoning(configuration: Configuration) -> tuple[rca.Model, Calibration]:
    """Load the rules and the calibration that belongs to them.

    Raises:
        ConfigurationError: a faulty rule, or a calibration that cannot be used.
    """
    return rules_of(configuration), calibration_of(configuration)


def rules_of(configuration: Configuration) -> rca.Model:
    """Load the shipped rules and the site's own, and how good detectors were measured to be.

    Raises:
        ConfigurationError: a faulty rule, or a file of rates that cannot be used.
    """
    model = rca.load_model(resolved(configuration, configuration.settings.folders.rules))
    return replace(model, rates=rates_of(configuration))


def rates_of(configuration: Configuration) -> DetectorRates:
    """Load how good detectors were measured to be: the shipped rates, the site's own over them.

    Raises:
        ConfigurationError: a file of rates that cannot be used.
    """
    own = configuration.settings.engine.rates
    return load_rates(configuration.given(own))


def engine_of(configuration: Configuration) -> Engine:
    """Return an engine that answers labelled incidents."""
    return Engine(*reasoning(configuration))


def calibration_of(configuration: Configuration) -> Calibration:
    """Load the site's own calibration, or the shipped one.

    Raises:
        ConfigurationError: it cannot be used.
    """
    own = configuration.settings.engine.calibration
    return load_calibration(configuration.given(own))


class Engine:
    """Answers incidents; the last answer is kept, so that both its chances cost one.

    Attributes:
        learned: what people taught of the estate; None: nothing.
    """

    def __init__(
        self,
        model: rca.Model,
        calibration: Calibration | None,
        topology: Topology | None = None,
        learned: Learned | None = None,
    ) -> None:
        self.model, self.calibration = model, calibration
        self.topology, self.learned = topology, learned
        self._last: tuple[Incident, Answer] | None = None

    def with_calibration(self, calibration: Calibration) -> Engine:
        """Return the same engine with another calibration."""
        return Engine(self.model, calibration, self.topology, self.learned)

    def with_learned(self, learned: Learned) -> Engine:
        """Return the same engine with what people taught."""
        return Engine(self.model, self.calibration, self.topology, learned)

    def answer(self, incident: Incident) -> Answer:
        """Return what the inference says, not calibrated."""
        if self._last is None or self._last[0] is not incident:
            model = taught(self.model, self.learned, incident)
            self._last = incident, rca.investigate(incident, model, self.topology)
        return self._last[1]

    def uncalibrated(self, incident: Incident) -> Mapping[str, float]:
        """Return the posteriors of the inference."""
        return {cause.entity: cause.posterior for cause in self.answer(incident).causes}

    def calibrated(self, incident: Incident) -> Mapping[str, float]:
        """Return measured chances."""
        return {cause.entity: cause.posterior for cause in self.finished(incident).causes}

    def finished(self, incident: Incident) -> Answer:
        """Return what a person is told: the answer with measured chances."""
        return calibrated(self.answer(incident), expand_healthy(incident), self.calibration)


def resolved(configuration: Configuration, folders: tuple[Path, ...]) -> list[Path]:
    """Return configured folders as paths that can be opened."""
    return [configuration.resolve(folder) for folder in folders]
