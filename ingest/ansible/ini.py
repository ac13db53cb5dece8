"""The INI form: `[group]`, `[group:children]`, `[group:vars]`, and hosts with variables."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable

from ingest.ansible.inventory import Group, Inventory, Variables
from ingest.ansible.ranges import expanded
from kgraph.schema import SourceError

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]")
_PORT = re.compile(r"[0-9]{1,5}")
_MEND = "see the guide to Ansible inventories"


def read_ini(text: str, where: str) -> Inventory:
    """Read an inventory in INI form.

    Raises:
        SourceError: with file and line.
    """
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.strip()
        if said and not said.startswith(("#", ";")):
            reader.take(said, f"{where}:{number}")
    return Inventory(reader.hosts, reader.groups, where)


class _Reader:
    def __init__(self) -> None:
        self.hosts: dict[str, Variables] = {}
        self.groups: dict[str, Group] = {"ungrouped": Group()}
        self._group, self._what = "ungrouped", "hosts"

    def take(self, line: str, where: str) -> None:
        """Read one line that says something."""
        if line.startswith("["):
            self._section(line, where)
        elif self._what == "hosts":
            self._host(line, where)
        elif self._what == "children":
            child = line.partition("#")[0].strip()
            self.groups.setdefault(child, Group())
            self.groups[self._group].children[child] = None
        else:
            self.groups[self._group].variables |= _variables([line], where)

    def _section(self, line: str, where: str) -> None:
        found = _SECTION.match(line)
        what = (found[2] or "hosts") if found else ""
        if found is None or what not in {"hosts", "children", "vars"}:
            raise SourceError(f"{line!r} heads no section", where=where, mend=_MEND)
        self._group, self._what = found[1], what
        self.groups.setdefault(self._group, Group())

    def _host(self, line: str, where: str) -> None:
        try:
            pattern, *words = shlex.split(line, comments=True)
        except ValueError as error:
            raise SourceError(f"{line!r:.60}: {error}", where=where, mend="close quotes") from None
        told = _variables(words, where)
        for name in expanded(pattern, where):
            host, port = _ported(name)
            self.hosts[host] = {**self.hosts.get(host, {}), **port, **told}
            self.groups[self._group].hosts[host] = None


def _ported(name: str) -> tuple[str, Variables]:
    """Split `web1:2222`; an IPv6 address has more than one colon."""
    host, colon, port = name.rpartition(":")
    if colon and ":" not in host and _PORT.fullmatch(port):
        return host, {"ansible_port": int(port)}
    return name, {}


def _variables(words: Iterable[str], where: str) -> Variables:
    told: Variables = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            mend = "variables are written name=value"
            raise SourceError(f"{word!r:.60} is no variable", where=where, mend=mend)
        told[name.strip()] = _value(value.strip())
    return told


def _value(text: str) -> object:
    """Read a value as Ansible does: a Python literal where it is one, else as it stands."""
    try:
        found: object = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return found
