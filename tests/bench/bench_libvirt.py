"""How fast libvirt is read: one host of 60 guests, and 300 connections of which 30 or 60 hang.

    python -m tests.bench.bench_libvirt [HUNG]       # 30 or 60 of them; else both, one by one

Prints a table; asserts nothing. The hosts are libvirt's own test driver, one document each, so the
binding, the processes and the graph are real and no wire is. Those that hang are sockets of ours
that take a connection and never say a word. CPU time is that of kgraph itself, without the
processes that ask; hanging costs none, so wall time is shown too.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import structlog

from ingest.libvirt import read
from ingest.libvirt.binding import load_binding
from ingest.libvirt.fetch import Only, Reading, fetch
from kgraph.app.reading import parallel
from kgraph.app.reading.sync import Commitment, unshown
from kgraph.app.reading.sync import Reading as Setting
from kgraph.app.sources import Context, jobs
from kgraph.config import Configuration, LibvirtSource, Settings
from kgraph.store import open_store

_HOSTS, _SOME_HUNG, _MANY_HUNG, _GUESTS, _MANY = 300, 30, 60, 10, 60
_NODE = """\
<node><cpu><mhz>2000</mhz><model>x86</model><active>8</active><nodes>1</nodes><sockets>1</sockets>
<cores>8</cores><threads>1</threads></cpu><memory>67108864</memory>{guests}
<network><name>default</name><uuid>{host:08x}-0000-4000-8000-0000000000aa</uuid>
<bridge name='virbr0'/><ip address='192.168.122.1'/></network>
<pool type='dir'><name>default</name><uuid>{host:08x}-0000-4000-8000-0000000000bb</uuid>
<target><path>/images</path></target></pool></node>
"""
_GUEST = """\
<domain type='test'><name>vm{host}-{n}</name><uuid>{host:08x}-0000-4000-8000-{n:012x}</uuid>
<memory>1048576</memory><os><type>hvm</type></os><devices>
<disk type='file'><source file='/images/{n}.img'/><target dev='vda'/></disk>
<interface type='network'><mac address='52:54:00:{high:02x}:{low:02x}:{n:02x}'/>
<source network='default'/></interface></devices></domain>
"""
_T = TypeVar("_T")


def _uri(folder: Path, host: int, guests: int) -> str:
    high, low = divmod(host, 256)
    rows = (_GUEST.format(host=host, n=n, high=high, low=low) for n in range(guests))
    path = folder / f"{host}.xml"
    path.write_text(_NODE.format(host=host, guests="".join(rows)))
    return f"test://{path}"


def _row(what: str, work: Callable[[], _T]) -> _T:
    wall, cpu = time.monotonic(), time.process_time()
    result = work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    sys.stdout.write(f"{what:58}{cpu:8.2f} s CPU{wall:8.2f} s\n")
    return result


def _here(_patience: object, uri: str, only: Only | None) -> Reading:
    return fetch(load_binding(), uri, only)


def _sync(uris: list[str], folder: Path) -> Counter[str]:
    sources = tuple(LibvirtSource(type="libvirt", uri=uri) for uri in uris)
    configuration = Configuration(Settings(sources=sources))
    told: Counter[str] = Counter()
    with closing(open_store(folder / "bench.db")) as store:
        reading = Setting(store, datetime.now(UTC), Commitment.COMMIT, unshown)
        setting = parallel.Setting(reading, lambda: datetime.now(UTC), f"bench {os.getpid()}")
        begin = time.monotonic()
        for outcome in parallel.sync(setting, jobs(Context(configuration))):
            told["failed" if outcome.failure else "kept"] += 1
            if not outcome.failure:
                told["last kept, s"] = round(time.monotonic() - begin)
        told["scopes"] = len(store.scopes())
    return told


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        now = datetime.now(UTC)
        many = _uri(folder, 1000, _MANY)
        list(read(many, now=now).items)  # the fork server is up
        _row("60 guests: in this process", lambda: list(read(many, now=now, ask=_here).items))
        _row("60 guests: in a process of its own", lambda: list(read(many, now=now).items))
        well = [_uri(folder, host, _GUESTS) for host in range(_HOSTS - _SOME_HUNG)]
        _row("270 connections that answer", lambda: _sync(well, folder))
        for count in [int(each) for each in sys.argv[1:]] or (_SOME_HUNG, _MANY_HUNG):
            uris = well[: _HOSTS - count]
            for number in range(count):
                server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                hung = f"qemu+tcp://127.0.0.1:{server.getsockname()[1]}/system"
                uris.insert(number * _HOSTS // count, hung)
            _tell(f"300 connections, {count} of them hung", uris, folder)
            first = sorted(uris, key=lambda uri: not uri.startswith("qemu"))
            _tell(f"the same, with those {count} in front", first, folder)


def _tell(what: str, uris: list[str], folder: Path) -> None:
    told = _row(what, lambda: _sync(uris, folder))
    sys.stdout.write(f"  {', '.join(f'{name}: {count}' for name, count in told.items())}\n")


if __name__ == "__main__":
    main()
