"""The configuration of each service of a small OpenStack: text, made from ports and a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = 2  # so many objects a page, so that a small cloud has several
DOWN_SECONDS = 6  # without a report from a service, until it is called down


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is.

    Attributes:
        folder: databases, sockets, logs, configuration.
        etc: where that environment has its `etc`.
        ports: service -> its port on loopback.
    """

    folder: Path
    etc: Path
    ports: Mapping[str, int]

    def database(self, name: str) -> str:
        return f"mysql+pymysql://os:os@localhost/{name}?unix_socket={self.folder}/mysql.sock"

    @property
    def transport(self) -> str:
        return f"rabbit://guest:guest@127.0.0.1:{self.ports['rabbit']}/"

    @property
    def keystone(self) -> str:
        return f"http://127.0.0.1:{self.ports['keystone']}/v3"

    @property
    def auth(self) -> str:
        return f"""\
www_authenticate_uri = {self.keystone}
auth_url = {self.keystone}
auth_type = password
username = admin
password = adm
project_name = admin
user_domain_id = default
project_domain_id = default
region_name = R1
"""

    @property
    def shared(self) -> str:
        """What those that lock files and check tokens have alike."""
        return f"""\
[oslo_concurrency]
lock_path = {self.folder}/lock
[keystone_authtoken]
{self.auth}"""


def keystone(at: Places) -> str:
    keys = at.folder / "keystone"
    return f"""\
[database]
connection = {at.database("keystone")}
[fernet_tokens]
key_repository = {keys}/fernet
[credential]
key_repository = {keys}/credential
[fernet_receipts]
key_repository = {keys}/fernet
"""


def placement(at: Places) -> str:
    return f"""\
[placement_database]
connection = {at.database("placement")}
[keystone_authtoken]
{at.auth}"""


def neutron(at: Places) -> str:
    return f"""\
[DEFAULT]
transport_url = {at.transport}
core_plugin = ml2
service_plugins = ovn-router
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
api_paste_config = {at.etc}/neutron/api-paste.ini
pagination_max_limit = {PAGE}
rpc_workers = 0
[database]
connection = {at.database("neutron")}
[ml2]
type_drivers = flat,geneve
tenant_network_types = geneve
mechanism_drivers = ovn
extension_drivers = port_security
[ml2_type_geneve]
vni_ranges = 1:65536
max_header_size = 38
[ml2_type_flat]
flat_networks = physnet1
[ovn]
ovn_nb_connection = unix:{at.folder}/ovn/ovnnb_db.sock
ovn_sb_connection = unix:{at.folder}/ovn/ovnsb_db.sock
{at.shared}[nova]
{at.auth}"""


def nova(at: Places, host: str) -> str:
    return f"""\
[DEFAULT]
transport_url = {at.transport}
compute_driver = fake.MediumFakeDriver
host = {host}
my_ip = 127.0.0.1
state_path = {at.folder}/nova/{host}
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
service_down_time = {DOWN_SECONDS}
report_interval = 2
[wsgi]
api_paste_config = {at.etc}/nova/api-paste.ini
[api]
max_limit = {PAGE}
[api_database]
connection = {at.database("nova_api")}
[database]
connection = {at.database("nova")}
[scheduler]
discover_hosts_in_cells_interval = 3
workers = 1
[conductor]
workers = 1
{at.shared}[service_user]
send_service_user_token = true
{at.auth}[placement]
{at.auth}[neutron]
{at.auth}[cinder]
{at.auth}"""


def cinder(at: Places) -> str:
    return f"""\
[DEFAULT]
transport_url = {at.transport}
enabled_backends = fake
osapi_volume_listen = 127.0.0.1
osapi_volume_listen_port = {at.ports["cinder"]}
osapi_volume_workers = 1
osapi_max_limit = {PAGE}
api_paste_config = {at.etc}/cinder/api-paste.ini
state_path = {at.folder}/cinder
host = store1
rootwrap_config = {at.etc}/cinder/rootwrap.conf
scheduler_default_filters = AvailabilityZoneFilter
service_down_time = {DOWN_SECONDS}
report_interval = 2
[database]
connection = {at.database("cinder")}
{at.shared}[service_user]
send_service_user_token = true
{at.auth}[fake]
volume_driver = cinder.tests.fake_driver.FakeLoggingVolumeDriver
volume_backend_name = fake
"""
