from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgraph.app.configured.endpoints import endpoints
from kgraph.app.stored.stores import target
from kgraph.config import LibvirtSource, layers, load
from kgraph.schema import ConfigurationError
from kgraph.store import ServerStore


def _write(folder: Path, text: str) -> Path:
    path = folder / "kgraph.toml"
    path.write_text(text, "utf-8")
    return path


def _refused(folder: Path, environ: dict[str, str], text: str) -> tuple[Path, str]:
    file = _write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load(cwd=folder, environ=environ)
    return file, str(caught.value)


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment whose user has no configuration."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "none"), "XDG_DATA_HOME": str(tmp_path / "data")}


def test_without_any_file_defaults_hold_and_say_so(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    found = load(cwd=tmp_path, environ=nowhere)
    assert found.settings.site == "default"
    assert found.store_path == tmp_path / "data" / "kgraph" / "kgraph.db"
    assert {origin for _, _, origin in found.rows()} == {"default"}


@pytest.mark.parametrize(
    ("how", "told", "mend"),
    [
        ("another's", "it is {owner}'s, and you are {me}", "; or run kgraph as {owner}"),
        ("everybody's", "everybody may write it", "; or chmod o-w it"),
    ],
)
def test_a_file_of_others_that_was_merely_come_upon_is_not_read(
    tmp_path: Path,
    nowhere: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    told: str,
    mend: str,
) -> None:
    """It names programs: by /tmp/kgraph.toml anybody could have others run some there."""
    file = _write(tmp_path, 'site = "dc1"')
    if how == "everybody's":
        file.chmod(0o666)
    elif os.geteuid() == 0:
        os.chown(file, 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    below = tmp_path / "work"
    below.mkdir()
    with pytest.raises(ConfigurationError) as caught:
        load(cwd=below, environ=nowhere)
    names = {"owner": layers._called(file.stat().st_uid), "me": layers._called(os.geteuid())}
    assert str(caught.value).startswith(f"{file}: {told.format(**names)}; ")
    assert f"`kgraph --config {file} ...`{mend.format(**names)}" in str(caught.value)
    assert load(cwd=below, environ=nowhere, file=file).settings.site == "dc1"


def test_a_mark_of_the_encoding_is_no_part_of_the_file_and_another_encoding_is_told(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    file = tmp_path / "kgraph.toml"
    file.write_bytes(b'\xef\xbb\xbfsite = "dc9"\r\n')
    assert load(cwd=tmp_path, environ=nowhere).settings.site == "dc9"
    file.write_bytes('site = "süd"\n'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"toml:1: byte 9 is not UTF-8; save it as"):
        load(cwd=tmp_path, environ=nowhere)


def test_the_file_is_found_upward_and_its_paths_start_at_its_folder(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    file = _write(tmp_path, '[store]\nurl = "sqlite:///estate.db"\n')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    found = load(cwd=deep, environ=nowhere)
    assert found.file == file
    assert found.store_path == tmp_path / "estate.db"


def test_the_users_own_file_is_read_where_the_folder_has_none(tmp_path: Path) -> None:
    home = tmp_path / "config" / "kgraph"
    home.mkdir(parents=True)
    _write(home, 'site = "dc9"\n')
    work = tmp_path / "work"
    work.mkdir()
    found = load(cwd=work, environ={"XDG_CONFIG_HOME": str(tmp_path / "config")})
    assert found.settings.site == "dc9"


def test_the_environment_wins_over_the_file_and_each_value_knows_its_origin(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    _write(tmp_path, 'site = "dc1"\n[log]\nlevel = "info"\n')
    environ = nowhere | {"KGRAPH_LOG__LEVEL": "debug"}
    found = load(cwd=tmp_path, environ=environ)
    assert (found.settings.site, found.settings.log.level) == ("dc1", "debug")
    assert found.origin("site") == "kgraph.toml"
    assert found.origin("log.level") == "environment KGRAPH_LOG__LEVEL"
    assert found.origin("store.url") == "default"


def test_the_command_line_wins_over_everything(tmp_path: Path, nowhere: dict[str, str]) -> None:
    environ = nowhere | {"KGRAPH_STORE__URL": "env.db"}
    found = load(cwd=tmp_path, environ=environ, store="mine.db")
    assert found.store_path == tmp_path / "mine.db"
    assert found.origin("store.url") == "option --store"


def test_sources_are_read_in_order_with_their_defaults(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    _write(tmp_path, '[[sources]]\ntype = "libvirt"\n[[sources]]\ntype = "alertmanager"\n')
    sources = load(cwd=tmp_path, environ=nowhere).settings.sources
    assert sources[0] == LibvirtSource(type="libvirt", uri="qemu:///system")
    assert sources[1].type == "alertmanager"


ENDPOINTS = """\
[[endpoints]]
name = "guests"
type = "libvirt"
select = {kind = "VirtualMachine", source = "libvirt"}
[[endpoints]]
name = "nbd1"
type = "systemd"
unit = "nbd@1.service"
via = ["ssh", "stor1"]
select = {kind = "StorageExport", name = "nbd*", label = {rack = "r1"}}
[[endpoints]]
name = "oncall"
type = "webhook"
url = "https://on.call/hook"
token_env = "HOOK_TOKEN"
[[endpoints]]
name = "site"
type = "hook"
url = "https://site.example/act"
actions = ["drain", "quarantine"]
[[endpoints]]
name = "plays"
type = "ansible"
playbooks = {cordon = "cordon.yml"}
select = {kind = "Host"}
[[endpoints]]
name = "power-h1"
type = "power"
select = {kind = "Host", name = "h1"}
[[endpoints.methods]]
agent = ["fence_ipmilan"]
options = {ip = "10.0.0.1", username = "kgraph"}
secret_env = "IPMI_PASSWORD"
[[endpoints.methods]]
agent = ["fence_apc_snmp"]
options = {ip = "10.0.0.9", plug = "3"}
[policy]
file = "policy.yaml"
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[store]\ndatabase = "system"', "store.database: name one that keeps graphs"),
        ('[store]\nurll = "x"', "unknown key 'store.urll'; did you mean url"),
        ('sit = "x"', "unknown key 'sit'; did you mean site"),
        ('rules = ["own"]', "unknown key 'rules'; write it under [folders]"),
        ('[[sources]]\ntype = "libvrt"', "a type that is known; did you mean libvirt"),
        ("[[sources]]", "sources.0: a source needs a type that is known; types: topology, "),
        ('[[sources]]\ntype = "topology"', "sources.0.path: is missing"),
        ('[[sources]]\ntype = "topology"\npath = "x"\nfile = "y"', "unknown key 'sources.0.file'"),
        ("a = 1\n= 2", "line 2"),
        ('[log]\nlevel = "loud"', "log.level: must be 'debug'"),
        ("store = 5", "store: "),
    ],
)
def test_a_mistake_in_the_file_is_told_with_file_and_key(
    tmp_path: Path, nowhere: dict[str, str], text: str, told: str
) -> None:
    file, said = _refused(tmp_path, nowhere, text)
    assert str(file) in said
    assert told in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sit = 'x'", 1),
        ("site = 'x'\n\n[log]\n# loud?\nlevel = 'loud'", 5),
        ("store.urll = 'x'", 1),
        ("[[sources]]\ntype = 'libvirt'\n[[sources]]\ntype = 'libvirt'\nuri = 5", 5),
        ("[[sources]]\ntype = 'libvirt'\n[[sources]]\ntype = 'csv'", 3),  # without a path
        ("[[endpoints]]\nname = 'a'\ntype = 'libvirt'\nselect = {kind = 'Hst'}", 4),
        ("[[endpoints]]\nname = 'a'\ntype = 'libvirt'\n[endpoints.select]\nkind = 'Hst'", 5),
        (f"{ENDPOINTS}[[endpoints]]\nname = 'b'\ntype = 'hok'", 39),
        (ENDPOINTS.replace('plug = "3"', "plug = [3]"), 36),
        ('site = """\nlevel = 1\n"""\n[log]\nlevel = "loud"', 5),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(
    tmp_path: Path, nowhere: dict[str, str], text: str, line: int
) -> None:
    file, said = _refused(tmp_path, nowhere, text)
    assert said.startswith(f"{file}:{line}: ")


def test_a_mistake_in_the_environment_is_not_put_down_to_a_line_of_the_file(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    _write(tmp_path, '[log]\nlevel = "info"')
    with pytest.raises(
        ConfigurationError, match=r"^environment KGRAPH_LOG__LEVEL: log.level: must"
    ):
        load(cwd=tmp_path, environ=nowhere | {"KGRAPH_LOG__LEVEL": "loud"})


@pytest.mark.parametrize(
    "entry",
    [
        '[[sources]]\ntype = "alertmanager"\nurl = "http://me:hunter2@am"',
        '[[sources]]\ntype = "libvirt"\nuri = "qemu+ssh://me:hunter2@h1/system"',
        '[[endpoints]]\ntype = "libvirt"\nuri = "qemu+tls://me:hunter2@[::1]:1/system"',
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(
    tmp_path: Path, nowhere: dict[str, str], entry: str
) -> None:
    _write(tmp_path, entry)
    with pytest.raises(ConfigurationError, match="password") as caught:
        load(cwd=tmp_path, environ=nowhere)
    assert "hunter2" not in str(caught.value)


def test_a_broken_value_in_the_environment_is_told_as_such(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=r"environment.*JSON"):
        load(cwd=tmp_path, environ=nowhere | {"KGRAPH_SOURCES": "[x"})


def test_a_variable_that_names_no_setting_is_kept_for_the_doctor(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    found = load(cwd=tmp_path, environ=nowhere | {"KGRAPH_STOER__URL": "x"})
    assert found.unknown_variables == ("KGRAPH_STOER__URL",)


def test_a_user_without_a_name_or_a_home_needs_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    found = load(cwd=tmp_path, environ={}, store="mine.db")
    assert found.store_path == tmp_path / "mine.db"
    assert load(cwd=tmp_path, environ={}).store_path == Path("/.local/share/kgraph/kgraph.db")


def test_a_store_that_nobody_speaks_is_refused(tmp_path: Path, nowhere: dict[str, str]) -> None:
    found = load(cwd=tmp_path, environ=nowhere, store="postgres://db")
    with pytest.raises(ConfigurationError, match="no store speaks postgres://"):
        _ = found.store_path


def test_a_named_file_that_is_not_there_is_an_error(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load(cwd=tmp_path, environ=nowhere, file=tmp_path / "other.toml")
    with pytest.raises(ConfigurationError, match="a folder, and no file"):
        load(cwd=tmp_path, environ=nowhere, file=tmp_path)


def test_endpoints_and_policy_are_read(tmp_path: Path, nowhere: dict[str, str]) -> None:
    _write(tmp_path, ENDPOINTS)
    found = load(cwd=tmp_path, environ=nowhere)
    chosen = {each.name: each for each in endpoints(found)}
    assert list(chosen) == [
        *("guests", "nbd1", "oncall", "site", "plays", "power-h1"),
        *("log", "nbd"),
    ]
    assert chosen["site"].actions == {"drain", "quarantine"}
    assert chosen["plays"].actions == {"cordon"}
    assert (chosen["power-h1"].serves, chosen["power-h1"].actions) == ("power", frozenset())
    assert chosen["nbd1"].select.labels == {"rack": "r1"}
    assert chosen["nbd1"].unit == "nbd@1.service"
    assert found.settings.policy.file == Path("policy.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[endpoints]]\nname = "a"\ntype = "magic"', "an endpoint needs a type that is known"),
        ('[[hooks]]\nname = "a"\ntype = "loki"', "types: alertmanager, cloudevents, generic"),
        ('[[receivers]]\nname = "a"\ntype = "sms"', "types: pagerduty, cloudevents, webhook"),
        ('[[receivers]]\nname = "a"\ntype = "webhook"\ntemplate = ["slack"]', "must be text"),
        ('[[endpoints]]\nname = "a"\ntype = "systemd"', "endpoints.0.unit"),
        ('[[endpoints]]\nname = "a"\ntype = "systemd"\nunit = "x; reboot"', "nbd1.service"),
        ('[[endpoints]]\nname = "a"\ntype = "systemd"\nunit = "--now.service"', "nbd1.service"),
        ('[[endpoints]]\nname = "log"\ntype = "libvirt"', "there by themselves"),
        ('[[endpoints]]\nname = "a b"\ntype = "libvirt"', "endpoints.0.name"),
        ('[[endpoints]]\ntype = "libvirt"', "endpoints.0.name"),
        (
            '[[endpoints]]\nname = "a"\ntype = "libvirt"\nselect = {kind = "Hots"}',
            "did you mean Host",
        ),
        ('[[endpoints]]\nname = "a"\ntype = "libvirt"\nselect = {knd = "Host"}', "kind"),
        ('[[endpoints]]\nname = "a"\ntype = "libvirt"\nurl = "x"', "did you mean uri"),
        ('[[endpoints]]\nname = "a"\ntype = "webhook"\nurl = "ftp://x"', "http or https"),
        ('[[endpoints]]\nname = "a"\ntype = "hook"\nurl = "https://x"', "endpoints.0.actions"),
        ('[[endpoints]]\nname = "a"\ntype = "ansible"', "endpoints.0.playbooks"),
        (
            '[[endpoints]]\nname = "a"\ntype = "power"\nselect = {name = "h1"}\nmethods = []',
            "endpoints.0.methods",
        ),
        (
            (
                '[[endpoints]]\nname = "a"\ntype = "power"\nselect = {kind = "Host"}\n'
                '[[endpoints.methods]]\nagent = ["fence_x"]'
            ),
            "a switch is of one host: select it by its whole name",
        ),
        (
            (
                '[[endpoints]]\nname = "a"\ntype = "power"\nselect = {name = "h*"}\n'
                '[[endpoints.methods]]\nagent = ["fence_x"]'
            ),
            "a switch is of one host: select it by its whole name",
        ),
        (
            (
                '[[endpoints]]\nname = "a"\ntype = "power"\nselect = {name = "h1"}\n'
                "[[endpoints.methods]]\n"
                'agent = ["fence_x"]\noptions = {passwd = "x"}'
            ),
            "use secret_env or secret_file",
        ),
        (
            (
                '[[endpoints]]\nname = "a"\ntype = "power"\nselect = {name = "h1"}\n'
                "[[endpoints.methods]]\n"
                'agent = ["fence_x"]\noptions = {ip = "10.0.0.1", action = "off"}'
            ),
            "a look at its power would do that",
        ),
        (
            (
                '[[endpoints]]\nname = "a"\ntype = "power"\nselect = {name = "h1"}\n'
                "[[endpoints.methods]]\n"
                'agent = ["sudo", "/usr/sbin/fence_x", "-a", "10.0.0.1"]'
            ),
            "fence_x would read its words, and no order",
        ),
        (
            '[[endpoints]]\nname = "a"\ntype = "libvirt"\n' * 2,
            "two endpoints are named 'a'",
        ),
        ('[policy]\nflie = "x"', "did you mean file"),
    ],
)
def test_a_mistake_in_an_endpoint_is_told_with_its_mend(
    tmp_path: Path, nowhere: dict[str, str], text: str, said: str
) -> None:
    _write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load(cwd=tmp_path, environ=nowhere)
    assert "\n" not in str(caught.value)


def test_a_secret_in_a_webhook_address_is_refused_and_not_repeated(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    _write(
        tmp_path, '[[endpoints]]\nname = "a"\ntype = "webhook"\nurl = "https://u:s3cret@on.call/"'
    )
    with pytest.raises(ConfigurationError) as caught:
        load(cwd=tmp_path, environ=nowhere)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["prometheus", "alertmanager", "netbox", "docker"])
@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:9090", "localhost", "ftp://h", "http://", "http://h:abc", "http://h:99999"),
        *(
            " http://h",
            "http://h\\n",
            "http://h/ x",
            "http://\\u0001h",
            "http://h\\t",
            "http://[::1",
        ),
    ],
)
def test_an_address_that_is_none_of_http_is_refused_before_anybody_is_asked(
    tmp_path: Path, nowhere: dict[str, str], kind: str, url: str
) -> None:
    (tmp_path / "kgraph.toml").write_text(f'[[sources]]\ntype = "{kind}"\nurl = "{url}"\n')
    with pytest.raises(ConfigurationError, match="must be an http or https address, such as"):
        load(cwd=tmp_path, environ=nowhere)


@pytest.mark.parametrize(
    ("kind", "field", "rest"),
    [
        *(("alertmanager", "url", ""), ("prometheus", "url", ""), ("docker", "url", "")),
        *(("haproxy", "url", 'socket = "/s"'), ("otel", "jaeger", 'path = "/p"')),
    ],
)
def test_an_address_that_is_left_empty_is_left_out(
    tmp_path: Path, nowhere: dict[str, str], kind: str, field: str, rest: str
) -> None:
    text = f'[server]\npublic_url = ""\n[[sources]]\ntype = "{kind}"\n{rest}\n'
    (tmp_path / "kgraph.toml").write_text(text)
    before = load(cwd=tmp_path, environ=nowhere).settings
    (tmp_path / "kgraph.toml").write_text(f'{text}{field} = ""\n')
    assert load(cwd=tmp_path, environ=nowhere).settings == before


@pytest.mark.parametrize(
    "url", ["neo4j://graph:7687", "bolt://graph", "neo4j+s://graph", "bolt+ssc://graph:7000/"]
)
def test_a_server_may_be_the_store(tmp_path: Path, nowhere: dict[str, str], url: str) -> None:
    found = load(cwd=tmp_path, environ=nowhere, store=url)
    assert found.store_title == url
    assert target(found) == ServerStore(url)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("neo4j://neo4j:hunter2@graph", "a user or password does not belong into the store's URL"),
        ("bolt+s://:hunter2@graph", "a user or password does not belong into the store's URL"),
        ("neo4j://", "names no host"),
        ("neo4j://graph:hunter2", "cannot be read"),
        ("neo4j://graph/estate", "more than a host and a port"),
    ],
)
def test_a_servers_url_that_says_too_much_or_too_little_is_refused(
    tmp_path: Path, nowhere: dict[str, str], url: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        load(cwd=tmp_path, environ=nowhere, store=url)
    assert "hunter2@" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_of_a_server_comes_from_a_file_or_a_variable(
    tmp_path: Path, nowhere: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("sésame\n", "utf-8")
    head = '[store]\nurl = "neo4j://graph"\n'
    _write(tmp_path, f'{head}password_file = "secret"\ndatabase = "estate"\n')
    found = target(load(cwd=tmp_path, environ=nowhere))
    assert found == ServerStore("neo4j://graph", "neo4j", "sésame", "estate")
    assert "sésame" not in repr(found)
    monkeypatch.setenv("GRAPH_PASSWORD", "open")
    _write(tmp_path, f'{head}user = "kg"\npassword_env = "GRAPH_PASSWORD"\n')
    found = target(load(cwd=tmp_path, environ=nowhere))
    assert found == ServerStore("neo4j://graph", "kg", "open")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('user = "kg"', "kgraph.toml: store.user: a user is named and no password"),
        ('password_file = "empty"', "the password is empty"),
        ('password_file = "absent"', "No such file"),
        ('password_env = "NOT_SET_ANYWHERE"', "NOT_SET_ANYWHERE: it is not set"),
    ],
)
def test_a_password_that_cannot_be_had_is_told_in_one_line(
    tmp_path: Path, nowhere: dict[str, str], more: str, told: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    _write(tmp_path, f'[store]\nurl = "neo4j://graph"\n{more}\n')
    with pytest.raises(ConfigurationError, match=told):
        target(load(cwd=tmp_path, environ=nowhere))
