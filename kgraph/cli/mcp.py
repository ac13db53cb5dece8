"""`kgraph mcp`: what an agent may look at, over standard input and output."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from kgraph.cli.session import session_of


def mcp(ctx: typer.Context) -> None:
    """Let an agent look at incidents, causes, entities and plans: the Model Context Protocol.

    It speaks over standard input and output, reads only, and executes nothing.
    """
    from kgraph.schema import ConfigurationError

    if find_spec("mcp") is None:
        raise ConfigurationError(
            "the library for MCP is not installed", mend="install the extra: kgraph-rca[mcp]"
        )
    from kgraph.app.stores import Access, opened
    from kgraph.server.agents import server
    from kgraph.server.service import Service

    configuration = session_of(ctx).configuration
    with opened(configuration, Access.READ):
        pass  # told before an agent waits for an answer
    service = Service(configuration)
    service.start()
    try:
        server(service).run("stdio")
    finally:
        service.stop()
