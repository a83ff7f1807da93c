"""Densities in parquet files and qp ensembles: nothing lost, nothing foreign taken for one."""

import sys

import numpy as np
import pytest
import xarray as xr

import bayes_astro as ba
from bayes_astro import exchange

Z = np.linspace(0, 2, 201)


def densities(n=5, seed=0, shift=0):
    centre = np.random.default_rng(seed).uniform(0.3, 1.5, n)
    values = np.exp(-0.5 * ((Z - centre[:, None]) / 0.1) ** 2) / 0.1 / np.sqrt(2 * np.pi)
    coords = {"z": Z, "id": ("row", np.arange(n) + shift), "field": ("row", list("abcde")[:n])}
    return xr.DataArray(values, coords, ("row", "z"), name="density")


def test_parquet_keeps_every_bit(tmp_path):
    path = tmp_path / "pz.parquet"
    for kind in ("float64", "float32"):
        given = densities().astype(kind)
        exchange.write_densities(path, given)
        found = exchange.read_densities(path)
        assert found.dtype == kind and found.equals(given)
    exchange.write_densities(path, given.transpose("z", "row"))
    assert exchange.read_densities(path).equals(given)


def test_parts_are_written_as_they_come(tmp_path):
    path = tmp_path / "pz.parquet"
    exchange.write_densities(path, (densities(seed=k, shift=5 * k) for k in range(3)))
    found = exchange.read_densities(path)
    assert found.sizes == {"row": 15, "z": 201}
    assert found["id"].values.tolist() == list(range(15))
    assert found[5:10].equals(densities(seed=1, shift=5))
    other = densities().assign_coords(z=Z + 0.1)
    with pytest.raises(ValueError, match="different grids"):
        exchange.write_densities(path, [densities(), other])
    with pytest.raises(ValueError, match="other types"):
        exchange.write_densities(path, [densities(), densities().drop_vars("id")])
    assert exchange.read_densities(path).equals(found)  # what was there stays


def test_qp_ensembles_there_and_back():
    given = densities()
    ensemble = exchange.to_qp(given)
    assert ensemble.npdf == 5 and ensemble.ancil["id"].tolist() == [0, 1, 2, 3, 4]
    back = exchange.from_qp(ensemble, Z)
    np.testing.assert_allclose(back, given, rtol=1e-3)  # qp scales what the grid cuts off
    assert back["field"].values.tolist() == list("abcde")
    import qp

    mixture = qp.mixmod.create_ensemble(
        means=np.array([[0.5, 0.9], [0.6, 1.2]]), stds=np.full((2, 2), 0.1),
        weights=np.full((2, 2), 0.5),
    )  # fmt: skip
    binned = ba.BinnedRedshifts.from_densities(
        exchange.from_qp(mixture, Z), np.linspace(0, 2, 11), np.ones(201)
    )
    exact = np.diff(mixture.cdf(np.linspace(0, 2, 11)), axis=1)
    np.testing.assert_allclose(binned.probability[0], exact, atol=1e-3)
    with pytest.raises(ValueError, match=r"expected a qp\.Ensemble"):
        exchange.from_qp(given, Z)


def test_what_is_no_density_is_refused(tmp_path):
    path = tmp_path / "pz.parquet"
    with pytest.raises(ValueError, match="there are none"):
        exchange.write_densities(path, [])
    with pytest.raises(ValueError, match="expected what pdf returns"):
        exchange.write_densities(path, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"\(row, z\)"):
        exchange.write_densities(path, [np.ones((2, 3))])
    bad = densities()
    bad[2, 4] = np.nan
    with pytest.raises(ValueError, match="row 2 is negative or not finite"):
        exchange.write_densities(path, bad)
    with pytest.raises(ValueError, match="no such file"):
        exchange.read_densities(path)
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(ValueError, match="no file of densities"):
        exchange.read_densities(path)
    import pandas as pd

    pd.DataFrame({"a": [1, 2]}).to_parquet(path)
    with pytest.raises(ValueError, match="no file of densities"):
        exchange.read_densities(path)


@pytest.mark.parametrize("module", ["pyarrow", "qp"])
def test_without_the_extra_the_remedy_is_named(module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'bayes-astro\["):
        if module == "qp":
            exchange.to_qp(densities())
        else:
            exchange.write_densities(tmp_path / "pz.parquet", densities())
