"""What every task keeps: each test runs for every row of CASES in cases.py."""

import html
from dataclasses import MISSING, fields

import numpy as np
import pytest
from cases import CASES
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import bayes_astro as ba
from bayes_astro import registry


def equal(a, b):
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def same(a, b):
    assert set(a.variables) == set(b.variables)
    return all(equal(a[name].values, b[name].values) for name in a.variables)


def test_parameters_clone_and_repr(case):
    params = case.model.get_params()
    twin = clone(case.model)
    assert repr(twin) == repr(case.model)
    assert twin.get_params().keys() == params.keys()
    for name, value in params.items():
        assert twin.set_params(**{name: value}).get_params()[name] is value
    assert type(case.model).__name__ in case.model._repr_html_()
    with pytest.raises(ValueError, match="Invalid parameter 'no_such'"):
        case.model.set_params(no_such=1)


def test_before_fit_the_posterior_says_what_to_call(case):
    for use in ("posterior", "record", "data"):
        with pytest.raises(NotFittedError, match=r"call \.fit"):
            getattr(case.model, use)
    for verb in ("predict", "diagnose", "summary", "log_likelihood"):
        with pytest.raises(NotFittedError, match=r"call \.fit"):
            getattr(case.model, verb)()


def test_same_seed_same_draws_and_nothing_of_the_callers_changes(case):
    before = {name: array.copy() for name, array in case.data.to_arrays().items()}
    params = {name: repr(value) for name, value in case.model.get_params().items()}
    state = np.random.get_state()[1].copy()
    first = case.fitted.posterior["posterior"].to_dataset()
    again = clone(case.model).fit(case.data, case.sampler, seed=1, progress=False)
    assert same(first, again.posterior["posterior"].to_dataset())
    if "-" not in case.name:  # what follows takes as long as the fit
        other = clone(case.model).fit(case.data, case.sampler, seed=2, progress=False)
        assert not same(first, other.posterior["posterior"].to_dataset())
    for name, array in case.data.to_arrays().items():
        assert equal(array, before[name]), name
    assert {name: repr(value) for name, value in case.model.get_params().items()} == params
    assert np.array_equal(np.random.get_state()[1], state)


def test_posterior_holds_how_it_was_made(case):
    record = case.fitted.record
    assert record["seed"] == 1
    assert record["sampler"]["name"] == type(case.sampler).__name__
    assert set(record["priors"]) == set(case.fitted.resolve_priors(case.data))
    assert record["versions"]["bayes-astro"] == ba.__version__
    for name, array in case.fitted.posterior["posterior"].data_vars.items():
        assert array.dims[:2] == ("chain", "draw"), name
    for name in ("observed_data", "constant_data", "sample_stats"):
        assert name in case.fitted.posterior


def rows_of(data):
    """What a row is called in predictions."""
    return "spectrum" if isinstance(data, ba.Spectra) else "row"


def test_predictions(case):
    predicted = case.fitted.predict()
    for name in ("signal", "observation"):
        rows = rows_of(case.data)
        assert predicted[name].dims[:3] == ("chain", "draw", rows)
        assert predicted[name].sizes[rows] == len(case.data)
    assert same(predicted, case.fitted.predict())
    assert not same(predicted, case.fitted.predict(seed=5))
    few = case.fitted.predict(draws=10)
    assert 1 <= few.sizes["chain"] * few.sizes["draw"] <= 10
    residual = predicted["observation"].mean(("chain", "draw")) - case.fitted.responses(case.data)
    spread = predicted["observation"].std(("chain", "draw"))
    assert float(abs(residual / spread).median()) < 1.5
    signal = predicted["signal"].std(("chain", "draw"))
    assert float(spread.mean()) >= float(signal.mean())  # equal where nothing adds noise
    with pytest.raises(ValueError, match="draws"):
        case.fitted.predict(draws=0)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto:UserWarning")
def test_groups_that_arviz_needs(case):
    import arviz_stats

    case.fitted.log_likelihood()
    case.fitted.posterior_predictive()
    case.fitted.prior_predictive(draws=50, seed=1)
    tree = case.fitted.posterior
    for name in ("log_likelihood", "posterior_predictive", "prior_predictive", "prior"):
        assert name in tree
    loo = arviz_stats.loo(tree, pointwise=True)
    assert np.isfinite(loo.elpd)
    direct = tree["log_likelihood"]["observation"].values.reshape(-1, len(case.data))
    upper = np.log(np.mean(np.exp(direct), axis=0)).sum()  # leaving a row out predicts it worse
    assert loo.elpd < upper


