from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ingest.openstack.login import Login, services
from kgraph.schema import ConfigurationError, SourceError
from kgraph.sourcekit import parsed
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import found, keys, records, relations, well, wrong

Object = dict[str, Any]
VM = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f"
LOST = "6a3d4be3-8f1e-4a55-8e4d-1b2c3d4e5f60"
MAC = "FA:16:3E:00:00:01"
ATTRIBUTES = "OS-EXT-SRV-ATTR:hypervisor_hostname"
ANSWERS: Object = {
    "/compute/os-hypervisors/detail": {
        "hypervisors": [
            {
                "id": "1",
                "hypervisor_hostname": "h1.dc1",
                "state": "up",
                "host_ip": "10.0.0.1",
                "service": {"host": "h1"},
            }
        ]
    },
    "/compute/os-services": {
        "services": [
            {"binary": "nova-compute", "host": "h1", "state": "down"},
            {"binary": "nova-scheduler", "host": "c1", "state": "up"},
        ]
    },
    "/compute/servers/detail": {
        "servers": [
            {
                "id": VM,
                "name": "web1",
                "status": "ACTIVE",
                "tenant_id": "shop",
                ATTRIBUTES: "h1.dc1",
                "os-extended-volumes:volumes_attached": [{"id": "v1"}, {"id": "gone"}],
            },
            {"id": LOST, "name": "", "status": "ERROR", "fault": {"message": "No valid host"}},
        ]
    },
    "/network/v2.0/networks": {
        "networks": [{"id": "n1", "name": "shop", "provider:physical_network": "physnet1"}]
    },
    "/network/v2.0/ports": {
        "ports": [
            {
                "id": "p1",
                "device_id": VM,
                "mac_address": MAC,
                "network_id": "n1",
                "status": "DOWN",
            },
            {"id": "p2", "device_id": "dhcp", "mac_address": MAC, "network_id": "n1"},
        ]
    },
    "/volume/volumes/detail": {
        "volumes": [
            {"id": "v1", "name": "data", "size": 2, "os-vol-host-attr:host": "stor1@lvm#pool"}
        ]
    },
}


class _Cloud:
    """Keystone and all it leads to, on one port."""

    def __init__(self) -> None:
        self.answers = dict(ANSWERS)
        self.catalogue = [
            {"type": t, "endpoints": [{"interface": "public", "region": "R1", "url": None}]}
            for t in ("compute", "network", "volumev3")
        ]
        self.auth: Object = {}
        self.token = "t0ken"
        self.url = ""
        self.newest = "2.69"
        self.versions: set[str] = set()

    def get(self, path: str, asked: dict[str, str]) -> object:
        content = self.answers.get(path)
        if isinstance(content, dict) and "marker" in asked:
            (name,) = content
            return {name: []}
        return content

    def login(self) -> object:
        for service in self.catalogue:
            name = "volume" if service["type"] == "volumev3" else service["type"]
            service["endpoints"][0]["url"] = f"{self.url}/{name}/"
        return {"token": {"catalog": self.catalogue}}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Cloud]:
    monkeypatch.setenv("CLOUD", "hunter2")
    told = _Cloud()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            told.auth = json.loads(self.rfile.read(size))
            assert self.path == "/v3/auth/tokens"
            self._say(201, told.login(), {"X-Subject-Token": told.token} if told.token else {})

        def do_GET(self) -> None:
            if self.headers["X-Auth-Token"] != "t0ken":
                self._say(401, {}, {})
                return
            parts = urlsplit(self.path)
            version = self.headers["OpenStack-API-Version"]
            told.versions |= {version} if version else set()
            if version and not told.newest:
                self._say(406, {}, {})
                return
            content = told.get(parts.path, dict(parse_qsl(parts.query)))
            status = content if isinstance(content, int) else 200
            self._say(404 if content is None else status, content, {})

        def _say(self, status: int, content: object, headers: dict[str, str]) -> None:
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


def _items(cloud: _Cloud, **more: Any) -> list[Told]:
    who = {"application_credential": "app", "password_env": "CLOUD", "region": "R1"} | more
    return list(found("openstack", auth_url=f"{cloud.url}/v3", **who).items)


