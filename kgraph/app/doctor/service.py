"""`kgraph doctor`: could the service start, and do its receivers take a message?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from kgraph.app.doctor.finding import Finding, Health
from kgraph.app.service.channels import channel
from kgraph.app.service.secrets import secret_of
from kgraph.config import Configuration
from kgraph.incidents.notice import drill
from kgraph.schema import ConfigurationError, KgraphError


def examine_service(configuration: Configuration) -> Iterator[Finding]:
    """Look whether every secret and template is there; nothing is sent."""
    settings = configuration.settings
    for hook in settings.hooks:
        try:
            secret_of(hook, configuration)
        except KgraphError as error:
            yield Finding("hook", Health.FAIL, str(error))
        else:
            yield Finding("hook", Health.OK, f"{hook.name} ({hook.type})")
    for receiver in settings.receivers:
        try:
            channel(receiver, configuration)
        except KgraphError as error:
            yield Finding("receiver", Health.FAIL, str(error))
        else:
            yield Finding("receiver", Health.OK, f"{receiver.name} ({receiver.type})")


def tell_receivers(configuration: Configuration, now: datetime, mark: str) -> Iterator[Finding]:
    """Send every receiver a message that says that it is a drill, and its end.

    Args:
        configuration: whom to tell.
        now: the moment.
        mark: tells this drill from others.
    """
    receivers = configuration.settings.receivers
    if not receivers:
        mend = "name one under [[receivers]] in kgraph.toml"
        yield Finding("receivers", Health.FAIL, "none configured", mend)
    messages: tuple[Mapping[str, Any], ...] = tuple(
        drill(f"DRILL-{mark}", now, over=over) for over in (False, True)
    )
    for receiver in receivers:
        try:
            way = channel(receiver, configuration)
            for number, message in enumerate(messages):
                way.send(message, f"drill {mark} {number}")
        except ConfigurationError as error:
            yield Finding("receiver", Health.FAIL, str(error))
        except KgraphError as error:
            mend = "look at its address and its secret, and whether this machine reaches it"
            yield Finding("receiver", Health.FAIL, str(error), mend)
        else:
            told = f"{receiver.name} took a drill message and its end"
            yield Finding("receiver", Health.OK, told)
