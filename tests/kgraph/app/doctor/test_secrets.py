"""Whether secrets are kept to those whom they are for."""

from __future__ import annotations

from pathlib import Path

from kgraph.app.doctor.secrets import secrets
from kgraph.config import load

FAR = (
    ("prometheus", "near", 'url = "http://127.0.0.1:9"', 'token_env = "SECRET"'),
    ("prometheus", "far", 'url = "http://192.0.2.1:9"', 'token_env = "SECRET"'),
    ("prometheus", "tls", 'url = "https://192.0.2.2:9"', 'token_file = "secret"'),
    ("prometheus", "free", 'url = "http://192.0.2.3:9"', ""),  # there is nothing to hear
    ("netbox", "inventory", 'url = "http://192.0.2.4"', 'token_file = "secret"'),
)


def told(folder: Path, text: str) -> list[str]:
    (folder / "kgraph.toml").write_text(text)
    found = load(cwd=folder, environ={}, file=folder / "kgraph.toml")
    return [row.told for row in secrets(found)]


def test_what_crosses_a_network_in_the_open_is_told(tmp_path: Path) -> None:
    rows = "".join(
        f'[[sources]]\ntype = "{kind}"\nname = "{name}"\n{url}\n{secret}\n'
        for kind, name, url, secret in FAR
    )
    store = '[store]\nurl = "neo4j://graph.example:7687"\npassword_env = "SECRET"\n'
    assert told(tmp_path, store + rows) == [
        "a secret goes to neo4j://graph.example:7687 unencrypted",
        "a secret goes to http://192.0.2.1:9 unencrypted",
        "a secret goes to http://192.0.2.4 unencrypted",
    ]
    assert told(tmp_path, store.replace("neo4j:", "neo4j+s:")) == []
    assert told(tmp_path, store.replace("graph.example", "localhost")) == []


def test_a_server_that_others_reach_without_tls_is_told(tmp_path: Path) -> None:
    listen = '[server]\nlisten = "0.0.0.0:8080"\n'
    (line,) = told(tmp_path, listen)
    assert line.startswith("tokens come to 0.0.0.0:8080 unencrypted, unless a proxy")
    assert told(tmp_path, f'{listen}trusted_proxies = ["192.0.2.1"]\n') == []
    assert told(tmp_path, f'{listen}certificate = "a.pem"\nkey = "b.pem"\n') == []
    assert told(tmp_path, "") == []