def test_a_cloud_becomes_hosts_guests_ports_networks_and_volumes(cloud: _Cloud) -> None:
    items = _items(cloud)
    assert {key: row.kind for key, row in records(items).items()} == {
        "hypervisor:h1.dc1": "Host",
        "service:h1/nova-compute": "ServiceInstance",
        "service:c1/nova-scheduler": "ServiceInstance",
        "network:n1": "Network",
        "volume:v1": "Volume",
        "pool:R1/stor1@lvm#pool": "StoragePool",
        f"server:{VM}": "VirtualMachine",
        f"server:{LOST}": "VirtualMachine",
        "port:p1": "VirtualNic",
    }
    assert relations(items) == {
        ("service:h1/nova-compute", "RUNS_ON", "hypervisor:h1.dc1"),
        ("volume:v1", "STORED_ON", "pool:R1/stor1@lvm#pool"),
        (f"server:{VM}", "RUNS_ON", "hypervisor:h1.dc1"),
        (f"server:{VM}", "STORED_ON", "volume:v1"),
        (f"server:{VM}", "USES", "port:p1"),
        ("port:p1", "ATTACHED_TO", "network:n1"),
    }


def test_names_are_those_that_libvirt_and_open_vswitch_claim(cloud: _Cloud) -> None:
    rows = records(_items(cloud))
    assert keys(rows[f"server:{VM}"]) == {("vmUuid", VM), ("name", "web1")}
    assert keys(rows["port:p1"]) == {
        ("ownerInterface", f"{VM}/{MAC.lower()}"),
        ("portId", "p1"),
        ("mac", MAC.lower()),
    }
    assert keys(rows["hypervisor:h1.dc1"]) == {("hostname", "h1.dc1"), ("ip", "10.0.0.1")}


def test_faults_are_told_and_active_is_no_health(cloud: _Cloud) -> None:
    items = _items(cloud)
    assert wrong(items) == {
        ("service:h1/nova-compute", "down"): "nova-compute on h1 has stopped reporting to Nova",
        (f"server:{LOST}", "anomaly"): "Nova says ERROR: No valid host",
        ("port:p1", "unplugged"): "Neutron says DOWN, though its server is ACTIVE",
    }
    assert well(items) == {("service:c1/nova-scheduler", "down")}


def test_a_server_that_is_shut_off_belongs_to_its_host_and_does_not_run_there(
    cloud: _Cloud,
) -> None:
    server = ANSWERS["/compute/servers/detail"]["servers"][0] | {"status": "SHUTOFF"}
    cloud.answers["/compute/servers/detail"] = {"servers": [server]}
    items = _items(cloud)
    assert (f"server:{VM}", "MEMBER_OF", "hypervisor:h1.dc1") in relations(items)
    assert not wrong(items).keys() & {("port:p1", "unplugged")}


RECOVERS = {
    "/instance-ha/segments": {"segments": [{"uuid": "s1", "name": "all"}]},
    "/instance-ha/segments/s1/hosts": {"hosts": [{"name": "h1", "on_maintenance": False}]},
}


def _recovering(cloud: _Cloud, **answers: object) -> None:
    where: Object = {"interface": "public", "region": "R1", "url": None}
    cloud.catalogue.append({"type": "instance-ha", "endpoints": [where]})
    cloud.answers |= RECOVERS | {f"/instance-ha/{path}": row for path, row in answers.items()}


def test_what_masakari_recovers_carries_its_name(cloud: _Cloud) -> None:
    _recovering(cloud)
    servers = ANSWERS["/compute/servers/detail"]["servers"]
    watched = servers[0] | {"metadata": {"HA_Enabled": "True"}}
    cloud.answers["/compute/servers/detail"] = {"servers": [watched, servers[1]]}
    labels = {key: row.labels.get("managedBy") for key, row in records(_items(cloud)).items()}
    assert {key for key, who in labels.items() if who == "Masakari"} == {
        "hypervisor:h1.dc1",
        f"server:{VM}",
    }


def test_a_host_under_maintenance_is_not_masakaris(cloud: _Cloud) -> None:
    hosts = {"hosts": [{"name": "h1", "on_maintenance": True}]}
    _recovering(cloud, **{"segments/s1/hosts": hosts})
    assert "managedBy" not in records(_items(cloud))["hypervisor:h1.dc1"].labels


@pytest.mark.parametrize("path", ["segments", "segments/s1/hosts"])
def test_where_masakari_may_not_be_asked_every_host_is_its_own(cloud: _Cloud, path: str) -> None:
    _recovering(cloud, **{path: 403})
    labels = {key: row.labels for key, row in records(_items(cloud)).items()}
    assert labels["hypervisor:h1.dc1"]["managedBy"] == "Masakari"


def test_a_cloud_without_network_and_volumes_is_read_all_the_same(cloud: _Cloud) -> None:
    cloud.catalogue = cloud.catalogue[:1]
    kinds = {row.kind for row in records(_items(cloud)).values()}
    assert kinds == {"Host", "ServiceInstance", "VirtualMachine"}


