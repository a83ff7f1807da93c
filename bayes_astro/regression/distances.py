"""Distance moduli of an expanding universe: the mean function of a Hubble diagram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.parameters import is_number
from bayes_astro.priors import Prior
from bayes_astro.regression.curves import Curve, spread_of

__all__ = ["DistanceModulus"]

MODELS = {
    "flat-lcdm": ("omega_m",),
    "flat-wcdm": ("omega_m", "w0"),
    "lcdm": ("omega_m", "omega_lambda"),
}
FIVE = 5 / np.log(10)


@dataclass(frozen=True)
class DistanceModulus(Curve):
    r"""The magnitude of a standard candle by its redshift.

    .. code-block:: text

        mu(z) = 5 log10[(1 + z) S(D(z))] + offset,          D(z) = int_0^z dz' / E(z')
        E^2 = omega_m (1 + z)^3 + omega_k (1 + z)^2 + omega_de (1 + z)^(3 + 3 w0) + omega_r (1 + z)^4

    in units of c / H0; S is D itself in a flat universe, else sinh(sqrt(omega_k) D) / sqrt(omega_k),
    with sin where omega_k < 0 (Hogg 1999). ``offset`` holds what magnitudes alone cannot tell apart:
    M + 25 + 5 log10(c / H0 / Mpc) of apparent magnitudes, the same without M of distance moduli. It is
    linear, and integrated out.

    Parameters
    ----------
    model : {"flat-lcdm", "flat-wcdm", "lcdm"}
        With the parameters ``omega_m``; and ``w0``; or ``omega_m`` and ``omega_lambda``, curved.
    column : str
        Redshift of the cosmic expansion (in the frame of the microwave background, corrected for
        peculiar velocities where that was done); empty where there is one predictor.
    heliocentric : str
        Column of the observed redshift, by which light is dimmed: it takes the place of z in the
        factor 1 + z. Empty: the same.
    omega_r : float
        Density of radiation, such as 9e-5.

    Notes
    -----
    Default priors: ``omega_m`` Uniform from 0 to 1 (curved: from 0.05, and ``omega_lambda`` Uniform from
    0 to 1.2, which leaves out universes without a big bang), ``w0`` Uniform from -3 to 0, ``offset``
    Normal, ten magnitudes wide. Supernovae alone say little of w0: the range of its prior is then a part
    of the result.

    The quadrature (`bayes_astro.likelihoods.comoving_distance`) agrees with astropy.cosmology to 1e-8.

    References
    ----------
    Hogg 1999, arXiv:astro-ph/9905116.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> mean = ba.relations.DistanceModulus("flat-lcdm")
    >>> values = {"omega_m": 0.3, "offset": 43.16}
    >>> mean.evaluate({"z": np.array([0.5, 1.0])}, values).round(1)
    array([42.3, 44.1])
    """

    model: str = "flat-lcdm"
    column: str = ""
    heliocentric: str = ""
    omega_r: float = 0.0

    @property
    def linear(self) -> tuple[str, ...]:
        """The offset."""
        return ("offset",)

    def check(self) -> None:
        """Raise ValueError for another model, or radiation that cannot be."""
        super().check()
        if self.model not in MODELS:
            raise ValueError(
                f"DistanceModulus: model={self.model!r:.80} must be one of {', '.join(MODELS)}."
            )
        if not isinstance(self.heliocentric, str):
            raise ValueError(
                f"DistanceModulus: heliocentric={self.heliocentric!r:.80} must be the name of a column."
            )
        if not is_number(self.omega_r) or not 0 <= self.omega_r < 0.01:
            raise ValueError(
                f"DistanceModulus: omega_r={self.omega_r!r:.80} must be a number from 0 to 0.01."
            )

    def main(self, names: Any) -> str:
        """The cosmological redshift."""
        others = [name for name in names if name != self.heliocentric]
        if self.heliocentric and len(others) == len(list(names)):
            raise ValueError(
                f"DistanceModulus: column {self.heliocentric!r} is not among the predictors "
                f"({', '.join(names)})."
            )
        return super().main(others)

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for redshifts that are none."""
        for name in filter(None, (self.main(data.names[:-1]), self.heliocentric)):
            z = data.column(name)
            if np.any(z <= 0):
                row = int(np.argmax(z <= 0))
                raise ValueError(
                    f"column {name!r}, row {row}: redshift {z[row]:g} is not above zero, and has no "
                    f"distance in an expanding universe. Leave such rows out: data[data.column({name!r}) > 0]."
                )
            if np.any(z > 1200):
                row = int(np.argmax(z > 1200))
                raise ValueError(
                    f"column {name!r}, row {row}: redshift {z[row]:g} is before the light was set free; "
                    "are these velocities in km/s?"
                )

    def priors(self, data: Measurements) -> dict[str, Prior]:
        """Ranges of the densities; the offset about what magnitudes and redshifts say."""
        curved = self.model == "lcdm"
        found = {"omega_m": Prior("Uniform", lower=0.05 if curved else 0.0, upper=1.0)}
        if curved:
            found["omega_lambda"] = Prior("Uniform", lower=0.0, upper=1.2)
        if self.model == "flat-wcdm":
            found["w0"] = Prior("Uniform", lower=-3.0, upper=0.0)
        z = data.column(self.main(data.names[:-1]))
        middle = spread_of(data)[0] - float(np.mean(5 * np.log10(z * (1 + z))))
        return found | {"offset": Prior("Normal", mu=middle, sigma=10.0)}

    def densities(self, parameters: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
        """Matter, curvature, dark energy, and its pressure."""
        m, r = parameters["omega_m"], self.omega_r
        if self.model == "lcdm":
            dark = parameters["omega_lambda"]
            return m, 1 - m - dark - r, dark, -1.0
        return m, 0.0, 1 - m - r, parameters.get("w0", -1.0)

    def evaluate(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
        """The distance modulus.

        Parameters
        ----------
        at : mapping of str to array (n,)
            Redshifts by name.
        parameters : dict of str to float
            ``omega_m``, ``offset``, and ``w0`` or ``omega_lambda``.

        Returns
        -------
        array (n,)
            In magnitudes; nan where there is no such universe at that redshift.
        """
        if any(type(value).__module__.startswith("pytensor") for value in parameters.values()):
            return self._symbolic(at, parameters)
        return self._modulus(at, parameters, 1)[0] + parameters["offset"]

    def _modulus(
        self, at: Mapping[str, Any], parameters: dict[str, Any], rows: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Without the offset; distances with their slopes; and how they become transverse."""
        from bayes_astro.likelihoods.comoving_distance import NODES, WEIGHTS, along, transverse

        z = np.ascontiguousarray(at[self.main(at)], dtype=float)
        m, k, dark, w = (float(x) for x in self.densities(parameters))
        found, across = np.empty((rows, len(z))), np.empty((3, len(z)))
        along(z, m, k, dark, w, float(self.omega_r), NODES, WEIGHTS, found)
        if self.model == "lcdm":
            transverse(found[0], k, across)
        else:
            across[0], across[1:] = found[0], 1.0
        dimmed = at[self.heliocentric] if self.heliocentric else z
        with np.errstate(all="ignore"):
            return FIVE * (np.log1p(dimmed) + np.log(across[0])), found, across

    def value_and_gradient(
        self, at: Mapping[str, Any], parameters: dict[str, Any]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Both in one pass."""
        value, found, across = self._modulus(at, parameters, 5 if self.model == "flat-wcdm" else 4)
        per = FIVE / across[0]
        one = np.ones(len(value))
        if self.model == "lcdm":
            by_matter = per * (across[1] * (found[1] - found[2]) - across[2])
            by_dark = per * (across[1] * (found[3] - found[2]) - across[2])
            slopes = {"omega_m": by_matter, "omega_lambda": by_dark}
        else:
            slopes = {"omega_m": per * (found[1] - found[3])}
            if self.model == "flat-wcdm":
                slopes["w0"] = per * found[4]
        return value + parameters["offset"], slopes | {"offset": one}

    def gradient(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, np.ndarray]:
        """Slopes with every parameter."""
        return self.value_and_gradient(at, parameters)[1]

    def _symbolic(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
        """The same as an expression of PyTensor: the sum over nodes, sinh or sin."""
        import pytensor.tensor as pt

        z = np.asarray(at[self.main(at)], dtype=float)
        m, k, dark, w = self.densities(parameters)
        nodes, weights = np.polynomial.legendre.leggauss(24)
        x = 1 - 0.5 * (1 - (1 + z[:, None]) ** -0.5) * (1 - nodes)
        f = m + k * x**2 + dark * x ** (-6 * w) + self.omega_r / x**2
        length = pt.dot(1 / pt.sqrt(f), weights) * (1 - (1 + z) ** -0.5)
        if self.model == "lcdm":
            root = pt.sqrt(pt.abs(k))
            length = pt.switch(k > 0, pt.sinh(root * length), pt.sin(root * length)) / root
        dimmed = at[self.heliocentric] if self.heliocentric else z
        return FIVE * (np.log1p(dimmed) + pt.log(length)) + parameters["offset"]

    def units(self, data: Measurements) -> dict[str, str]:
        """Of the offset."""
        return {"offset": data.units[-1]} if data.units and data.units[-1] else {}
