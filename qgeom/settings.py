"""Settings: pydantic models, read from ``key=value`` texts, with errors on one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

import pydantic

from qgeom.errors import InputError, unknown


class BaseSettings(pydantic.BaseModel):
    """Settings of a computation: immutable, checked, and no key that is not declared."""

    model_config: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True
    )

    seeds: Annotated[
        int, pydantic.Field(ge=1, description="independent repetitions; verdicts need at least 10")
    ] = 10


S = TypeVar("S", bound=BaseSettings)


def parse_settings(
    model: type[S], assignments: Sequence[str] = (), preset: Mapping[str, Any] | None = None
) -> S:
    """Settings from ``key=value`` texts, on top of a preset.

    A sequence is written with commas, ``sizes=4,8,8,3``; ``none`` stands for no value where that is allowed.

    Raises:
        InputError: one line naming the key, the value and what was expected.
    """
    values: dict[str, Any] = dict(preset or {})
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InputError(f"cannot read the setting {assignment!r}; expected key=value, e.g. seeds=10")
        if key not in model.model_fields:
            raise unknown("setting", key, model.model_fields)
        values[key] = _from_text(text.strip(), model.model_fields[key].annotation)
    try:
        return model(**values)
    except pydantic.ValidationError as error:
        raise InputError(_flatten(error)) from None


def is_sequence_field(model: type[BaseSettings], key: str) -> bool:
    """Whether a setting is a sequence, so that commas belong to its value."""
    return isinstance(_from_text("a,b", model.model_fields[key].annotation), list)


def _from_text(text: str, annotation: Any) -> Any:
    """Text as pydantic can read it: commas make a sequence where the field is one."""
    if get_origin(annotation) is Annotated:
        return _from_text(text, get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        options = get_args(annotation)
        if type(None) in options and text.lower() in ("none", "null", ""):
            return None
        sequence = next((option for option in options if _is_sequence(option)), None)
        return _from_text(text, sequence) if sequence is not None else text
    if _is_sequence(annotation):
        inner = text.strip("()[] ")
        return [part.strip() for part in inner.split(",") if part.strip()]
    return text


def _is_sequence(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (tuple, list, Sequence, frozenset, set)


def _flatten(error: pydantic.ValidationError) -> str:
    """The first complaint of pydantic on one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "settings"
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    given = (
        "" if first["type"] in ("value_error", "missing") and not first["loc"] else f" = {first['input']!r}"
    )
    return f"bad setting {where}{given}: {message}{more}"
