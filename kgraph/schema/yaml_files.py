"""Files in YAML that people write for us: read, and refused in one line that says where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kgraph.schema.errors import ConfigurationError
from kgraph.schema.refusals import in_words, near_key
from kgraph.schema.refusals import path as place_of
from kgraph.schema.safe_yaml import safe_yaml

_Form = TypeVar("_Form", bound=BaseModel)


def shipped_files(package: str, folder: str) -> list[tuple[str, str]]:
    """Return (name, content) of the YAML files that come with the program, by name."""
    entries = files(package).joinpath(folder).iterdir()
    found = [each for each in entries if each.name.endswith(".yaml")]
    return sorted((each.name, each.read_text("utf-8")) for each in found)


def site_files(folders: Sequence[Path], setting: str) -> Iterator[tuple[str, str]]:
    """Yield (path, content) of the YAML files in a site's own folders, by name in each.

    Args:
        folders: where to look.
        setting: what names them in the configuration.

    Raises:
        ConfigurationError: a folder that is not there, or a file that cannot be read.
    """
    for folder in folders:
        own_folder(folder, setting)
        for path in sorted(folder.glob("*.yaml")):
            yield str(path), text_of(path)


def own_folder(folder: Path, setting: str) -> None:
    """See that a site's folder is one, and that nothing in it would be passed over by its ending.

    Raises:
        ConfigurationError: it is not there, it is a file, or it holds a `*.yml`.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        mend = f"correct `{setting}` in the configuration"
        mend = "name the folder that holds it" if folder.exists() else mend
        raise ConfigurationError(what, where=str(folder), mend=mend)
    for other in sorted(folder.glob("*.yml")):
        raise ConfigurationError(
            "would not be read", where=str(other), mend="let its name end with .yaml"
        )


def text_of(path: Path) -> str:
    """Return a file's text; ConfigurationError in one line where there is none."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        mend = "make it a readable text file"
        raise ConfigurationError(f"can't be read: {reason}", where=str(path), mend=mend) from None


def read_yaml(text: str | bytes, name: str) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the content of a file in plain values.

    Args:
        text: what is in it.
        name: what to call it in messages.

    Raises:
        ConfigurationError: it is no YAML; names the file, and the line where that is known.
    """
    try:
        return safe_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "of some other sort"
        mend = "correct the YAML"
        raise ConfigurationError(f"not YAML: {problem}", where=where, mend=mend) from None
    except (ValueError, RecursionError) as error:  # an impossible date, brackets without end
        raise ConfigurationError(str(error), where=name, mend="correct the YAML") from None


def in_form(form: type[_Form], content: object, name: str, mend: str) -> _Form:
    """Return the content of a file as rows of a form.

    Args:
        form: what it must be.
        content: what was read.
        name: what to call the file in messages.
        mend: how to mend what is wrong, where it is no unknown key.

    Raises:
        ConfigurationError: it is something else; names the file and the field.
    """
    if content is None:
        raise ConfigurationError("the file is empty", where=name, mend=mend)
    try:
        return form.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        # A misspelt key is more than the one that is missing for it.
        first = next((row for row in found if row["type"] == "extra_forbidden"), found[0])
        field = place_of(first["loc"]) or "file"
        what = in_words(first)
        if first["type"] == "extra_forbidden":
            mend = near_key(form, first["loc"])
        raise ConfigurationError(what, where=f"{name}: {field}", mend=mend) from None