def test_the_password_goes_to_keystone_and_nowhere_else(cloud: _Cloud) -> None:
    _items(cloud)
    told = cloud.auth["auth"]["identity"]["application_credential"]
    assert told == {"id": "app", "secret": "hunter2"}
    more = {"application_credential": "", "user": "kgraph", "project": "admin"}
    _items(cloud, **more)
    assert cloud.auth["auth"]["identity"]["password"]["user"]["password"] == "hunter2"
    assert cloud.auth["auth"]["scope"]["project"]["name"] == "admin"


@pytest.mark.parametrize(
    ("auth", "endpoint", "named", "goes"),
    [
        ("https://cloud.example:5000/v3", "https://nova.example:8774/v2.1", (), True),
        ("https://cloud.example:5000/v3", "http://nova.example:8774/v2.1", (), False),
        ("https://cloud.example:5000/v3", "http://cloud.example:8774/v2.1", (), False),
        (
            "https://cloud.example:5000/v3",
            "http://nova.example:8774/v2.1",
            ("nova.example",),
            True,
        ),
        ("https://cloud.example:5000/v3", "http://Nova1:8774/v2.1", ("Nova1",), True),
        ("https://cloud.example:5000/v3", "http://[fd00::7]:8774/v2.1", ("[fd00::7]",), True),
        ("https://cloud.example:5000/v3", "http://127.0.0.1:8774/v2.1", (), True),
        ("http://controller:5000/v3", "http://nova.example:8774/v2.1", (), True),
    ],
)
def test_the_token_crosses_no_network_in_the_open_that_the_password_did_not(
    auth: str, endpoint: str, named: tuple[str, ...], *, goes: bool
) -> None:
    where = {"interface": "public", "region": "R1", "url": endpoint}
    catalogue = parsed(json.dumps([{"type": "compute", "endpoints": [where]}]), auth)
    login = Login(auth, "R1", "public", "app", ("", ""), ("", ""), "X", None, None, named)
    if goes:
        assert services(catalogue, login, "t0ken")["compute"].url == endpoint
        return
    with pytest.raises(SourceError, match=f"compute at {endpoint}: the token would") as caught:
        services(catalogue, login, "t0ken")
    assert "plain_http_hosts" in str(caught.value)
    assert "t0ken" not in str(caught.value)


def test_an_endpoint_without_an_address_is_told() -> None:
    where = {"interface": "public", "region": "R1", "url": "http://[nova:8774"}
    catalogue = parsed(json.dumps([{"type": "compute", "endpoints": [where]}]), "")
    login = Login("https://k/v3", "R1", "public", "app", ("", ""), ("", ""), "X", None, None)
    with pytest.raises(SourceError, match=r"compute at http://\[nova:8774: that is no address"):
        services(catalogue, login, "t0ken")


def test_pools_of_one_name_in_two_regions_are_two(cloud: _Cloud) -> None:
    rows = [records(_items(cloud))["pool:R1/stor1@lvm#pool"]]
    for service in cloud.catalogue:
        service["endpoints"][0]["region"] = "R2"
    rows.append(records(_items(cloud, region="R2"))["pool:R2/stor1@lvm#pool"])
    strong = [{value for name, value in keys(row) if name == "poolUuid"} for row in rows]
    assert all(strong)
    assert strong[0].isdisjoint(strong[1])


def _in_pages(cloud: _Cloud, listing: str, name: str, pages: dict[str, list[Any]]) -> None:
    """Let a listing come a page at a time: marker -> what stands behind it."""

    def get(path: str, asked: dict[str, str]) -> object:
        if path == listing:
            return {name: pages[asked.get("marker", "")]}
        return _Cloud.get(cloud, path, asked)

    cloud.get = get  # type: ignore[method-assign]


def test_all_pages_are_read(cloud: _Cloud) -> None:
    pages = {"": [{"id": "a", "name": "a"}], "a": [{"id": "b", "name": "b"}], "b": []}
    _in_pages(cloud, "/network/v2.0/networks", "networks", pages)
    assert {"network:a", "network:b"} <= set(records(_items(cloud)))


def test_all_pages_of_hypervisors_are_read(cloud: _Cloud) -> None:
    """Nova gives no more than a thousand at once in the version that is asked for."""
    (first,) = ANSWERS["/compute/os-hypervisors/detail"]["hypervisors"]
    second = first | {"id": "2", "hypervisor_hostname": "h2.dc1", "service": {"host": "h2"}}
    pages = {"": [first], "1": [second], "2": []}
    _in_pages(cloud, "/compute/os-hypervisors/detail", "hypervisors", pages)
    assert {"hypervisor:h1.dc1", "hypervisor:h2.dc1"} <= set(records(_items(cloud)))