def test_density_is_that_of_the_graph(case):
    """Compiled value and gradient against PyMC's story, in PyTensor's Python."""
    from pytensor.compile.mode import Mode

    model = case.model.assume(case.data)
    data = model._checked(case.data)
    problem = model.problem(data, model.resolve_priors(data))
    if problem.no_density:
        with pytest.raises(ValueError, match="ba.Exact"):
            problem.graph()
        return
    graph = problem.graph()
    plain = Mode(linker="py", optimizer="fast_compile")
    function = graph.logp_dlogp_function(ravel_inputs=True, mode=plain)
    rng = np.random.default_rng(4)
    values = problem.scatter(20, rng) or problem.starts(20, rng)
    points = problem.flat(values)
    assert points.shape == (20, problem.size)
    assert len(problem.labels()) == problem.size
    many = problem.densities(points)
    for point, alone in zip(points, many, strict=True):
        value, gradient = problem.density(point)
        expected, slope = function(point)
        assert value == pytest.approx(float(expected), rel=1e-9, abs=1e-9)
        assert alone == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert np.allclose(gradient, slope, rtol=1e-9, atol=1e-9 * np.abs(slope).max())


def test_coordinates_go_there_and_back(case):
    model = case.model.assume(case.data)
    data = model._checked(case.data)
    problem = model.problem(data, model.resolve_priors(data))
    if problem.no_density:
        return
    points, _ = problem.points(5, np.random.default_rng(1))
    values = problem.target.coordinates.values(points)
    assert np.allclose(problem.flat(values), points, rtol=1e-9, atol=1e-9)


def test_simulated_data_look_like_the_design(case):
    data, truth = case.model.simulate(case.data, seed=3)
    again, _ = case.model.simulate(case.data, seed=3)
    assert type(data) is type(case.data)
    # How many events there are is itself drawn.
    assert len(data) == len(case.data) or isinstance(data, ba.Events)
    before, made, twin = (x.to_arrays() for x in (case.data, data, again))
    assert all(equal(made[name], twin[name]) for name in made)
    assert any(not equal(made[name], before[name]) for name in made)
    for name in ("error", "covariance", "exposure", "off_exposure"):  # of the design
        assert name not in made or equal(made[name], before[name])
    posterior = case.fitted.posterior["posterior"]
    assert set(posterior.data_vars) <= set(truth.data_vars)


def test_saved_and_opened(case, tmp_path):
    case.fitted.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert type(opened) is type(case.model)
    assert repr(opened.get_params()) == repr(case.fitted.get_params())
    assert same(opened.predict(), case.fitted.predict())
    assert repr(opened.diagnose()) == repr(case.fitted.diagnose())


def test_priors_that_do_not_exist_or_fit(case):
    model = clone(case.model).set_params(priors={"slop": ba.Prior("Normal", mu=0, sigma=1)})
    with pytest.raises(ValueError, match=r"no parameter 'slop'.*Known: "):
        model.fit(case.data)
    name = next(iter(case.model.resolve_priors(case.data)))
    with pytest.raises(ValueError, match=r"must be a ba\.Prior"):
        clone(case.model).set_params(priors={name: 3.0}).fit(case.data)
    with pytest.raises(ValueError, match="must map parameter names"):
        clone(case.model).set_params(priors=[1]).fit(case.data)


def test_wrong_container_and_sampler(case):
    other = ba.Measurements([[1.0, 2.0]], [[1.0, 1.0]])
    if isinstance(other, case.model.data_type):
        other = ba.LightCurve([1, 2], [1, 2], [1, 1])
    with pytest.raises(ValueError, match=r"takes a .*Make one with ba\."):
        case.model.fit(other)
    with pytest.raises(ValueError, match="with brackets"):
        case.model.fit(case.data, ba.NUTS)
    with pytest.raises(ValueError, match="It takes ba"):
        case.model.fit(case.data, "NUTS")
    for seed in (-1, 1.5, "a", True):
        with pytest.raises(ValueError, match="seed"):
            case.model.fit(case.data, seed=seed)


