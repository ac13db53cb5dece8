"""The three forms of an inventory: INI, YAML, and the JSON of `ansible-inventory --list`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ingest.ansible.ini import read_ini
from ingest.ansible.inventory import Group, Inventory, Variables
from ingest.ansible.ranges import expanded
from kgraph.schema import SourceError
from kgraph.schema.errors import one_line
from kgraph.schema.safe_yaml import refuse_bomb
from kgraph.sourcekit import Node, parsed

_MEND = "an inventory is INI, YAML, or what `ansible-inventory --list` prints"


def inventory(text: str, where: str) -> Inventory:
    """Read an inventory of any form.

    Raises:
        SourceError: with the place.
    """
    first = next((line for line in text.splitlines() if line.strip()), "").strip()
    if not first:
        raise SourceError("it is empty", where=where, mend=_MEND)
    if first.startswith("{"):
        return _listed(parsed(text, where))
    document = _yaml(text, where) if _looks_like_yaml(text) else None
    return _yaml_inventory(document, where) if document is not None else read_ini(text, where)


def _looks_like_yaml(text: str) -> bool:
    """Tell YAML: its first line that says anything is a key, and INI has none."""
    for line in text.splitlines():
        said = line.strip()
        if said and not said.startswith(("#", ";")):
            return said.startswith("---") or said.endswith(":")
    return False


def _listed(root: Node) -> Inventory:
    hosts: dict[str, Variables] = {}
    for name, told in root.at("_meta", "hostvars").pairs():
        hosts[name] = _plain(told)
    groups: dict[str, Group] = {}
    for name, node in root.pairs():
        if name == "_meta":
            continue
        group = groups.setdefault(name, Group())
        members = node if isinstance(node.value, list) else node.at("hosts")
        for host in members.each():
            group.hosts[host.needed()] = None
            hosts.setdefault(host.needed(), {})
        if isinstance(node.value, list):
            continue
        group.children |= {child.needed(): None for child in node.at("children").each()}
        group.variables |= _plain(node.at("vars"))
    return Inventory(hosts, groups, root.where)


def _plain(node: Node) -> Variables:
    return {name: value.value for name, value in node.pairs()}


class _Loader(yaml.SafeLoader):
    """Plain values, and Ansible's own tags: a vault is opened by nobody here."""


def _tagged(loader: _Loader, _tag: str, node: yaml.Node) -> object:
    if node.tag == "!vault" or not isinstance(node, yaml.ScalarNode):
        return None
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _tagged)


def _yaml(text: str, where: str) -> Any:  # noqa: ANN401 - whatever the text says
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        refuse_bomb(root)
        return loader.construct_document(root)
    except (ValueError, RecursionError) as error:  # an impossible date, brackets without end
        raise SourceError(f"not YAML: {one_line(error)}", where=where, mend=_MEND) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        what = getattr(error, "problem", None) or "not YAML"
        raise SourceError(f"not YAML: {what}", where=place, mend=_MEND) from None
    finally:
        loader.dispose()


def _yaml_inventory(document: object, where: str) -> Inventory:
    hosts: dict[str, Variables] = {}
    groups: dict[str, Group] = {}
    waiting = list(Node(document, "the inventory", where).pairs())
    walked: set[tuple[str, int]] = set()  # by an alias a group may hold itself
    while waiting:
        name, node = waiting.pop(0)
        if (name, id(node.value)) in walked:
            continue
        walked.add((name, id(node.value)))
        group = groups.setdefault(name, Group())
        for host, told in _hosts(node):
            group.hosts[host] = None
            hosts[host] = {**hosts.get(host, {}), **_plain(told)}
        group.variables |= _plain(node.at("vars"))
        children = list(node.at("children").pairs())
        group.children |= dict.fromkeys(child for child, _ in children)
        waiting += children
    return Inventory(hosts, groups, where)


def _hosts(group: Node) -> Iterator[tuple[str, Node]]:
    for pattern, told in group.at("hosts").pairs():
        for name in expanded(pattern, group.where):
            yield name, told
