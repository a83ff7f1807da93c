"""Runnable model specifications: TOML, data and never code.

.. code-block:: toml

    title = "A Cepheid"
    task = "Periodogram"
    seed = 1
    [parameters]            # of the task
    n_terms = 3
    # a kernel or a mean function is a table: kernel = {kernel = "SHO", quality = 0.7}
    [priors.jitter]         # any prior other than the default
    distribution = "HalfNormal"
    sigma = 0.1
    [data]
    name = "eros2-cepheid"  # or file = "table.csv" with [data.columns]
    band = "B"              # or rows = [4, 20], or exact = ["x"]: columns known exactly
    [sampler]
    name = "Exact"
    draws = 4000
    [reference]
    source = "where the numbers come from"
    [reference.values.period]
    mean = 4.19116
    sd = 5e-5
    mcse = 5e-7             # Monte Carlo error of the mean
    mcse_sd = 4e-7          # and of the sd
"""

from __future__ import annotations

import inspect
from dataclasses import MISSING, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_astro import registry, spec_text
from bayes_astro.data.container import kinds_of, named
from bayes_astro.data.datasets import load
from bayes_astro.names import nearest
from bayes_astro.priors import Prior
from bayes_astro.spec_text import SpecError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Spec", "SpecError", "available", "check", "read"]

WITHIN = 4.0
"""Combined Monte Carlo errors within which a result reproduces its reference."""


@dataclass(frozen=True)
class Spec:
    """A checked specification."""

    task: str
    title: str = ""
    seed: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)
    priors: dict[str, Prior] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    sampler: dict[str, Any] = field(default_factory=dict)
    reference: dict[str, Any] = field(default_factory=dict)
    folder: str = "."
    name: str = ""

    def model(self) -> Any:
        """The unfitted model."""
        task = registry.find(registry.TASKS, self.task, "task").load()
        known = {f.name: f for f in fields(task) if f.name != "priors"}
        for key in self.parameters:
            if key not in known:
                raise SpecError(
                    f"parameters: {self.task} has no parameter {key!r:.80}.{nearest(key, known)}"
                )
        for key, parameter in known.items():
            if parameter.default is MISSING and key not in self.parameters:
                raise SpecError(f"parameters: {self.task} needs {key!r}.")
        parameters = {}
        for key, value in self.parameters.items():
            if isinstance(value, dict) and (kind := registry.kind_in(key, value)):
                try:
                    value = registry.from_dict(kind, value)
                except (ValueError, TypeError) as error:
                    raise SpecError(f"parameters.{key}: {error}") from None
            parameters[key] = tuple(value) if isinstance(value, list) else value
        try:
            model = task(**parameters, priors=dict(self.priors) or None)
            model.check_all_settings()
        except (ValueError, TypeError) as error:
            raise SpecError(f"parameters: {error}") from None
        return model

    def reference_values(self) -> dict[str, dict[str, float]]:
        """The reference results by name; an error where there are none."""
        values = self.reference.get("values", {})
        if not values:
            raise SpecError(
                f"{self.name or 'This specification'} has no reference results to check."
            )
        return values

    def chosen_sampler(self) -> Any:
        """The sampler, or None for the task's first."""
        if not self.sampler:
            return None
        name = self.sampler["name"]
        sampler = registry.find(registry.SAMPLERS, name, "sampler").load()
        known = [f.name for f in fields(sampler)]
        settings = {key: value for key, value in self.sampler.items() if key != "name"}
        for key in settings:
            if key not in known:
                raise SpecError(f"sampler: {name} has no setting {key!r:.80}.{nearest(key, known)}")
        try:
            return sampler(**settings)
        except (TypeError, ValueError) as error:
            raise SpecError(f"sampler: {error}") from None

    def load_data(self) -> Any:
        """The data container."""
        model = self.model()
        if "name" in self.data:
            data = load(self.data["name"])
            if not isinstance(data, model.data_type):
                raise SpecError(
                    f"data: {self.data['name']!r} is a {type(data).__name__}, and {self.task} "
                    f"takes a {named(model.data_type)}."
                )
        else:
            path = Path(self.folder) / self.data["file"]
            columns = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in self.data.get("columns", {}).items()
            }
            kind, known = _container(kinds_of(model.data_type), columns)
            for key in columns:
                if key not in known:
                    raise SpecError(
                        f"data.columns: {kind.__name__} has no {key!r:.80}.{nearest(key, known)}"
                    )
            try:
                data = kind.read(path, **columns)
            except (TypeError, AttributeError) as error:
                raise SpecError(f"data.columns: {error}.") from None
        if "band" in self.data:
            if not hasattr(data, "bands"):
                raise SpecError(f"data: band is for light curves, not for {type(data).__name__}.")
            data = data.select(self.data["band"])
        if "exact" in self.data:
            if not hasattr(data, "without_error"):
                raise SpecError(f"data: exact is for measurements, not for {type(data).__name__}.")
            data = data.without_error(*self.data["exact"])
        if "rows" in self.data:
            data = data[slice(*self.data["rows"])]
        return data

    def run(self, *, seed: int | None = None, progress: bool = True) -> Any:
        """Fit the model to the data, as stated."""
        model, sampler = self.model(), self.chosen_sampler()
        return model.fit(
            self.load_data(), sampler, seed=self.seed if seed is None else seed, progress=progress
        )


