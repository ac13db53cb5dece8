"""A small OpenStack of real services, on loopback: Keystone, Placement, Nova, Neutron, Cinder.

The services come from the environment that `make test-openstack` installs; MariaDB and RabbitMQ
are Debian's. Nova's hypervisor is its own fake driver and so is Cinder's disk: everything that is
asked over the wire is real, what would run a guest is not. Neutron's networks are those of a real
OVN without a datapath: a chassis is a row here, and a port is bound by `ovn-sbctl`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from getpass import getuser
from grp import getgrgid
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from tests.ingest.openstack.live import settings
from tests.ingest.openstack.live.settings import Places
from tests.real import PATH, free_port, need, until

PATIENCE = 300.0  # of one step, on a machine that does much else
HOSTS = ("h1", "h2")
VENV = Path(__file__).parents[4] / ".openstack"
_OVN = {
    "ovnnb_db": "/usr/share/ovn/ovn-nb.ovsschema",
    "ovnsb_db": "/usr/share/ovn/ovn-sb.ovsschema",
}
_RABBIT = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_DATABASES = ("keystone", "placement", "nova_api", "nova", "nova_cell0", "neutron", "cinder")
_WSGI = {
    "keystone": "keystone.wsgi.api:application",
    "placement": "placement.wsgi.api:application",
    "nova": "nova.wsgi.osapi_compute:application",
    "neutron": "neutron.wsgi.api:application",
}
# The services read our words themselves: gunicorn has its options from a file.
_GUNICORN = """\
wsgi_app = "{app}"
bind = "127.0.0.1:{port}"
workers = 1
worker_class = "gthread"
threads = 4
timeout = 300
control_socket_disable = True
"""


@dataclass
class Cloud:
    """All of it, once started.

    Attributes:
        processes: by name, such as `nova-compute-h1`.
    """

    places: Places
    venv: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def auth_url(self) -> str:
        return self.places.keystone

    def start(self) -> None:
        self._write()
        self._start_databases()
        self._start_ovn()
        self._make_schemas()
        self._serve("keystone")
        self.answers("keystone")
        self.furnish("catalogue", *map(str, self._endpoints()))
        for name in ("placement", "neutron", "nova"):
            self._serve(name)
        conf = self._conf
        self._start("cinder", f"{self.bin}/cinder-api", *conf("cinder"))
        for name in ("placement", "neutron", "nova", "cinder"):
            self.answers(name)
        for name in ("nova-conductor", "nova-scheduler"):
            self._start(name, f"{self.bin}/{name}", *conf("nova"))
        self._start("cinder-scheduler", f"{self.bin}/cinder-scheduler", *conf("cinder"))
        self._start("cinder-volume", f"{self.bin}/cinder-volume", *conf("cinder"))
        for name in ("neutron-periodic-workers", "neutron-ovn-maintenance-worker"):
            self._start(name, f"{self.bin}/{name}", *conf("neutron"))
        for host in HOSTS:
            self.start_compute(host)

    def start_compute(self, host: str) -> None:
        config = f"{self.folder}/nova/{host}.conf"
        name = f"nova-compute-{host}"
        self._start(name, f"{self.bin}/nova-compute", "--config-file", config)

    def furnish(self, *words: str) -> dict[str, str]:
        """Have `furnish.py` do something in the environment of the services; return its JSON."""
        script = Path(__file__).with_name("furnish.py")
        told = self._run(f"{self.bin}/python", str(script), self.auth_url, *words)
        found: dict[str, str] = json.loads(told or "{}")
        return found

    def bind(self, port: str, host: str) -> None:
        """Have a port plugged in on a host, as its ovn-controller would tell."""
        self._sbctl("lsp-bind", port, host, "--", "set", "Port_Binding", port, "up=true")

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait(20)

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait(10)

    @property
    def folder(self) -> Path:
        return self.places.folder

    @property
    def bin(self) -> Path:
        return self.venv / "bin"

    def answers(self, name: str) -> None:
        """Wait until a service answers anything below 500."""
        url = f"http://127.0.0.1:{self.places.ports[name]}/"

        def look() -> bool:
            assert self.processes[name].poll() is None, self.log(name)
            try:
                with urllib.request.urlopen(url, timeout=20):
                    return True
            except urllib.error.HTTPError as error:
                return error.code < 500
            except OSError:
                return False

        until(f"{name} to answer", look, PATIENCE)
        self.say(name)

    def log(self, name: str) -> str:
        return (self.folder / f"log/{name}.log").read_text(errors="replace")[-3000:]

    def say(self, what: str) -> None:
        """Tell how far it is: this takes a minute or two."""
        sys.stderr.write(f"openstack: {what} after {time.monotonic() - self.began:.0f} s\n")

    def _conf(self, name: str) -> list[str]:
        return ["--config-file", f"{self.folder}/{name}/{name}.conf"]

    def _write(self) -> None:
        at = self.places
        for name in ("log", "lock", "mysql", "rabbit", "keystone", "placement", "nova", "neutron"):
            (at.folder / name).mkdir()
        for name in ("cinder", "ovn"):
            (at.folder / name).mkdir()
        made = {
            "keystone": settings.keystone(at),
            "placement": settings.placement(at),
            "neutron": settings.neutron(at),
            "nova": settings.nova(at, "control"),
            "cinder": settings.cinder(at),
        }
        for name, text in made.items():
            (at.folder / f"{name}/{name}.conf").write_text(text)
        shutil.copy(at.etc / "nova/api-paste.ini", at.folder / "nova")
        for host in HOSTS:
            (at.folder / f"nova/{host}.conf").write_text(settings.nova(at, host))
            (at.folder / f"nova/{host}").mkdir()
            (at.folder / f"nova/{host}/compute_id").write_text(str(uuid4()))

    def _start_databases(self) -> None:
        folder, ports = self.folder, self.places.ports
        own = ["--no-defaults", f"--datadir={folder}/mysql", f"--user={getuser()}"]
        install = ["mariadb-install-db", *own, "--auth-root-authentication-method=normal"]
        self._run(*install, "--skip-test-db")
        self._start(
            "mariadb", "mariadbd", *own, f"--socket={folder}/mysql.sock", "--skip-networking",
            "--innodb-flush-log-at-trx-commit=0", "--max-connections=500",
        )  # fmt: skip
        rabbit = {
            "HOME": f"{folder}/rabbit",
            "RABBITMQ_NODENAME": f"kgraph{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(ports["rabbit"]),
            "RABBITMQ_DIST_PORT": str(ports["erlang"]),
            "RABBITMQ_MNESIA_BASE": f"{folder}/rabbit",
            "RABBITMQ_LOG_BASE": f"{folder}/rabbit",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/rabbit/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbit/none",
            "RABBITMQ_PID_FILE": f"{folder}/rabbit/pid",
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        # RabbitMQ would start it as a daemon that stays.
        epmd = ["-address", "127.0.0.1", "-port", str(ports["epmd"])]
        self._start("epmd", "epmd", *epmd)
        self._start("rabbit", _RABBIT, environment=rabbit)
        ask = ["mariadb", f"--socket={folder}/mysql.sock", "-uroot"]
        until("MariaDB", lambda: _succeeds([*ask, "-e", "select 1"]), PATIENCE)
        lines = ["create user 'os'@'localhost' identified by 'os';"]
        for name in _DATABASES:
            lines.append(f"create database {name} character set utf8mb4;")
            lines.append(f"grant all on {name}.* to 'os'@'localhost';")
        self._run(*ask, "-e", "".join(lines))
        log = folder / "log/rabbit.log"
        until("RabbitMQ", lambda: "completed with" in log.read_text(errors="replace"), PATIENCE)
        self.say("databases")

    def _start_ovn(self) -> None:
        for name, schema in _OVN.items():
            path = self.folder / f"ovn/{name}"
            self._run("ovsdb-tool", "create", f"{path}.db", schema)
            self._start(
                name, "ovsdb-server", f"{path}.db", f"--remote=punix:{path}.sock",
                f"--unixctl={path}.ctl", "-vconsole:off",
            )  # fmt: skip
            until(f"the database {name}", path.with_suffix(".sock").exists, PATIENCE)
        north, south = (f"unix:{self.folder}/ovn/{name}.sock" for name in _OVN)
        self._start(
            "ovn-northd", "ovn-northd", f"--ovnnb-db={north}", f"--ovnsb-db={south}",
            f"--unixctl={self.folder}/ovn/northd.ctl", "-vconsole:off",
        )  # fmt: skip
        for number, host in enumerate(HOSTS, 1):
            self._sbctl("chassis-add", host, "geneve", f"127.0.0.{number}")
            self._sbctl(
                "set", "chassis", host, f"hostname={host}",
                "--", "--id=@own", "get", "chassis", host,
                "--", "create", "chassis_private", f"name={host}", "chassis=@own",
            )  # fmt: skip

    def _sbctl(self, *words: str) -> None:
        self._run("ovn-sbctl", f"--db=unix:{self.folder}/ovn/ovnsb_db.sock", *words)

    def _make_schemas(self) -> None:
        """Run the migrations: they take most of the time, so they run side by side."""
        nova, cell = self._conf("nova"), self.places.database
        keystone = [f"{self.bin}/keystone-manage", *self._conf("keystone")]
        who = ["--keystone-user", getuser(), "--keystone-group", getgrgid(os.getgid()).gr_name]
        url = self.auth_url
        manage = [f"{self.bin}/nova-manage", *nova]
        queues = [
            [
                [*keystone, "db_sync"],
                [*keystone, "fernet_setup", *who],
                [*keystone, "credential_setup", *who],
                [*keystone, "bootstrap", "--bootstrap-password", "adm",
                 "--bootstrap-admin-url", url, "--bootstrap-public-url", url,
                 "--bootstrap-internal-url", url, "--bootstrap-region-id", "R1"],
            ],
            [[f"{self.bin}/placement-manage", *self._conf("placement"), "db", "sync"]],
            [[f"{self.bin}/neutron-db-manage", *self._conf("neutron"), "upgrade", "head"]],
            [[f"{self.bin}/cinder-manage", *self._conf("cinder"), "db", "sync"]],
            [
                [*manage, "api_db", "sync"],
                [*manage, "cell_v2", "map_cell0", "--database_connection", cell("nova_cell0")],
                [*manage, "cell_v2", "create_cell", "--name", "cell1", "--database_connection",
                 cell("nova"), "--transport-url", self.places.transport],
                [*manage, "db", "sync"],
            ],
        ]  # fmt: skip
        running = [self._begin(queue) for queue in queues]
        for name, process in running:
            output, _ = process.communicate(timeout=2 * PATIENCE)
            assert process.returncode == 0, f"{name}: {output.decode(errors='replace')[-2000:]}"
        self.say("schemas")

    def _begin(self, queue: Sequence[Sequence[str]]) -> tuple[str, subprocess.Popen[bytes]]:
        """Run commands one after the other, until one fails; no shell reads them."""
        script = (
            "import json, subprocess, sys\n"
            "for words in json.loads(sys.argv[1]): subprocess.run(words, check=True)\n"
        )
        words = [sys.executable, "-c", script, json.dumps(queue)]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self._environment()
        )
        return Path(queue[0][0]).name, process

    def _endpoints(self) -> Iterator[str]:
        at = self.places.ports
        yield f"placement=placement=http://127.0.0.1:{at['placement']}"
        yield f"nova=compute=http://127.0.0.1:{at['nova']}/v2.1"
        yield f"neutron=network=http://127.0.0.1:{at['neutron']}"
        yield "glance=image=http://127.0.0.1:9"  # Nova asks where it is, and not more
        yield f"cinder=block-storage=http://127.0.0.1:{at['cinder']}/v3"

    def _serve(self, name: str) -> None:
        config = self.folder / f"{name}.gunicorn.py"
        config.write_text(_GUNICORN.format(app=_WSGI[name], port=self.places.ports[name]))
        told = {"GUNICORN_CMD_ARGS": f"-c {config}"}
        self._start(name, f"{self.bin}/gunicorn", environment=told)

    def _start(self, name: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"log/{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment() | dict(environment or {}), start_new_session=True,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            "PATH": f"{self.bin}:{PATH}",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "ASGI_WORKERS": "1",  # Neutron's driver for OVN wants to know how many there are
            "OS_KEYSTONE_CONFIG_DIR": f"{folder}/keystone",
            "OS_KEYSTONE_CONFIG_FILES": f"{folder}/keystone/keystone.conf",
            "OS_PLACEMENT_CONFIG_DIR": f"{folder}/placement",
            "OS_NOVA_CONFIG_DIR": f"{folder}/nova",
            "OS_NOVA_CONFIG_FILES": "api-paste.ini;nova.conf",
            "OS_NOVA_DISABLE_EVENTLET_PATCHING": "true",
            "OS_NEUTRON_CONFIG_DIR": f"{folder}/neutron",
            "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
        }

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, env=self._environment(),
            timeout=2 * PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, f"{words[0]}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
        return done.stdout


def _succeeds(words: Sequence[str]) -> bool:
    done = subprocess.run(words, capture_output=True, check=False, env={"PATH": PATH})
    return done.returncode == 0


def _ports(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        port = free_port()
        while port in found.values():
            port = free_port()
        found[name] = port
    return found


@contextmanager
def cloud() -> Iterator[Cloud]:
    """Have it all; skip with a line where something is missing."""
    if not (VENV / "bin/nova-compute").exists():
        pytest.skip("OpenStack's services are not installed: make test-openstack")
    need("mariadbd", "mariadb-install-db", _RABBIT, "epmd", "ovsdb-server", "ovn-northd")
    names = ("keystone", "placement", "nova", "neutron", "cinder", "rabbit", "erlang", "epmd")
    with TemporaryDirectory(prefix="kgos-") as name:
        made = Cloud(Places(Path(name), VENV / "etc", _ports(names)), VENV)
        try:
            made.start()
            yield made
        finally:
            made.stop()
