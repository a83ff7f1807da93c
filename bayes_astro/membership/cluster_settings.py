"""Settings of a cluster's model: what they may be, and those that the data choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.density.inputs import check_columns as check_density
from bayes_astro.membership import cluster_search, field_size
from bayes_astro.membership.cluster_layout import Columns
from bayes_astro.membership.cluster_search import Region
from bayes_astro.mixtures.priors import CONJUGATE
from bayes_astro.names import nearest
from bayes_astro.parameters import Parameter, is_number
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "check",
    "check_columns",
    "check_data",
    "fields_of",
    "layout_of",
    "numbers",
    "parameters",
    "region_of",
    "settled",
    "some_names",
    "widths",
]

LIKELY = 3  # Gaussians of a field, where there is no time to choose
PLAUSIBLE = 3.0  # half-widths of the region: how well its centre says where the cluster is


def some_names(name: str, value: Any) -> None:
    """Different names of columns."""
    good = isinstance(value, tuple | list) and len(value) > 0
    if not good or not all(isinstance(one, str) for one in value) or len(set(value)) < len(value):
        raise ValueError(f"{name}={value!r} must be a sequence of different names of columns.")


def numbers(name: str, value: Any) -> None:
    """None, or a number for some columns."""
    if value is None:
        return
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{name}={value!r:.80} must map names of columns to numbers, or be None.")
    for column, one in value.items():
        if not is_number(one) or not np.isfinite(one):
            raise ValueError(f"{name}[{column!r}]={one!r} must be a finite number.")


def widths(name: str, value: Any) -> None:
    """None, or a positive number for some columns."""
    numbers(name, value)
    for column, one in (value or {}).items():
        if not one > 0:
            raise ValueError(f"{name}[{column!r}]={one!r} must be positive: it is a half-width.")


def check(model: Any) -> None:
    """Raise ValueError for settings that do not go together."""
    columns = tuple(model.columns)
    for name in ("guess", "region"):
        for column in getattr(model, name) or {}:
            if column not in columns:
                raise ValueError(
                    f"{name}: column {column!r} is none of the model's.{nearest(column, columns)}"
                )
    if model.region is not None and set(model.region) != set(columns):
        left = [column for column in columns if column not in model.region]
        raise ValueError(f"region: no half-width of {', '.join(left)}; give all columns, or None.")


def check_columns(model: Any, data: Measurements) -> None:
    """Raise ValueError for columns that the data do not have."""
    for column in model.columns:
        if column not in data.names:
            raise ValueError(
                f"columns: the data have no column {column!r}.{nearest(column, data.names)}"
            )


def check_data(model: Any, data: Measurements) -> None:
    """Raise ValueError for columns that are not there, or cannot be used."""
    check_columns(model, data)
    if data.projection is not None:
        raise ValueError(
            "ClusterMembership takes measured columns, and these have projections: give the data "
            "without, or use ba.ExtremeDeconvolution."
        )
    data = data.select(*model.columns)
    check_density(data, None, collinear=False)
    for j, name in enumerate(data.names):
        if np.nanmax(data.value[:, j]) == np.nanmin(data.value[:, j]):
            raise ValueError(
                f"column {name!r} is constant ({np.nanmax(data.value[:, j]):g}): it tells no member from "
                "the field. Leave it out of columns."
            )
    complete = int((~data.missing.any(axis=1)).sum())
    least = 5 * (data.d + 1)
    if complete < least:
        raise ValueError(
            f"{complete} rows have all of the columns {', '.join(data.names)}, which is too few for a "
            f"cluster and a field: at least {least}. Leave out the column that is often missing."
        )
    if model.elongated and not len(Columns.of(data, True).pairs):
        raise ValueError(
            "elongated=True needs two columns of one unit, to correlate: give the data units, or leave it "
            "False."
        )
    away = [
        name for name, value in (model.guess or {}).items()
        if not _within(float(value), data.column(name))
    ]  # fmt: skip
    if away:
        raise ValueError(
            f"guess: {away[0]} = {model.guess[away[0]]:g} is outside of the data, which are from "
            f"{np.nanmin(data.column(away[0])):g} to {np.nanmax(data.column(away[0])):g}: is it in their unit?"
        )


def _within(value: float, column: np.ndarray) -> bool:
    return bool(np.nanmin(column) <= value <= np.nanmax(column))


# What is open ---------------------------------------------------------------------------------------


def settled(model: Any, data: Measurements, seed: int | None) -> tuple[Any, dict[str, xr.Dataset]]:
    """The model with all of its region and the number of Gaussians, and the group that says which."""
    import xarray as xr

    data = model.prepare(data)
    known = model.guess is not None and set(model.guess) == set(model.columns)
    if known and model.region is not None and model.field != "mixture":
        return model, {}
    scores: dict[int, float] = {}
    fields: Any
    if seed is None and model._tree is not None:
        region, fields = region_of(model), fields_of(model)
    else:
        region = cluster_search.found(data, model.guess)
        if model.region is not None:
            half = np.array([float(model.region[name]) for name in data.names])
            region = Region(region.centre, half, region.excess)
        fields = model.field
        if fields == "mixture":
            fields = LIKELY
            if seed is not None:
                fields, scores = field_size.chosen(data, region, seed)
    names = list(data.names)
    centre = dict(zip(names, region.centre.tolist(), strict=True))
    if known:
        centre = {name: float(model.guess[name]) for name in names}
    width = dict(zip(names, region.width.tolist(), strict=True))
    found = model.copy().set_params(guess=centre, region=width, field=int(fields))
    if seed is None:
        return found, {}
    group = xr.Dataset(
        {"centre": ("column", list(centre.values())), "width": ("column", list(width.values()))},
        {"column": names},
        attrs={"field": int(fields), "excess": region.excess},
    )
    if scores:
        group = group.assign_coords(n_gaussians=list(scores)).assign(
            log_score=("n_gaussians", list(scores.values()))
        )
    return found, {"settled": group}


def region_of(model: Any) -> Region:
    """The region of a model with nothing open, or of a fit."""
    if model._tree is not None and "settled" in model._tree:
        group = model._tree["settled"]
        return Region(group["centre"].values, group["width"].values, float(group.attrs["excess"]))
    names = tuple(model.columns)
    guess, region = model.guess or {}, model.region or {}
    if set(guess) != set(names) or set(region) != set(names):
        raise ValueError(
            "the region of the cluster is open: fit finds it; or give guess and region."
        )
    return Region(
        np.array([float(guess[name]) for name in names]),
        np.array([float(region[name]) for name in names]),
        0.0,
    )


def fields_of(model: Any) -> int:
    """The number of Gaussians of the field."""
    if model.field != "mixture":
        return int(model.field)
    if model._tree is not None:
        return int(model._tree["settled"].attrs["field"])
    return LIKELY


def layout_of(model: Any, data: Measurements | None) -> Columns:
    """Columns and their dispersions; of a model without data those of its names."""
    if data is None:
        d = len(model.columns)
        data = Measurements(np.zeros((1, d)), np.ones((1, d)), names=tuple(model.columns))
    return Columns.of(data, model.elongated)


# Priors ---------------------------------------------------------------------------------------------


def parameters(model: Any, data: Measurements) -> list[Parameter]:
    """See `ClusterMembership`."""
    settled_model, _ = settled(model, data, None)
    region, fields, d = region_of(settled_model), fields_of(settled_model), data.d
    columns = Columns.of(data, model.elongated)
    unit = columns.unit(data)
    half = [float(region.width[columns.group == g].mean()) for g in range(len(columns.spreads))]
    middle, scale = cluster_search.field_scale(data)
    farthest = np.nanmax(np.abs(data.value - middle), axis=0)
    wide = np.maximum(2 * scale, farthest / 3)
    matrix = np.diag(scale**2 / fields ** (2 / d))
    found = [
        Parameter(
            "mean",
            Prior("Normal", mu=region.centre.tolist(), sigma=(PLAUSIBLE * region.width).tolist()),
            ("column",),
            unit,
        ),
        Parameter("dispersion", Prior("HalfNormal", sigma=half), ("spread",), unit, "positive"),
    ]
    if len(columns.pairs):
        pair = Prior("Uniform", lower=-0.98, upper=0.98)
        found.append(Parameter("correlation", pair, ("pair",)))
    found.append(Parameter("fraction", Prior("Beta", alpha=1.0, beta=1.0), support="unit"))
    if model.wings:
        found.append(Parameter("wing_fraction", Prior("Beta", alpha=1.0, beta=2.0), support="unit"))
        found.append(
            Parameter("wing_scale", Prior("Uniform", lower=1.5, upper=5.0), support="positive")
        )
    normal = Prior("Normal", mu=middle.tolist(), sigma=wide.tolist())
    wishart = Prior("InverseWishart", nu=float(d + 2), scale=matrix.tolist())
    return [
        *found,
        Parameter(
            "field_weight",
            Prior("Dirichlet", alpha=1.0),
            families=("Dirichlet",),
            because=CONJUGATE,
        ),
        Parameter("field_mean", normal, ("column",), families=("Normal",), because=CONJUGATE),
        Parameter("field_covariance", wishart, families=("InverseWishart",), because=CONJUGATE),
    ]
