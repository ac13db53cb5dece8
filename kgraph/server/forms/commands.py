"""A command line that is run here for who asks."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from kgraph.server.forms.form import Form, example

_Word = Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[^\x00]*$")]


class CommandAsked(Form):
    """A command of `kgraph`, as it would be typed, without the program's name."""

    model_config = example(arguments=["incidents", "show", "INC-0001"])

    arguments: list[_Word] = Field(min_length=1, max_length=100)
    files: dict[str, str] = Field(
        default_factory=dict, max_length=10, description="Files that it reads: name to content."
    )
    stdin: str = Field("", description="What it reads from standard input.")
    columns: int | None = Field(
        None, ge=20, le=1_000, description="The width of a terminal; null: nobody looks."
    )
    colour: bool = False

    @field_validator("files")
    @classmethod
    def _below(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            path = PurePosixPath(name)
            plain = name.isprintable() and len(name) <= 200 and str(path) == name
            if not plain or path.is_absolute() or ".." in path.parts or name in {"", ".", "-"}:
                raise ValueError(f"{name!a} is no name of a file below a folder")
        return files
