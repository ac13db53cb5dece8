"""The secrets of hooks, read once at the start: a restart takes over a new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kgraph.config import Configuration
from kgraph.config.hooks import HookConfig
from kgraph.schema import ConfigurationError
from kgraph.secret import secret

_SHORTEST = 16  # characters; less is guessed


@dataclass(frozen=True, slots=True)
class HookSecret:
    """What a hook asks for; with neither, an API token of the role hook.

    Attributes:
        token: its bearer token.
        key: of its HMAC.
    """

    token: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)


def secret_of(hook: HookConfig, configuration: Configuration) -> HookSecret:
    """Read a hook's secret from where it is kept.

    Raises:
        ConfigurationError: it is named and cannot be had, or is too short.
    """
    token_file = configuration.given(hook.token_file)
    hmac_file = configuration.given(hook.hmac_file)
    token = _found(hook, hook.token_env, token_file)
    key = _found(hook, hook.hmac_env, hmac_file)
    return HookSecret(token, key.encode())


def _found(hook: HookConfig, variable: str, file: Path | None) -> str:
    try:
        return _long_enough(secret(variable, file))
    except ConfigurationError as error:
        where = f"hook {hook.name}: {error.where}"
        raise ConfigurationError(error.what, where=where, mend=error.mend) from None


def _long_enough(found: tuple[str, str] | None) -> str:
    if found is None:
        return ""
    where, text = found
    if len(text) < _SHORTEST:
        mend = f"at least {_SHORTEST} characters: openssl rand -hex 32"
        raise ConfigurationError("the secret is too short", where=where, mend=mend)
    return text
