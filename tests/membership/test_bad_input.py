"""What cannot be fitted is an error that says where and what to do, before any search."""

import re

import numpy as np
import pytest
from samples import open_cluster

import bayes_astro as ba

DATA = open_cluster(n=60, members=20)


def changed(**changes):
    return DATA.replace(**changes)


def with_column(j, values):
    value = DATA.value.copy()
    value[:, j] = values
    return changed(value=value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ()}, "columns=() must be a sequence of different names of columns"),
        ({"columns": ("pmra", "pmra")}, "different names of columns"),
        ({"columns": "pmra"}, "must be a sequence of different names"),
        ({"guess": {"pmrA": 3.0}}, "guess: column 'pmrA' is none of the model's. Did you mean 'pmra'?"),
        ({"guess": {"pmra": np.nan}}, "guess['pmra']=nan must be a finite number"),
        ({"guess": 3.0}, "guess=3.0 must map names of columns to numbers, or be None"),
        ({"guess": {"pmra": 3e4}}, "guess: pmra = 30000 is outside of the data"),
        ({"region": {"pmra": 0.3}}, "region: no half-width of parallax, pmdec; give all columns"),
        ({"region": {"pmra": -1.0, "pmdec": 1.0, "parallax": 1.0}}, "region['pmra']=-1.0 must be positive"),
        ({"field": 0}, "field=0 must be a whole number from 1 to 12, or 'mixture'"),
        ({"wings": 1}, "wings must be True or False, got 1"),
        ({"columns": ("parallax", "pm_ra")}, "columns: the data have no column 'pm_ra'. Did you mean 'pmra'?"),
        ({"columns": ("parallax", "pmra"), "elongated": True}, "elongated=True needs two columns of one unit"),
    ],
)  # fmt: skip
def test_settings(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ba.ClusterMembership(**options).fit(DATA, ba.MAP(), progress=False)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_column(0, np.nan), "column 'parallax' is missing in every row"),
        (with_column(1, 2.0), "column 'pmra' is constant (2): it tells no member from the field"),
        (DATA[:15], "15 rows have all of the columns parallax, pmra, pmdec, which is too few"),
        (
            ba.Measurements(DATA.value, 0.1, names=DATA.names, projection=np.ones((80, 3, 3))),
            "takes measured columns, and these have projections",
        ),
    ],
)
def test_data(data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ba.ClusterMembership().fit(data, ba.MAP(), progress=False)


def test_infinite_values_do_not_come_in():
    value = DATA.value.copy()
    value[4, 1] = np.inf
    with pytest.raises(ValueError, match="row 4"):
        changed(value=value)


def test_other_data_need_the_columns():
    model = ba.ClusterMembership(field=1).fit(DATA, ba.MAP(), seed=1, progress=False)
    with pytest.raises(ValueError, match="the data have no column 'pmra'"):
        model.probability(DATA.select("parallax", "pmdec"))
    with pytest.raises(ValueError, match="expected a Measurements"):
        model.predict(np.zeros((3, 3)))
    assert len(model.probability(DATA.select("pmdec", "pmra", "parallax")[:7])) == 7


def test_a_row_without_any_measurement_has_the_fraction_of_all():
    value = DATA.value.copy()
    value[-1] = np.nan
    model = ba.ClusterMembership(field=1).fit(
        changed(value=value), ba.MAP(), seed=1, progress=False
    )
    draws = model.posterior["posterior"]
    assert model.probability()["mean"].iloc[-1] == pytest.approx(float(draws["fraction"].squeeze()))
    assert float(draws["members"].squeeze()) == pytest.approx(
        79 * float(draws["fraction"].squeeze())
    )


def test_baselines_refuse_what_they_cannot_take():
    value = DATA.value.copy()
    value[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"column 'pmdec', row 3: .* or use ba.ClusterMembership"):
        ba.baselines.ClusterKMeans().fit(changed(value=value))
