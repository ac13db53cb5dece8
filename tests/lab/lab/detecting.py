"""A watch on the lab that sees by detectors alone: no alert, no event."""

from __future__ import annotations

from pathlib import Path

from tests.lab.lab.laboratory import Lab
from tests.lab.lab.telemetry import Telemetry
from tests.lab.lab.watching import Watching

# The shipped series, quick as everything in this lab is: a minute of past, looked at every second.
_DETECTORS = """\
format: kgraph.detectors/v1
series:
  - series: guest-disk-latency
    about: seconds that a request of a guest takes
    query: |
      (rate(libvirt_domain_block_stats_read_time_seconds_total[4s])
        + rate(libvirt_domain_block_stats_write_time_seconds_total[4s]))
      / (rate(libvirt_domain_block_stats_read_requests_total[4s])
        + rate(libvirt_domain_block_stats_write_requests_total[4s]) > 0)
    kind: [VirtualMachine]
    name: [domain]
    host: [host]
    window_minutes: 4
    step_seconds: 1
    detect:
      - {use: deviation, direction: up, floor: 0.02, floor_share: 0.5, signal: latency}
  - series: guest-disk-requests
    about: requests that a disk of a guest has done
    query: |
      libvirt_domain_block_stats_read_requests_total
        + libvirt_domain_block_stats_write_requests_total
    kind: [VirtualMachine]
    name: [domain]
    host: [host]
    window_minutes: 1
    step_seconds: 1
    detect:
      - {use: stuck, pause_seconds: 8, moves: 15, signal: hung}
  - series: node-filesystem
    about: share of the pool small that is taken
    query: |
      label_replace(1 - node_filesystem_avail_bytes / node_filesystem_size_bytes,
        "pool", "small", "", "")
    kind: [StoragePool]
    name: [pool]
    host: [host]
    window_minutes: 1
    step_seconds: 1
    detect:
      - {use: trend, reaches: 1, within_hours: 0.4, least_seconds: 20, reach: 60, signal: filling}
"""
# The hosts of the lab share the processors, memory and disks of one machine, which may be busy.
_SHARED = ("node-cpu", "node-memory", "node-waiting", "node-disk-latency", "node-traffic")
_NONE = """\
  - series: {name}
    about: nothing, in place of the shipped series
    query: up < 0
    kind: [Host]
    name: [host]
    detect:
      - {{use: threshold, above: 1, signal: cpu}}
"""


def detecting(lab: Lab, telemetry: Telemetry, folder: Path) -> Watching:
    """Start it, and wait until all was read once."""
    (folder / "detectors").mkdir()
    (folder / "detectors" / "lab.yaml").write_text(
        _DETECTORS + "".join(_NONE.format(name=name) for name in _SHARED)
    )
    config = folder / "kgraph.toml"
    config.write_text(_configuration(lab, telemetry, folder))
    watch = Watching(config)
    watch.wait_for("the first sync", lambda e: e["event"] == "watch.synced", seconds=180)
    return watch


def _configuration(lab: Lab, telemetry: Telemetry, folder: Path) -> str:
    sources = [
        f'type = "libvirt"\nuri = "{lab.host(h).uri}"\ncounters = false\nevery = 1'
        for h in ("h1", "h2", "h3")
    ]
    seen = f'type = "prometheus"\nurl = "{telemetry.url}"\nevery = 1\n'
    sources.append(f"{seen}detect = true\ndetect_every = 1")
    parts = [
        'site = "lab"',
        f'[store]\nurl = "sqlite:///{folder / "kgraph.db"}"',
        "[watch]\ntick = 0.2\nhold = 1",
        '[folders]\ndetectors = ["detectors"]',
    ]
    return "\n\n".join([*parts, *(f"[[sources]]\n{each}" for each in sources)]) + "\n"
