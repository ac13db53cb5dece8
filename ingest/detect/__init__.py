"""Detection: raw telemetry becomes graded, signed evidence. Pure; what was read comes in.

    what was read -> detector -> Verdict -> told() -> Observation | Coverage

One detector is one module with `DETECTOR = Detector(...)`, listed in `catalogue`. What it is
pointed at stands in files beside the mapping packs (`kgraph/signals/detectors/`, one for each
family of exporters), so that a site adds its own without code. Reading is done elsewhere: by
`ingest.prometheus` for series, by the module that reads logs or spans for those.
"""

from ingest.detect.catalogue import DETECTORS, declared, names
from ingest.detect.declared import Detector, Labels, Reads, Settings, Verdict
from ingest.detect.told import ROAD, Meaning, Told, ended, told

__all__ = [
    "DETECTORS",
    "ROAD",
    "Detector",
    "Labels",
    "Meaning",
    "Reads",
    "Settings",
    "Told",
    "Verdict",
    "declared",
    "ended",
    "names",
    "told",
]
