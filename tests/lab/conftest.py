"""The real lab: started once, healed before every test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab.laboratory import Lab, Storm
from tests.lab.lab.requirements import missing
from tests.real import absent

_MEND = "run 'make test-deps', and the tests as root"


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Lab]:
    """The lab as it is, whatever a test has done to it; ask for `lab` instead."""
    lacking = missing()
    if lacking:
        absent(f"the real lab lacks {', '.join(lacking)}; {_MEND}")
    lab = Lab()
    try:
        lab.populate()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    """Three hosts, four guests on one NBD export, six on disks of their hosts; all is well."""
    # Before and not after: what one test has broken for good then spoils that test's successor
    # alone, and says so.
    running_lab.heal()
    return running_lab


@pytest.fixture
def killed_export(lab: Lab, tmp_path: Path) -> Storm:
    """The NBD server was killed, its four guests on both hosts paused, the alerts came."""
    hurt = lab.guests_on_export()
    lab.kill_export()
    return _storm(lab, tmp_path, "GuestPaused", hurt)


@pytest.fixture
def killed_guest(lab: Lab, tmp_path: Path) -> Storm:
    """One QEMU was killed; the alert came."""
    lab.kill_guest("mail-2")
    return _storm(lab, tmp_path, "GuestDown", frozenset({"mail-2"}))


def _storm(lab: Lab, folder: Path, alert: str, hurt: frozenset[str]) -> Storm:
    lab.wait_for_alerts({(alert, name) for name in hurt})
    payload = lab.wait_for_payload(
        lambda posted: (
            posted["commonLabels"].get("alertname") == alert
            and {
                each["labels"]["domain"]
                for each in posted["alerts"]
                if each["status"] == "firing"  # it tells of what has cleared, too
            }
            == hurt
        )
    )
    path = folder / "alertmanager.json"
    path.write_text(json.dumps(payload))
    return Storm(lab, path, hurt)
