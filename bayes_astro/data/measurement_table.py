"""Measurements as a table of astropy."""

from typing import Any

import numpy as np

__all__ = ["table_of"]


def table_of(data: Any) -> Any:
    """Each column with its unit, its error, correlations where there are any, and the rest."""
    from astropy import units as u
    from astropy.table import QTable

    meta = {"name": data.name, "source": data.source}
    table = QTable(meta={key: text for key, text in meta.items() if text})
    units = [u.Unit(unit) if unit else 1 for unit in data.units or [""] * data.d]
    for j, (name, unit) in enumerate(zip(data.names, units, strict=True)):
        table[name] = data.value[:, j] * unit
        table[f"{name}_err"] = data.error[:, j] * getattr(unit, "function_unit", unit)
        if data.upper_error is not None and not _equal(data, j):
            upper = data.upper_error[:, j]
            table[f"{name}_upper_err"] = upper * getattr(unit, "function_unit", unit)
    for j in range(data.d):
        for k in range(j):
            if np.nan_to_num(data.covariance[:, j, k]).any():
                product = data.error[:, j] * data.error[:, k]
                with np.errstate(invalid="ignore"):
                    rho = np.where(product > 0, data.covariance[:, j, k] / product, 0.0)
                table[f"{data.names[k]}_{data.names[j]}_corr"] = rho
    if data.weight is not None:
        table["weight"] = data.weight
    if data.limit is not None:
        for k in np.flatnonzero((data.limit != 0).any(axis=0)).tolist():
            table[f"{data.names[k]}_limit"] = data.limit[:, k]
    if data.label is not None:
        table["label"] = [name or "" for name in data.label]
    return table


def _equal(data: Any, j: int) -> bool:
    return np.array_equal(data.upper_error[:, j], data.error[:, j], equal_nan=True)