def test_a_page_whose_last_object_has_gone_has_all_listed_again(cloud: _Cloud) -> None:
    networks = {name: {"id": name, "name": name} for name in "abc"}
    asked_for: list[str] = []

    def get(path: str, asked: dict[str, str]) -> object:
        if path != "/network/v2.0/networks":
            return _Cloud.get(cloud, path, asked)
        marker = asked.get("marker", "")
        asked_for.append(marker)
        if marker == "b":  # it has gone since
            networks.pop("b", None)
            return None
        names = [name for name in sorted(networks) if name > marker]
        return {"networks": [networks[name] for name in names[: 2 if "b" in networks else 1]]}

    cloud.get = get  # type: ignore[method-assign]
    rows = records(_items(cloud))
    assert {"network:a", "network:c"} <= set(rows)
    assert "network:b" not in rows
    assert asked_for == ["", "b", "", "a", "c"]


def test_a_place_that_is_never_known_is_told(cloud: _Cloud) -> None:
    def get(path: str, asked: dict[str, str]) -> object:
        return None if "marker" in asked else _Cloud.get(cloud, path, asked)

    cloud.get = get  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="answered 404"):
        _items(cloud)


def test_while_a_cell_is_down_what_is_in_it_is_not_gone(cloud: _Cloud) -> None:
    """Nova leaves its servers and hypervisors out, and names its services."""
    services = [{"binary": "nova-compute", "host": f"h{n}", "status": "UNKNOWN"} for n in (2, 3)]
    cloud.answers["/compute/os-services"] = {"services": services}
    who = {"application_credential": "app", "password_env": "CLOUD"}
    reading = found("openstack", auth_url=f"{cloud.url}/v3", region="R1", **who)
    assert not reading.complete
    (told,) = reading.findings
    assert "cell of Nova is down: nothing is known of the servers of h2 and 1 more hosts" in told
    items = list(reading.items)
    assert "service:h2/nova-compute" in records(items)
    assert ("service:h2/nova-compute", "down") not in {*wrong(items), *well(items)}
    assert cloud.versions == {"compute 2.69"}


def test_a_cloud_that_knows_no_such_version_is_asked_in_its_first(cloud: _Cloud) -> None:
    cloud.newest = ""
    assert f"server:{VM}" in records(_items(cloud))


def test_of_several_regions_one_is_named(cloud: _Cloud) -> None:
    for region, service in zip(("R1", "R2", "R1"), cloud.catalogue, strict=True):
        service["endpoints"][0]["region"] = region
    with pytest.raises(SourceError, match="2 regions: R1, R2; name one of them by `region`"):
        _items(cloud, region="")
    assert _items(cloud)


def test_an_endpoint_without_a_region_is_no_region_of_its_own(cloud: _Cloud) -> None:
    cloud.catalogue[1]["endpoints"][0]["region"] = None
    assert _items(cloud, region="")


def _expire(cloud: _Cloud) -> None:
    cloud.token = "expired"


def _forget(cloud: _Cloud) -> None:
    cloud.token = ""


def _elsewhere(cloud: _Cloud) -> None:
    cloud.catalogue[0]["endpoints"][0]["region"] = "R2"


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_expire, "OpenStack compute answered 401"),
        (_forget, "Keystone gave no token; does it end in /v3"),
        (_elsewhere, "R1: its catalogue has no compute service; check region"),
    ],
)
def test_a_door_that_does_not_open_is_one_line(cloud: _Cloud, harm: Any, told: str) -> None:
    harm(cloud)
    with pytest.raises(SourceError, match=told) as caught:
        _items(cloud)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/compute/servers/detail", "<html>", "not JSON"),
        ("/compute/servers/detail", {"itemNotFound": {}}, "is not a list of servers"),
        (
            "/compute/os-hypervisors/detail",
            {"hypervisors": [{"id": "1"}]},
            "hypervisor_hostname is missing",
        ),
        ("/network/v2.0/ports", None, "OpenStack network answered 404"),
    ],
)
def test_nonsense_is_refused_with_its_place(
    cloud: _Cloud, path: str, answer: object, told: str
) -> None:
    cloud.answers[path] = answer
    with pytest.raises(SourceError, match=told):
        _items(cloud)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"password_env": "X"}, "give either application_credential or user"),
        ({"user": "u", "application_credential": "a"}, "give either"),
        ({"user": "u"}, "name password_env or password_file"),
        ({"auth_url": "https://u:p@k/v3", "user": "u"}, "a password does not belong"),
    ],
)
def test_an_entry_says_who_asks_and_where_the_password_is(
    fields: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        found("openstack", **{"auth_url": "http://k/v3", **fields})


def test_a_password_that_is_not_there_is_told_by_its_place(cloud: _Cloud) -> None:
    with pytest.raises(ConfigurationError, match="environment variable NOWHERE: it is not set"):
        _items(cloud, password_env="NOWHERE")
