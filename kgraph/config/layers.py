"""From the command line, the environment and a file to one configuration.

Layers, strongest first: command line, environment (`KGRAPH_STORE__URL`), `kgraph.toml`, defaults.
The file is the nearest one upward from the working folder, then the user's own.
"""

from __future__ import annotations

import os
import pwd
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from kgraph.config.configuration import Configuration, leaves
from kgraph.config.settings import PREFIX, Settings
from kgraph.config.validated import validated
from kgraph.schema import ConfigurationError
from kgraph.schema.errors import not_utf8

FILE_NAME = "kgraph.toml"


# Variables of ours that steer the program itself and are no settings.
_PROGRAM_VARIABLES = frozenset(
    {"KGRAPH_CONFIG", "KGRAPH_DEBUG", "KGRAPH_SERVER_URL", "KGRAPH_TOKEN", "KGRAPH_TOKEN_FILE"}
)


def load(
    *,
    cwd: Path,
    environ: Mapping[str, str],
    file: Path | None = None,
    store: str | None = None,
) -> Configuration:
    """Read the configuration.

    Args:
        cwd: where the search for `kgraph.toml` starts.
        environ: the environment.
        file: this file and no other.
        store: the store that the command line names; relative to `cwd`.

    Raises:
        ConfigurationError: a file that cannot be read, an unknown key, a value of a wrong type.
    """
    if file is None and environ.get("KGRAPH_CONFIG"):
        file = Path(environ["KGRAPH_CONFIG"])
    if file is not None and not file.is_file():
        what = "a folder, and no file" if file.is_dir() else "no such file"
        mend = "`kgraph init` writes a commented one"
        raise ConfigurationError(what, where=str(file), mend=mend)
    found = file or find_file(cwd, environ)
    text = _read(found) if found else ""
    layers: list[tuple[str, dict[str, Any]]] = []
    if store is not None:
        url = store if "://" in store else str(cwd / Path(store).expanduser())
        layers.append(("option --store", {"store": {"url": url}}))
    layers.append(("environment", _from_environment(environ)))
    if found is not None:
        layers.append((found.name, _parsed(text, found)))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, layer in reversed(layers):
        _merge(merged, layer)
        origins |= {key: _origin_name(name, key, environ) for key, _ in leaves(layer)}
    return Configuration(
        validated(merged, origins, found, text),
        file=found.resolve() if found else None,
        origins=origins,
        unknown_variables=_unknown_variables(environ),
        home=_data_home(environ),
    )


def find_file(cwd: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the nearest `kgraph.toml` upward from `cwd`, else the user's, else None.

    Raises:
        ConfigurationError: that one is another user's, or everybody may write it.
    """
    base = cwd.resolve()
    user = Path(environ.get("XDG_CONFIG_HOME") or _home() / ".config") / "kgraph" / FILE_NAME
    places = [folder / FILE_NAME for folder in (base, *base.parents)]
    found = next((place for place in (*places, user) if place.is_file()), None)
    if found is not None:
        _refuse_strange(found)
    return found


def _refuse_strange(path: Path) -> None:
    """Refuse a file that was merely come upon and is another's: it names programs that are run.

    Whoever may write `/tmp` could else have whoever works below it run anything.
    """
    there = path.stat()
    others = there.st_uid not in {0, os.geteuid()}
    if others or there.st_mode & stat.S_IWOTH:
        owner = _called(there.st_uid)
        whose = f"it is {owner}'s, and you are {_called(os.geteuid())}"
        what = whose if others else "everybody may write it"
        mend = f"if you mean it, name it: `kgraph --config {quote(str(path))} ...`"
        raise ConfigurationError(
            f"{what}; it says which programs are run, so it is not read unasked",
            where=str(path),
            mend=f"{mend}; or run kgraph as {owner}" if others else f"{mend}; or chmod o-w it",
        )


def _called(uid: int) -> str:
    """Return a user's name, or the number of one that nobody knows, as in a container."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _data_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_DATA_HOME") or _home() / ".local" / "share")


def _home() -> Path:
    """Return the user's folder; `/` of one who has none, as in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def _read(path: Path) -> str:
    try:
        # Some editors begin a file with a mark of its encoding, which is nothing of TOML's.
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        what, where = not_utf8(error, path)
        raise ConfigurationError(what, where=where, mend="save it as UTF-8") from error
    except OSError as error:
        what, mend = error.strerror or str(error), "let the user that kgraph runs as read it"
        raise ConfigurationError(what, where=str(path), mend=mend) from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(error), where=str(path), mend="mend the TOML") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    ours = {
        key.lower(): value
        for key, value in environ.items()
        if value and key.upper().startswith(PREFIX) and key not in _PROGRAM_VARIABLES
    }
    if not ours:
        return {}
    # It takes a sixth of the time in which a command starts, and few set anything there.
    from pydantic_settings import (  # noqa: PLC0415
        BaseSettings,
        EnvSettingsSource,
        SettingsConfigDict,
        SettingsError,
    )

    class Variables(Settings, BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=PREFIX, env_nested_delimiter="__", defer_build=True
        )

    source = EnvSettingsSource(Variables)
    source.env_vars = ours
    try:
        return source()
    except SettingsError as error:
        cause = error.__cause__ or error
        raise ConfigurationError(
            f"{error}: {cause}", where="environment", mend="lists are written as JSON"
        ) from error


def _unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    ours = (name for name in environ if name.startswith(PREFIX) and name not in _PROGRAM_VARIABLES)
    return tuple(sorted(name for name in ours if name.partition("__")[0] not in known))


def _origin_name(layer: str, key: str, environ: Mapping[str, str]) -> str:
    if layer != "environment":
        return layer
    whole = f"{PREFIX}{key.replace('.', '__')}".upper()
    return f"environment {whole if whole in environ else PREFIX + key.partition('.')[0].upper()}"


def _merge(target: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = dict(value) if isinstance(value, Mapping) else value
