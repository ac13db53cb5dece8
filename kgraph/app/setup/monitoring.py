"""`kgraph init prometheus` and `kgraph init alertmanager`: files to take over, put nowhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

from kgraph.app.setup.new_file import write_new
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.schema import InputError, KgraphError

RULES, SCRAPE, RECEIVER = "kgraph-rules.yml", "prometheus-kgraph.yml", "alertmanager-kgraph.yml"
WEBHOOK = "http://127.0.0.1:8080/hooks/alertmanager"
TOKEN = "/etc/prometheus/kgraph-token"  # noqa: S105 - where the token is
EXPORTERS = (
    ("prometheus-libvirt-exporter", "on every hypervisor"),
    ("prometheus-node-exporter", "on every hypervisor, and in guests as far as you like"),
    ("prometheus-blackbox-exporter", "on one machine, best not on a hypervisor"),
)
_INTERVAL = re.compile(r"(\d+)(ms|s|m)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1)}
_LONGEST_TIMEOUT = timedelta(seconds=10)
_PORTS = {"libvirt": ":9177", "node": ":9100", "ping": "", "tcp": ":22"}
_PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Written:
    """One file, and what its own checker says of it; empty where there is no checker here."""

    path: Path
    checked: str = ""


def scrape_interval(text: str) -> timedelta:
    """Read `15s`, `500ms` or `1m`.

    Raises:
        InputError: it is none, or nothing at all.
    """
    match = _INTERVAL.fullmatch(text)
    length = int(match[1]) * _UNITS[match[2]] if match else timedelta(0)
    if not length:
        mend = "write it as Prometheus does: 15s, 500ms, 1m"
        raise InputError(f"no scrape interval: {text!r}", where="--scrape-interval", mend=mend)
    return length


def for_prometheus(folder: Path, every: timedelta, hosts: Sequence[str]) -> list[Written]:
    """Write the rules and a scrape configuration; a file that is there is never touched.

    Args:
        folder: where to.
        every: the scrape interval, which the rules' durations follow.
        hosts: names of the hypervisors to scrape.

    Raises:
        InputError: a file is there already, or the folder cannot be written.
    """
    values = {"timeout": duration(min(every, _LONGEST_TIMEOUT))}
    values |= {job: _targets(job, hosts) for job in _PORTS}
    texts = {RULES: shipped("rules.yml", every), SCRAPE: shipped("scrape.yml", every, values)}
    paths = _write(folder, texts)
    return [
        Written(paths[RULES], _checked("promtool", "check", "rules", paths[RULES])),
        Written(paths[SCRAPE], _checked("promtool", "check", "config", paths[SCRAPE])),
    ]


def for_alertmanager(folder: Path, url: str, token_file: str) -> list[Written]:
    """Write a receiver for kgraph; raises what `for_prometheus` does."""
    text = _template("alertmanager.yml", {"url": url, "token": token_file})
    path = _write(folder, {RECEIVER: text})[RECEIVER]
    return [Written(path, _checked("amtool", "check-config", path))]


def shipped(name: str, every: timedelta, values: Mapping[str, str] | None = None) -> str:
    """Return a shipped file for Prometheus with its durations filled in.

    Args:
        name: in `kgraph/signals/prometheus`.
        every: the scrape interval; `@4x@` stands for four of it.
        values: what else stands between two `@`.
    """
    text = _template(name, values or {})
    return re.sub(r"@(\d+)x@", lambda found: duration(int(found[1]) * every), text)


def hypervisors(configuration: Configuration) -> list[str]:
    """Return the names of the hosts that the graph knows; none where there is no graph yet.

    A host that is known by a URI alone has no name that could be scraped.
    """
    try:
        with opened(configuration, Access.READ) as store:
            return [host.name for host in store.find(kind="Host") if _HOST.fullmatch(host.name)]
    except KgraphError:
        return []


def _template(name: str, values: Mapping[str, str]) -> str:
    text = files("kgraph.signals").joinpath("prometheus", name).read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _targets(job: str, hosts: Sequence[str]) -> str:
    if not hosts:
        sample = f'      # - {{targets: ["h1{_PORTS[job]}"], labels: {{host: h1}}}}'
        return f"      []\n{sample}"
    return "\n".join(
        f'      - {{targets: ["{host}{_PORTS[job]}"], labels: {{host: "{host}"}}}}'
        for host in hosts
    )


def duration(length: timedelta) -> str:
    """Write a length of time as Prometheus does."""
    milliseconds = length // timedelta(milliseconds=1)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _write(folder: Path, texts: Mapping[str, str]) -> dict[str, Path]:
    """Write all files or none."""
    paths = {name: folder / name for name in texts}
    for path in paths.values():
        if path.exists():
            mend = "name another folder with --output, or move it away"
            raise InputError("there is such a file already", where=str(path), mend=mend)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            write_new(path, texts[name])
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise InputError(what, where=str(folder), mend="name another folder") from error
    return paths


def _checked(*command: str | Path) -> str:
    """Return what the checker says, if it is here: `accepted by promtool`, or its complaint."""
    tool, *rest = map(str, command)
    found = shutil.which(tool)
    if found is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - a checker by name, and files that we wrote
            [found, *rest],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{tool} could not be asked: {type(error).__name__}"
    if not done.returncode:
        return f"accepted by {tool}"
    return f"{tool} refuses it: {_last(done.stdout, done.stderr)}"


def _last(*texts: str) -> str:
    lines: Iterable[str] = (line.strip() for text in texts for line in text.splitlines())
    return next((line for line in reversed(list(lines)) if line), "no reason given")
