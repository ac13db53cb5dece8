"""Changes: what was done to a machine, told from how it is now. Pure but for the commands.

    commands on the machine (the only I/O) -> State -> difference to the last one -> Happened

Packages, configuration files and units are looked at as they are; what differs from the last look
was changed, and each says itself when. What a file holds is never read into anything but its hash.
"""

from ingest.detect.changes.files import files, files_changed
from ingest.detect.changes.happened import Happened, State
from ingest.detect.changes.look import Wanted, look
from ingest.detect.changes.packages import packages, packages_changed
from ingest.detect.changes.units import units, units_changed

__all__ = [
    "Happened",
    "State",
    "Wanted",
    "files",
    "files_changed",
    "look",
    "packages",
    "packages_changed",
    "units",
    "units_changed",
]
