"""Damping times of many objects, each known as draws from a fit by itself."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_astro.data.columns import DataError, check_labels, floats
from bayes_astro.data.container import Rows, chosen
from bayes_astro.data.errors import errors

__all__ = ["DampingTimes"]


@dataclass(frozen=True, eq=False, repr=False)
class DampingTimes(Rows):
    """Posterior draws of log10 tau of many objects, with the prior that they were made under.

    Parameters
    ----------
    log_tau : (n, k) array
        Draws of log10 of the damping time in the rest frame, in days; one row an object.
    log_prior : (n, k) array
        Log density, in log10 tau, of the prior of each object's own fit at its draws.
    log_mass, log_mass_error : (n,) arrays
        log10 of the black hole's mass in suns; errors are standard deviations >= 0, or one for all.
    objects : sequence of str, optional
        Their names; default: their positions.
    name : str
        Of the sample, for titles.
    source : str
        Where the data come from, for citations.

    Raises
    ------
    DataError
        (a ValueError) for arrays of other shapes, entries that are not finite, negative errors.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> draws = [[2.1, 2.2, 2.0], [2.9, 3.1, 3.0]]
    >>> quasars = ba.DampingTimes(draws, np.zeros((2, 3)), [8.0, 9.2], 0.3)
    >>> quasars.objects, quasars.log_mass_error
    (('0', '1'), array([0.3, 0.3]))
    """

    log_tau: np.ndarray
    log_prior: np.ndarray
    log_mass: np.ndarray
    log_mass_error: np.ndarray
    objects: tuple[str, ...] = ()
    name: str = ""
    source: str = ""

    def __post_init__(self):
        check_labels(self, "name", "source")
        mass = floats(self.log_mass, "log_mass")
        error = errors(self.log_mass_error, mass.shape, "log_mass_error")
        tau, prior = (np.array(x, dtype=float) for x in (self.log_tau, self.log_prior))
        if tau.ndim != 2 or tau.shape[1] < 2 or prior.shape != tau.shape:
            raise DataError(
                f"log_tau and log_prior must both have shape (n, k) with k > 1 draws; got "
                f"{tau.shape} and {prior.shape}"
            )
        if not len(tau) == mass.size == error.size or not len(tau):
            raise DataError(
                f"log_mass and log_mass_error need one entry for each of the {len(tau)} rows of "
                f"log_tau; got {mass.size} and {error.size}"
            )
        arrays = {"log_tau": tau, "log_prior": prior, "log_mass": mass, "log_mass_error": error}
        for field, array in arrays.items():
            bad = ~np.isfinite(array)
            if field == "log_mass_error":
                bad = bad | (array < 0)
            if bad.any():
                row = int(np.argwhere(bad)[0][0])
                raise DataError(
                    f"{field}, row {row}: must be finite{' and >= 0' if 'error' in field else ''}; "
                    "drop such objects"
                )
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        objects = tuple(str(x) for x in self.objects) or tuple(map(str, range(len(tau))))
        if len(objects) != len(tau) or len(set(objects)) < len(objects):
            raise DataError(f"objects must be {len(tau)} different names, one for each row")
        object.__setattr__(self, "objects", objects)

    def replace(self, **changes: Any) -> "DampingTimes":
        """The same with some of the fields changed.

        Parameters
        ----------
        **changes : object
            Fields by name, as the class takes them.

        Returns
        -------
        DampingTimes
            Checked anew.
        """
        return replace(self, **changes)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this container bit for bit."""
        names = ("log_tau", "log_prior", "log_mass", "log_mass_error")
        return {name: getattr(self, name) for name in names}

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        return {"objects": list(self.objects), "name": self.name, "source": self.source}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "DampingTimes":
        """The inverse of `to_arrays` and `metadata`."""
        try:
            return cls(**arrays, **metadata)
        except TypeError as error:
            raise DataError(f"these are not the arrays of DampingTimes: {error}") from None

    def __len__(self) -> int:
        return len(self.log_mass)

    def __getitem__(self, rows) -> "DampingTimes":
        """Some objects, by slice, mask or integers."""
        rows = chosen(rows)
        arrays = {field: array[rows] for field, array in self.to_arrays().items()}
        return self.replace(**arrays, objects=tuple(np.array(self.objects)[rows].tolist()))

    def __repr__(self) -> str:
        return f"<DampingTimes {self.name or 'unnamed'}: {len(self)} objects>"
