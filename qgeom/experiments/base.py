"""What an experiment is, and how one runs: compute, save, judge, draw.

An experiment is a module of this package, one per claim of the paper. It exposes

====================================  ======================================================================
``NAME``                              as typed on the command line, e.g. ``"fisher-kl"``
``CLAIM``                             the claim in one sentence
``SECTION``                           where the paper makes it, e.g. ``"III.B, Eq. 1"``
``COST``                              what the small preset takes on two cores, e.g. ``"1 min"``
``Settings``                          a subclass of :class:`BaseSettings`; the defaults are the small preset
``PAPER``                             the settings that differ in the paper preset, ``{"seeds": 30}``
``compute(settings, seed, progress)`` everything that takes time; returns an ``xarray.Dataset``
``verdict(data, settings)``           a :class:`~qgeom.experiments.statistics.Verdict`, or a tuple of them
``draw(data, verdicts)``              a ``matplotlib.figure.Figure``
====================================  ======================================================================

``verdict`` and ``draw`` see the data as read back from the file, so that both can be redone from it at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, ClassVar, Protocol, Union, get_args, get_origin

import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.errors import InputError, unknown
from qgeom.experiments.statistics import Verdict
from qgeom.progress import Progress, Silent
from qgeom.provenance import Clock, provenance
from qgeom.results import RunFolder

PRESETS = ("small", "paper")


class BaseSettings(pydantic.BaseModel):
    """Settings of an experiment: immutable, checked, and no key that is not declared."""

    model_config: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True
    )

    seeds: Annotated[
        int, pydantic.Field(ge=1, description="independent repetitions; verdicts need at least 10")
    ] = 10


class Experiment(Protocol):
    """The attributes of an experiment's module."""

    NAME: str
    CLAIM: str
    SECTION: str
    COST: str
    PAPER: Mapping[str, Any]
    Settings: type[BaseSettings]

    def compute(self, settings: Any, seed: int, progress: Progress) -> xr.Dataset: ...

    def verdict(self, data: xr.Dataset, settings: Any) -> Verdict | Sequence[Verdict]: ...

    def draw(self, data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure: ...


def parse_settings(
    model: type[BaseSettings], assignments: Sequence[str] = (), preset: Mapping[str, Any] | None = None
) -> BaseSettings:
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


def preset_values(experiment: Experiment, preset: str) -> Mapping[str, Any]:
    """What the preset changes in the defaults."""
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    return experiment.PAPER if preset == "paper" else {}


def run(
    experiment: Experiment,
    settings: BaseSettings,
    seed: int,
    folder: RunFolder,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> tuple[Verdict, ...]:
    """Compute, save the data, judge and draw what was saved, save again; returns the verdicts.

    An interruption before the data are complete leaves the folder as it was; one after leaves the data, the settings
    and the provenance, from which verdict and figure can be redone.
    """
    clock = Clock()
    data = experiment.compute(settings, seed, progress or Silent())
    with folder.commit() as files:
        files.settings({"experiment": experiment.NAME, "seed": seed, **settings.model_dump(mode="json")})
        files.data(data)
        files.provenance(provenance(seed=seed, clock=clock, command=command))
    return judge_and_draw(experiment, settings, folder)


def judge_and_draw(experiment: Experiment, settings: BaseSettings, folder: RunFolder) -> tuple[Verdict, ...]:
    """Redo verdict and figure from the data in a folder."""
    data = folder.load_data()
    verdicts = _as_tuple(experiment.verdict(data, settings))
    figure = experiment.draw(data, verdicts)
    with folder.commit() as files:
        files.verdict([verdict.to_dict() for verdict in verdicts])
        files.figure(figure)
    return verdicts


def reload_settings(experiment: Experiment, folder: RunFolder) -> BaseSettings:
    """The settings that a folder was computed with."""
    saved = folder.load_settings()
    return experiment.Settings(
        **{key: saved[key] for key in experiment.Settings.model_fields if key in saved}
    )


def _as_tuple(verdicts: Verdict | Sequence[Verdict]) -> tuple[Verdict, ...]:
    return (verdicts,) if isinstance(verdicts, Verdict) else tuple(verdicts)


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
