"""Real OpenStack services, furnished, read, and broken: `make test-openstack`.

In the order of this file: what breaks more comes later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ingest.openstack.login import Cloud as Open
from ingest.openstack.login import Login
from kgraph.schema import SourceError
from kgraph.sourcekit.machines import Told
from kgraph.web import Asker
from tests.ingest.openstack.live.cloud import HOSTS, PATIENCE, Cloud, cloud
from tests.ingest.openstack.live.recording import recording
from tests.ingest.openstack.views import assert_furnished
from tests.ingest.readings import found, keys, machines, records, well, wrong
from tests.real import until

pytestmark = [pytest.mark.openstack, pytest.mark.timeout(1800)]

_SERVICES = {
    "keystone": "identity",
    "nova": "compute",
    "neutron": "network",
    "cinder": "volume",
    "placement": "placement",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Cloud]:
    with cloud() as started:
        started.furnish("hypervisors", *HOSTS)
        yield started


@pytest.fixture(scope="module")
def made(running: Cloud) -> dict[str, str]:
    """Return what the cloud was furnished with, name -> id."""
    made = running.furnish("guests")
    running.say("furnished")
    return made


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD", "adm")


def _read(running: Cloud) -> list[Told]:
    who = {"user": "admin", "project": "admin", "password_env": "CLOUD"}
    reading = found("openstack", auth_url=running.auth_url, region="R1", **who)
    assert reading.findings == ()
    return list(reading.items)


def test_real_services_are_read_page_by_page(running: Cloud, made: dict[str, str]) -> None:
    ports = {running.places.ports[name]: told for name, told in _SERVICES.items()}
    with recording(ports) as recorder:
        items = _read(running)
    assert_furnished(items)
    assert sum("marker=" in asked for asked in recorder.answers) >= 6
    server = records(items)[f"server:{made['vm1']}"]
    assert ("vmUuid", made["vm1"]) in keys(server)
    if os.environ.get("KGRAPH_TEST_RECORD"):
        recorder.save()


def test_a_port_that_is_plugged_in_is_well_and_one_that_is_not_is_told(
    running: Cloud, made: dict[str, str]
) -> None:
    assert (f"port:{made['port1']}", "unplugged") in wrong(_read(running))
    running.bind(made["port1"], "h2")
    plugged = (f"port:{made['port1']}", "unplugged")
    until("Neutron to see it", lambda: plugged in well(_read(running)), PATIENCE)
    assert (f"port:{made['port2']}", "unplugged") in wrong(_read(running))


def test_ovn_names_ports_and_networks_as_neutron_does(
    running: Cloud, made: dict[str, str]
) -> None:
    folder = running.folder / "ovn"
    by_ovn = found("ovn", nb=f"unix:{folder}/ovnnb_db.sock", sb=f"unix:{folder}/ovnsb_db.sock")
    told, mine = records(by_ovn.items), records(_read(running))
    port = made["port1"]
    assert ("portId", port) in keys(told[f"port:{port}"]) & keys(mine[f"port:{port}"])
    network = ("networkUuid", made["shop"])
    assert network in keys(told[f"network:neutron-{made['shop']}"])
    assert network in keys(mine[f"network:{made['shop']}"])


def test_a_host_whose_service_was_disabled_is_cordoned(
    running: Cloud, made: dict[str, str]
) -> None:
    assert made
    running.furnish("disable", "h2")
    hosts = machines(_read(running))
    assert hosts["hypervisor:h2"].labels == {"cordoned": "true"}
    assert hosts["hypervisor:h1"].labels == {}


@pytest.mark.parametrize(
    ("path", "what"), [("/servers/detail", "server"), ("/v2.0/networks", "network")]
)
def test_what_goes_between_two_pages_takes_nothing_else_with_it(
    path: str,
    what: str,
    running: Cloud,
    made: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last of a page is deleted before the next is asked for.

    Neutron then knows no such place, and all is listed again; Nova goes on after it all the same,
    so that it is there once more. What is there is never missed.
    """
    before = {key for key in records(_read(running)) if key.startswith(f"{what}:")}
    ask, gone = Asker.get, list[str]()

    def meanwhile(self: Asker, asked: str, parameters: Any = None) -> bytes:
        marker = (parameters or {}).get("marker")
        if asked == path and marker and marker != made["shop"] and not gone:
            gone.append(f"{what}:{marker}")
            running.furnish("delete", what, marker)
        return ask(self, asked, parameters)

    monkeypatch.setattr(Asker, "get", meanwhile)
    after = {key for key in records(_read(running)) if key.startswith(f"{what}:")}
    assert len(gone) == 1
    assert before - set(gone) <= after <= before
    assert {key for key in records(_read(running)) if key.startswith(f"{what}:")} == before - set(
        gone
    )


def test_a_token_that_ended_is_one_line(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = sys.modules["ingest.openstack.fetch"]  # its package has a function of that name
    log_in = fetch.log_in

    def ended(login: Login) -> Open:
        opened = log_in(login)
        token = opened.services["compute"].headers["X-Auth-Token"]
        both = {"X-Auth-Token": token, "X-Subject-Token": token}
        httpx.delete(f"{running.auth_url}/auth/tokens", headers=both).raise_for_status()
        return opened

    monkeypatch.setattr(fetch, "log_in", ended)
    with pytest.raises(SourceError, match="OpenStack compute answered 401"):
        _read(running)


def test_a_wrong_password_is_one_line(running: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD", "hunter2")
    with pytest.raises(SourceError, match="Keystone answered 401") as caught:
        _read(running)
    assert "hunter2" not in str(caught.value)


def test_a_compute_service_that_was_killed_is_told(running: Cloud) -> None:
    running.kill("nova-compute-h1")
    lost = ("service:h1/nova-compute", "down")
    until("Nova to miss it", lambda: lost in wrong(_read(running)), PATIENCE)
    assert "stopped reporting to Nova" in wrong(_read(running))[lost]


def test_services_without_a_database_are_one_line(running: Cloud) -> None:
    running.kill("mariadb")
    with pytest.raises(SourceError, match=r"answered 50\d|took more than|can't be reached"):
        _read(running)