def available() -> dict[str, Path]:
    """Specifications that came with the package, by name."""
    packaged = Path(str(resources.files("bayes_astro"))) / "models"
    # An editable install has them beside the package rather than inside.
    folder = packaged if packaged.is_dir() else packaged.parent.parent / "models"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read(source: str | Path) -> Spec:
    """Read and check a specification.

    Parameters
    ----------
    source : str or Path
        A file, or the name of one in `available`.

    Raises
    ------
    SpecError
        For a file that is missing, longer than 64 kB, nested deeper than 8, not TOML, or with keys
        and values that are not those of a specification; an unknown key names the nearest.
    """
    path = Path(source)
    try:
        found = path.is_file()
        if not path.suffix and not found:
            named = available()
            if str(source) not in named:
                raise SpecError(
                    f"There is no file {str(source)!r} and no specification of that name."
                    f"{nearest(source, named)}"
                )
            path, found = named[str(source)], True
        if not found:
            raise SpecError(f"There is no file {str(path)!r}.")
        with path.open("rb") as file:
            content = file.read(spec_text.MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    return parse(content, folder=str(path.parent), name=path.stem)


def parse(content: bytes, *, folder: str = ".", name: str = "") -> Spec:
    """Check the content of a specification; see `read`."""
    return Spec(**spec_text.checked(content), folder=folder, name=name)


def check(spec: Spec, model: Any) -> pd.DataFrame:
    """Compare a fit with the reference results of its specification.

    Returns
    -------
    pandas.DataFrame
        One row a reference value: mean and sd here and there, their differences in combined Monte
        Carlo errors, and ``reproduced``: both at most 4.
    """
    import pandas as pd
    from arviz_stats.base import array_stats

    from bayes_astro.diagnostics import scalars

    values = spec.reference_values()
    draws = {label: x for label, x, _ in scalars(model.posterior["posterior"].to_dataset())}
    if "evidence" in model.posterior:
        for key, value in model.posterior["evidence"].data_vars.items():
            draws[str(key)] = value.values.reshape(1, 1)
    rows = {}
    axes = {"chain_axis": 0, "draw_axis": 1}
    for name, expected in values.items():
        if name not in draws:
            raise SpecError(f"reference: no scalar {name!r} in this fit.{nearest(name, draws)}")
        x = draws[name]
        row = {"mean": x.mean(), "reference_mean": expected["mean"]}
        error = expected["mcse"]
        if x.size > 1:
            error = (error**2 + float(array_stats.mcse(x, method="mean", **axes)) ** 2) ** 0.5
        row["mean_off"] = abs(row["mean"] - expected["mean"]) / error
        row |= {"sd": x.std(), "reference_sd": expected["sd"], "sd_off": 0.0}
        if x.size > 1 and "mcse_sd" in expected:
            own = float(array_stats.mcse(x, method="sd", **axes))
            error = (expected["mcse_sd"] ** 2 + own**2) ** 0.5
            row["sd_off"] = abs(row["sd"] - expected["sd"]) / error
        row["reproduced"] = row["mean_off"] <= WITHIN and row["sd_off"] <= WITHIN
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _container(kinds: tuple[Any, ...], columns: dict[str, Any]) -> tuple[Any, list[str]]:
    """The container that has columns of these names, or the first, and the names that it has."""
    known = [list(inspect.signature(kind.read).parameters)[1:] for kind in kinds]
    fits = [set(columns) <= set(names) for names in known]
    at = fits.index(True) if any(fits) else 0
    return kinds[at], known[at]
