"""Furnish a cloud, by the official client: run in the environment of the services.

    python furnish.py AUTH_URL catalogue NAME=TYPE=URL ...
    python furnish.py AUTH_URL guests
    python furnish.py AUTH_URL disable HOST
    python furnish.py AUTH_URL delete server|network ID
    python furnish.py AUTH_URL hypervisors NAME ...

Prints what it has made, name -> id, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import openstack

REGION = "R1"
_GUESTS, _PATIENCE = 4, 300


def _connected(auth_url: str) -> Any:
    return openstack.connect(
        auth_url=auth_url, username="admin", password="adm", project_name="admin",
        user_domain_id="default", project_domain_id="default", region_name=REGION,
    )  # fmt: skip


def catalogue(cloud: Any, *rows: str) -> dict[str, str]:
    """Say where the services are, and let them ask each other."""
    identity = cloud.identity
    role = identity.find_role("service") or identity.create_role(name="service")
    admin, project = identity.find_user("admin"), identity.find_project("admin")
    identity.assign_project_role_to_user(project, admin, role)
    for name, type_, url in (row.split("=", 2) for row in rows):
        service = identity.create_service(name=name, type=type_)
        for interface in ("public", "internal", "admin"):
            identity.create_endpoint(
                service_id=service.id, interface=interface, url=url, region_id=REGION
            )
    return {}


def guests(cloud: Any) -> dict[str, str]:
    """Have two networks with ports, a volume, and four servers over two hosts."""
    made: dict[str, str] = {}
    flavor = cloud.compute.create_flavor(name="small", ram=512, vcpus=2, disk=0)
    network = cloud.network.create_network(name="shop")
    cloud.network.create_subnet(
        network_id=network.id, name="shop", ip_version=4, cidr="10.1.0.0/24"
    )
    made["shop"] = network.id
    for name in ("lan", "dmz"):
        made[name] = cloud.network.create_network(name=name).id
    volumes = {
        n: cloud.block_storage.create_volume(name=f"disk{n}", size=1)
        for n in range(1, _GUESTS + 1)
    }
    servers = []
    for number, volume in volumes.items():
        cloud.block_storage.wait_for_status(volume, "available", wait=_PATIENCE)
        cloud.block_storage.set_volume_bootable_status(volume, bootable=True)
        name, host = f"vm{number}", f"h{1 + number % 2}"
        port = cloud.network.create_port(network_id=network.id, name=name)
        made |= {f"volume{number}": volume.id, f"port{number}": port.id}
        made[f"mac{number}"] = port.mac_address
        boot = {"boot_index": 0, "uuid": volume.id, "source_type": "volume",
                "destination_type": "volume"}  # fmt: skip
        servers.append(
            cloud.compute.create_server(
                name=name, flavor_id=flavor.id, image_id="", block_device_mapping=[boot],
                networks=[{"port": port.id}], availability_zone=f"nova:{host}",
            )
        )  # fmt: skip
    for server in servers:
        cloud.compute.wait_for_server(server, wait=_PATIENCE)
        made[server.name] = server.id
    return made


def disable(cloud: Any, host: str) -> dict[str, str]:
    """Let Nova place nothing more on a host."""
    (service,) = cloud.compute.services(binary="nova-compute", host=host)
    cloud.compute.disable_service(service, host=host, binary="nova-compute")
    return {"service": service.id}


def delete(cloud: Any, what: str, number: str) -> dict[str, str]:
    """Delete a server or network, and wait until it is gone."""
    if what == "network":
        cloud.network.delete_network(number)
        return {}
    cloud.compute.delete_server(number)
    while cloud.compute.find_server(number, ignore_missing=True) is not None:
        time.sleep(0.5)
    return {}


def hypervisors(cloud: Any, *names: str) -> dict[str, str]:
    """Wait until Nova knows its hosts."""
    found: dict[str, str] = {}
    while not set(names) <= found.keys():
        time.sleep(1)
        found = {h.name: h.id for h in cloud.compute.hypervisors() if h.state == "up"}
    return found


_WAYS: dict[str, Callable[..., dict[str, str]]] = {
    "catalogue": catalogue,
    "guests": guests,
    "disable": disable,
    "delete": delete,
    "hypervisors": hypervisors,
}


if __name__ == "__main__":
    url, what, *words = sys.argv[1:]
    sys.stdout.write(json.dumps(_WAYS[what](_connected(url), *words)))
