"""Labels of rows: what is taken, kept, and refused."""

import numpy as np
import pytest

import bayes_astro as ba

VALUE = [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]


def made(label):
    return ba.Measurements(VALUE, 0.1, label=label)


@pytest.mark.parametrize(
    "given",
    [
        ["star", None, "quasar"],
        np.array(["star", "", "quasar"]),
        np.array(["star", None, "quasar"], dtype=object),
        np.array([b"star", b"", b"quasar"]),
        np.ma.array(["star", "x", "quasar"], mask=[0, 1, 0]),
        ["star", float("nan"), " quasar "],
    ],
)
def test_text_and_none(given):
    data = made(given)
    assert data.label.tolist() == ["star", None, "quasar"]
    assert data.classes == ("quasar", "star")
    assert data.codes(("quasar", "star")).tolist() == [1, -1, 0]
    assert not data.label.flags.writeable


def test_categories_of_pandas():
    import pandas as pd

    column = pd.Series(["star", None, "quasar"], dtype="category")
    assert made(column).label.tolist() == ["star", None, "quasar"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 0, 1], "label: row 0 is 1, a int; labels are text.*None if x"),
        (["a", "b"], r"label: has shape \(2,\); expected \(3,\)"),
        ("abc", "is one text; give one for each of the 3 rows"),
        ([True, False, True], "labels are text"),
        (["a", "nan", "b"], "row 1 is 'nan', which stands for a label that is missing"),
    ],
)
def test_what_is_no_text_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        made(given)


def test_rows_and_files_keep_their_labels(tmp_path):
    for data in (
        made(["star", None, "quasar"]),
        ba.Photometry(VALUE, 0.1, ("g", "r"), label=["star", None, "quasar"]),
    ):
        assert data[[2, 0]].label.tolist() == ["quasar", "star"]
        again = type(data).from_arrays(data.to_arrays(), data.metadata())
        assert again == data
        assert hash(again) == hash(data)
        assert data != data.replace(label=None)
        assert data.to_table()["label"].tolist() == ["star", "", "quasar"]


def test_labels_of_a_table_are_read(tmp_path):
    path = tmp_path / "kinds.csv"
    path.write_text("x,y,class\n1,2,star\n3,4,\n5,7,quasar\n")
    data = ba.Measurements.read(path, value=("x", "y"), error=(0.1, 0.1), label="class")
    assert data.label.tolist() == ["star", None, "quasar"]
    flux = ba.Photometry.read(path, flux=("x", "y"), error=(0.1, 0.1), label="class")
    assert flux.label.tolist() == ["star", None, "quasar"]
    magnitude = ba.Photometry.read(path, magnitude=("x", "y"), error=(0.1, 0.1), label="class")
    assert magnitude.classes == ("quasar", "star")
    with pytest.warns(ba.data.DataWarning):
        short = ba.Measurements.read(
            path, value=("x", "y"), error=(0.1, 0.1), label="class", drop_missing=True
        )
    assert short.label.tolist() == ["star", "quasar"]


def test_numbers_of_classes_that_are_not_there_are_refused():
    data = made(["star", None, "quasar"])
    for codes, classes in (([0.0, 5.0, 1.0], ["a", "b"]), ([0.5, 0.0, 1.0], ["a", "b"])):
        with pytest.raises(ValueError, match="none of a list of them"):
            ba.Measurements.from_arrays(
                data.to_arrays() | {"label": np.array(codes)},
                data.metadata() | {"classes": classes},
            )
