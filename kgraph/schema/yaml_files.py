"""Files in YAML that people write for us: read, and refused in one line that says where."""

from __future__ import annotations

from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kgraph.schema.errors import ConfigurationError
from kgraph.schema.refusals import in_words
from kgraph.schema.safe_yaml import safe_yaml

_Form = TypeVar("_Form", bound=BaseModel)


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
        mend: how to mend what is wrong.

    Raises:
        ConfigurationError: it is something else; names the file and the field.
    """
    try:
        return form.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        what = in_words(first)
        raise ConfigurationError(what, where=f"{name}: {field}", mend=mend) from None