def test_baseline_keeps_the_same_verbs(case, tmp_path):
    baseline = case.model.baseline().fit(case.data)
    posterior = baseline.posterior["posterior"]
    assert posterior.sizes["chain"] == posterior.sizes["draw"] == 1
    dims = baseline.predict()["observation"].dims
    assert dims[:3] == ("chain", "draw", rows_of(case.data))
    table = baseline.summary()
    assert (table["sd"] > 0).all()
    assert baseline.diagnose()
    baseline.save(tmp_path / "base.nc")
    assert same(ba.open(tmp_path / "base.nc").predict(), baseline.predict())
    scores = ba.compare({"bayes": case.fitted, "baseline": baseline}, case.data)
    assert np.isfinite(scores.to_numpy(dtype=float)).all()
    assert "@" in baseline.citations()


def test_report(case, tmp_path):
    from bayes_astro.report import write

    write(case.fitted, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert type(case.model).__name__ in text
    for section in case.fitted.sections():
        assert html.escape(section.title) in text
    for check in case.fitted.diagnose():
        assert html.escape(check.name) in text


def test_citations_and_equation(case):
    text = case.fitted.citations()
    assert text.count("@") >= 2
    assert len(case.model.equation()) > 10


def test_figures(case):
    import matplotlib

    before = dict(matplotlib.rcParams)
    for name in case.fitted.figure_names():
        widths = (("page", 7.1), ("column", 3.4))
        for width, inches in widths[: 1 if "-" in case.name else 2]:
            figure = case.fitted.plot(name, width=width)
            assert figure.get_size_inches()[0] == pytest.approx(inches)
            assert figure._repr_png_()[:4] == b"\x89PNG"
            sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text)]
            assert min(sizes) >= 6.5
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(ValueError, match="Unknown figure"):
        case.fitted.plot("no such")
    with pytest.raises(ValueError, match="width"):
        case.fitted.plot(width="poster")


def test_figures_in_given_axes_and_at_others(case):
    import re

    from matplotlib.figure import Figure

    from bayes_astro import registry
    from bayes_astro.plots import style

    def axes(count):
        return Figure(figsize=(9, 9)).subplots(1, count, squeeze=False)[0]

    drawings = registry.row_of(type(case.model)).drawings()
    for name in case.fitted.figure_names():
        if style.takes_at(drawings[name]):
            assert "`at`:" in drawings[name].__doc__, name
        else:
            with pytest.raises(ValueError, match=f"figure {name!r} shows the fit alone: leave out"):
                case.fitted.plot(name, at=[1.0, 2.0])
        if "-" in case.name:
            continue  # what follows takes as long as drawing twice
        with pytest.raises(ValueError, match=f"figure {name!r} has .* got 0") as error:
            case.fitted.plot(name, ax=[])
        panels = re.search(r"(\d+) panels", str(error.value))
        given = axes(int(panels[1]) if panels else 1)
        assert case.fitted.plot(name, ax=given if panels else given[0]) is given[0].figure
        assert list(given[0].figure.axes) == list(given)
        assert all(axis.has_data() for axis in given if axis.get_visible()), name
        assert not given[0].figure.legends
    with pytest.raises(ValueError, match="must be axes of matplotlib"):
        case.fitted.plot(ax="here")


LEFT_OUT = {
    ("GaussianProcess", "kernel"),  # which must be given
    # Its prior is improper: there is nothing to simulate; see tests/density.
    ("ExtremeDeconvolution", "regularization"),
    # It says how an open number of components is chosen; see tests/density.
    ("ExtremeDeconvolution", "criterion"),
}


@pytest.mark.parametrize("name", list(registry.TASKS))
def test_every_task_is_here_with_its_defaults_and_with_every_field_changed(name):
    task = registry.TASKS[name].load()
    models = [model for model, *_ in (row for row in CASES.values())]
    own = [made for made in (model() for model in models) if type(made) is task]
    optional = [
        f for f in fields(task) if f.default is not MISSING and (name, f.name) not in LEFT_OUT
    ]
    assert any(all(getattr(one, f.name) == f.default for f in optional) for one in own)
    for field in optional:
        values = [getattr(one, field.name) for one in own]
        assert any(repr(value) != repr(field.default) for value in values), field.name
