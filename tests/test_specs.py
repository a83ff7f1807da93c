"""Specifications: what they may say, and that nothing else gets through."""

import re
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

import bayes_astro as ba
from bayes_astro import specs
from bayes_astro.specs import SpecError

TEXTS = {name: path.read_text("utf-8") for name, path in specs.available().items()}

GOOD = """
title = "A sinusoid"
task = "Periodogram"
seed = 4
[parameters]
period = [2, 20]
[priors.offset]
distribution = "Normal"
mu = 5
sigma = 2.5
[data]
file = "curve.csv"
band = "V"
rows = [2, 42]
[data.columns]
time = "t"
value = "m"
error = "e"
band = "filter"
[sampler]
name = "Exact"
draws = 400
"""


def parse(text, **options):
    return specs.parse(text.encode() if isinstance(text, str) else text, **options)


@pytest.fixture
def folder(tmp_path):
    """A specification and its table, away from the current folder."""
    rng = np.random.default_rng(8)
    t = np.sort(rng.uniform(0, 40, 90))
    m = 5 + np.cos(2 * np.pi * t / 5.5) + rng.normal(0, 0.1, 90)
    rows = [f"{a!r},{b!r},0.1,{'VB'[i % 3 == 0]}" for i, (a, b) in enumerate(zip(t, m))]
    rows = [row.replace("np.float64(", "").replace(")", "") for row in rows]
    (tmp_path / "curve.csv").write_text("\n".join(["t,m,e,filter", *rows]))
    (tmp_path / "good.toml").write_text(GOOD)
    return tmp_path


def test_the_models_that_come_with_the_package_are_good():
    assert "cepheid" in TEXTS
    for name in TEXTS:
        spec = specs.read(name)
        assert spec.name == name
        assert spec.title
        assert type(spec.model()).__name__ == spec.task
        assert spec.chosen_sampler() is None or spec.sampler
        assert isinstance(spec.load_data(), spec.model().data_type)


def test_a_specification_runs_as_it_says(folder):
    spec = specs.read(folder / "good.toml")
    assert (spec.name, spec.seed, spec.folder) == ("good", 4, str(folder))
    data = spec.load_data()
    assert len(data) == 40
    assert data.bands == ("V",)
    model = spec.run(progress=False)
    assert model.period == (2, 20)
    assert model.record["seed"] == 4
    assert model.record["priors"]["offset"] == {"distribution": "Normal", "mu": 5.0, "sigma": 2.5}
    assert model.posterior["posterior"]["period"].size == 400
    assert float(model.posterior["posterior"]["period"].mean()) == pytest.approx(5.5, abs=0.05)
    assert spec.run(seed=5, progress=False).record["seed"] == 5


def test_by_path_by_name_and_with_a_byte_order_mark(folder):
    path = folder / "good.toml"
    assert specs.read(str(path)) == specs.read(path)
    assert specs.read("cepheid") == specs.read(specs.available()["cepheid"])
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert specs.read(path).task == "Periodogram"


def test_exact_and_rows_of_a_table():
    text = 'task = "LinearRelation"\nparameters.response = "y"\n[data]\nname = "hogg-2010"\n'
    data = parse(text + 'exact = ["x"]\nrows = [4, 20]').load_data()
    assert data.n == 16
    assert not data.error[:, data.index("x")].any()
    assert data.error[:, data.index("y")].all()


@pytest.mark.parametrize(
    "source, message",
    [
        ("cephed", "Did you mean 'cepheid'"),
        ("no.toml", "There is no file"),
        (".", "no specification"),
        ("a\0b.toml", "There is no file"),
        ("x" * 5000, "."),
        ("x" * 5000 + ".toml", "."),
        ("/dev/zero.toml/x", "no"),
    ],
)
def test_what_cannot_be_read(source, message):
    with pytest.raises(SpecError, match=message):
        specs.read(source)


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "x.toml"
    for content, message in [
        (b"a" * 65537, "at most 65536 bytes"),
        (b"title = '\xff'", "byte 9 is not"),
        (b"title = '\0'", "Not valid TOML"),
        (b"", "'task' is missing"),
    ]:
        path.write_bytes(content)
        with pytest.raises(SpecError, match=message):
            specs.read(path)
    with pytest.raises(SpecError):
        specs.read(tmp_path)


# One change to GOOD each: (old, new, what the error says)
WRONG = [
    ("title =", "titel =", r"unknown key 'titel'. Did you mean 'title'\? Known: title, task"),
    ("task =", "tsk =", "unknown key 'tsk'. Did you mean 'task'"),
    ("[sampler]", "[smapler]", "unknown key 'smapler'. Did you mean 'sampler'"),
    ("period =", "perod =", "parameters: Periodogram has no parameter 'perod'. Did you mean 'per"),
    ("period = [2, 20]", "priors = 1", "no parameter 'priors'"),
    ("sigma = 2.5", "sgma = 2.5", "priors.offset: .*no argument 'sgma'. Did you mean 'sigma'"),
    ("distribution =", "distributon =", "priors.offset: .*'distribution'"),
    ('"Normal"', '"Nromal"', "priors.offset: .*Did you mean 'Normal'"),
    ("sigma = 2.5", "sigma = -1", "priors.offset: .*positive"),
    ("sigma = 2.5", "sigma = '1'", "priors.offset: .*number"),
    ("sigma = 2.5", "sigma = nan", "priors.offset: .*finite"),
    ("sigma = 2.5", "sigma = 2020-01-01", "priors.offset: .*number"),
    ("sigma = 2.5", "sigma = {value = 1, unit = 'lightyaer'}", "priors.offset: .*not a unit"),
    ("sigma = 2.5", "sigma = {value = 1, unit = '10**999999999 m'}", "not a unit"),
    ("sigma = 2.5", "self = 2.5", "priors.offset: .*no argument 'self'"),
    ("band =", "bnad =", "data: unknown key 'bnad'. Did you mean 'band'"),
    ('time = "t"', 'tmie = "t"', "data.columns: LightCurve has no 'tmie'. Did you mean 'time'"),
    ('time = "t"', 'x = "t"', "data.columns: LightCurve has no 'x'"),
    ('time = "t"', "time = 3", "."),
    ('time = "t"', 'time = "tt"', "tt"),
    ('"Exact"', '"Exat"', "sampler: unknown name 'Exat'. Did you mean 'Exact'"),
    ('"Exact"', '"os.system"', "sampler: unknown name"),
    ("draws =", "drws =", "sampler: Exact has no setting 'drws'. Did you mean 'draws'"),
    ("draws = 400", "draws = 0", "sampler: Exact: draws"),
    ("draws = 400", "draws = 1.5", "sampler: Exact: draws"),
    ('"Periodogram"', '"Periodogramm"', "task: unknown task 'Periodogramm'. Did you mean 'Period"),
    ('"Periodogram"', '"builtins.eval"', "task: unknown task"),
    ('"Periodogram"', "3", "task must be a text, got 3"),
    ('task = "Periodogram"', "", "'task' is missing"),
    ("seed = 4", "seed = 4.5", "seed must be a whole number, got 4.5"),
    ("seed = 4", "seed = true", "seed must be a whole number, got True"),
    ("seed = 4", "seed = -1", "seed must not be negative"),
    ("seed = 4", "seed = 0x" + "f" * 20, "64 bits"),
    ("seed = 4", "seed = 0x" + "f" * 20000, "64 bits"),
    ("seed = 4", "seed = " + "9" * 20000, "Not valid TOML"),
    ("period = [2, 20]", "period = 3", "parameters: period must be"),
    ("period = [2, 20]", "n_terms = 'two'", "parameters: n_terms='two'"),
    ("period = [2, 20]", "jitter = 'yes'", "parameters: jitter"),
    ("period = [2, 20]", "period = ['a', 'b']", "two numbers"),
    ("period = [2, 20]", "period = [[1], 2]", "."),
    ("rows = [2, 42]", "rows = [2]", "rows must be"),
    ("rows = [2, 42]", "rows = []", "rows must be"),
    ("rows = [2, 42]", "rows = [true, 3]", "rows must be"),
    ("rows = [2, 42]", "rows = [80, 90]", "."),
    ("rows = [2, 42]", "exact = ['x']", "exact is for measurements"),
    ("rows = [2, 42]", "exact = [3]", "names of columns"),
    ('band = "V"', 'band = "U"', "U"),
    ('file = "curve.csv"', 'file = "none.csv"', "no such file"),
    ('file = "curve.csv"', 'file = "good.toml"', "."),
    ('file = "curve.csv"', 'file = "/dev/zero"', "."),
    ('file = "curve.csv"', 'file = "a\\u0000.csv"', "."),
    ('file = "curve.csv"', 'name = "eros2-cepheid"', "columns belong to a file"),
    ('file = "curve.csv"', 'name = "x"\nfile = "y"', "either the name"),
    ('file = "curve.csv"', "", "either the name"),
    ("[sampler]", "[reference]\nsrc = 'x'\n[sampler]", "reference: unknown key 'src'"),
    ("[sampler]", "[reference.values]\nperiod = 3\n[sampler]", "expected a table, got 3"),
    ("[sampler]", "[reference.values.p]\nmean = 1\n[sampler]", "'sd' is missing"),
    ("[sampler]", "[reference.values.p]\nmaen = 1\n[sampler]", "Did you mean 'mean'"),
    ("[sampler]", "[reference.values.p]\nmean = inf\n[sampler]", "finite"),
    ("[sampler]", "[reference.values.p]\nmean = true\n[sampler]", "must be a number"),
    ("[sampler]", "[reference.values.p]\nmean = 1\nsd = 1\nmcse = 0\n[sampler]", "positive"),
    ("title =", "a.b.c.d.e.f.g.h.i = 1\ntitle =", "8 levels"),
]


def everything(text, folder):
    spec = parse(text, folder=str(folder))
    spec.model()
    spec.chosen_sampler()
    spec.run(progress=False)


@pytest.mark.parametrize("old, new, message", WRONG)
def test_each_mistake_is_named(folder, old, new, message):
    assert GOOD.count(old) >= 1
    with pytest.raises(ValueError, match=message) as caught:
        everything(GOOD.replace(old, new, 1), folder)
    assert len(str(caught.value)) < 700
    assert "Errno" not in str(caught.value)


PROCESS = """
task = "GaussianProcess"
[parameters]
lag = [-5, 10]
[parameters.kernel]
kernel = "Sum"
[[parameters.kernel.parts]]
kernel = "SHO"
name = "star"
quality = 0.7
period = {distribution = "LogNormal", mu = 1, sigma = 0.5}
[[parameters.kernel.parts]]
kernel = "Product"
parts = [{kernel = "Matern32"}, {kernel = "Cosine", period = 1}]
[parameters.mean]
mean = "KeplerOrbit"
period = [1, 3]
[parameters.independent]
kernel = "CARMA"
p = 2
values = {sigma = 3}
[data]
name = "macho-quasar"
"""


def test_kernels_and_means_are_tables():
    model = parse(PROCESS).model()
    K = ba.kernels
    period = ba.Prior("LogNormal", mu=1, sigma=0.5)
    expected = K.SHO(name="star", quality=0.7, period=period) + K.Matern32() * K.Cosine(period=1)
    assert repr(model.kernel) == repr(expected)
    assert model.kernel.to_dict() == expected.to_dict()
    assert model.lag == (-5, 10)
    assert model.mean == ba.means.KeplerOrbit((1, 3))
    assert model.independent == K.CARMA(2, values={"sigma": 3})
    assert list(model.resolve_priors(parse(PROCESS).load_data()))


WRONG_PROCESS = [
    (
        'kernel = "SHO"',
        'kernel = "SOH"',
        "parameters.kernel: Unknown kernel 'SOH'. Did you mean 'SHO",
    ),
    ('kernel = "SHO"', "kernel = [1]", r"parameters.kernel: Unknown kernel \[1\]"),
    ('kernel = "SHO"', 'kern = "SHO"', "parameters.kernel: A kernel is a table with a 'kernel'"),
    ('kernel = "SHO"', 'kernel = "ExposureIntegrated"', "ExposureIntegrated needs 'of'"),
    ('kernel = "SHO"', 'kernel = "Sum"', "Sum needs 'parts'"),
    (
        'kernel = "Cosine", period = 1',
        'kernel = "ExposureIntegrated", of = 3, exposure = 1',
        "A kernel is a table",
    ),
    (
        'kernel = "Cosine", period = 1',
        'kernel = "ExposureIntegrated", of = {kernel = "SHO"}, exposure = 0',
        "exposure=0 must be a positive number",
    ),
    (
        'kernel = "Cosine", period = 1',
        'kernel = "ExposureIntegrated", of = {kernel = "SHO"}, exposure = "a"',
        "exposure must be a number",
    ),
    ('parts = [{kernel = "Matern32"}, {kernel = "Cosine", period = 1}]', "parts = []", "list of"),
    ('[{kernel = "Matern32"}, {', "[3, {", "A kernel is a table with a 'kernel', got 3"),
    ("quality = 0.7", "qualty = 0.7", "SHO has no parameter 'qualty'. Did you mean 'quality'"),
    ("quality = 0.7", "quality = -1", "SHO: quality=-1 must be a positive number"),
    ("quality = 0.7", "quality = true", "SHO: quality must be a number"),
    ("quality = 0.7", "quality = [1]", "SHO: quality must be a number"),
    ("quality = 0.7", "quality = nan", "SHO: quality=nan must be a positive"),
    ('name = "star"', "name = 3", "name=3 must be"),
    ('"LogNormal", mu = 1', '"LogNromal", mu = 1', "SHO: period: .*Did you mean 'LogNormal'"),
    ('"LogNormal", mu = 1', '"Normal", mu = 1', "SHO: the prior of period, .*negative"),
    ('mean = "KeplerOrbit"', 'mean = "Kepler"', "parameters.mean: Unknown mean.*'KeplerOrbit'"),
    ('mean = "KeplerOrbit"', "mean = [3]", "parameters.mean: Unknown mean"),
    ('mean = "KeplerOrbit"', "", "parameters.mean: A mean function is a table with a 'mean'"),
    ("period = [1, 3]", "", "parameters.mean: KeplerOrbit needs 'period'"),
    ("period = [1, 3]", "perod = [1, 3]", "KeplerOrbit has no parameter 'perod'. Did you mean"),
    ("period = [1, 3]", "period = [3, 1]", r"period=\(3, 1\) must be"),
    ("period = [1, 3]", "period = 'x'", "KeplerOrbit: period='x' must be"),
    ("period = [1, 3]", "period = [1, 3]\neccentric = 1", "eccentric must be True or False"),
    ("period = [1, 3]", "period = [1, 3]\nbands = [1]", "bands=.* must be names"),
    ('mean = "KeplerOrbit"\nperiod = [1, 3]', 'mean = "Harmonics"\nn_terms = 0', "n_terms=0"),
    ("values = {sigma = 3}", "values = {sgma = 3}", "has no 'sgma'. Did you mean 'sigma'"),
    ("values = {sigma = 3}", "values = 3", "values must be a table"),
    ("p = 2", "p = 2.5", "p=2.5 must be a whole number"),
    ("p = 2", "p = 99999999", "0 <= q < p <= 7"),
    ("lag = [-5, 10]", "lag = [10, -5]", "lowest < highest"),
    ("lag = [-5, 10]", "lag = {kernel = 'SHO'}", "lag"),
]


@pytest.mark.parametrize("old, new, message", WRONG_PROCESS)
def test_each_mistake_in_a_process_is_named(old, new, message):
    assert PROCESS.count(old) == 1
    with pytest.raises(ValueError, match=message) as caught:
        spec = parse(PROCESS.replace(old, new))
        spec.model().fit(spec.load_data(), progress=False)
    assert len(str(caught.value)) < 700


def test_a_parameter_without_default_is_asked_for():
    spec = parse('task = "LinearRelation"\ndata.name = "hogg-2010"')
    with pytest.raises(SpecError, match="LinearRelation needs 'response'"):
        spec.model()


def test_data_of_another_task():
    spec = parse('task = "Periodogram"\ndata.name = "hogg-2010"')
    with pytest.raises(SpecError, match="is a Measurements, and Periodogram takes a LightCurve"):
        spec.load_data()


NESTED = {
    "brackets": "title = " + "[" * 5000 + "]" * 5000,
    "nine brackets": "parameters.x = " + "[" * 9 + "]" * 9,
    "open brackets": "title = " + "[" * 60000,
    "inline tables": "title = " + "{a=" * 10000 + "1" + "}" * 10000,
    "mixed": "title = " + "[{a=" * 9000,
    "dotted": ".".join("a" * 30000) + " = 1",
    "dotted header": "[" + ".".join("a" * 30000) + "]",
    "quoted and dotted": ".".join(['"a"'] * 12000) + " = 1",
    "header and key": "[a.b.c.d.e]\nf.g.h.i.j = 1",
    "array of tables": "[[a.b.c.d.e]]\n[[a.b.c.d.e.f.g]]\nh.i.j = [[1]]",
    "after four quotes": 'a = ["""x"""", ' + "[" * 5000 + "]" * 5001,
    "after a literal": "a = ['''x''''', " + "[" * 5000 + "]" * 5001,
    "after a comment": "# '''\na = " + "[" * 5000,
    "between closings": "]" * 100 + "[" * 5000,
}


@pytest.mark.parametrize("name", NESTED)
def test_deep_nesting(name):
    with pytest.raises(SpecError, match="8 levels"):
        quick(NESTED[name])


def test_eight_levels_are_allowed():
    deep = "task = 'Periodogram'\ndata.name='hd164922'\nparameters.a.b.c.d.e.f = [1]"
    assert parse(deep).parameters["a"]["b"]["c"]["d"]["e"]["f"] == [1]
    with pytest.raises(SpecError, match="8 levels"):
        parse(deep.replace("[1]", "[[1]]"))
    quoted = "title = '''[[[[[[[[[[[['''\ntask = 'Periodogram'\ndata.name=\"[{[{[{[{[{[{.........\""
    assert parse(quoted).data["name"].startswith("[{")


ODD = {
    "escapes": '"\\' * 32000,
    "triple escapes": '"""\\' * 16000,
    "open triple": '"""' + '\\"' * 32000,
    "open literal": "'''" + "''a" * 21000,
    "quotes": '"' * 65000,
    "apostrophes": "'" * 65000,
    "headers": "\n".join(f"[a{i}.b.c.d.e.f]" for i in range(3800)),
    "tables": "[[a]]\n" * 10000,
    "dotted keys": "\n".join(f"a{i}.b.c.d.e.f.g=1" for i in range(3300)),
    "keys": "\n".join(f"x{i}=1" for i in range(7000)),
    "inline keys": "a={" + ",".join(f"b{i}=1" for i in range(7000)) + "}",
    "numbers": "a=[" + "1," * 32000 + "]",
    "empty lists": "a=[" + "[]," * 21000 + "]",
    "comments": "#\n" * 32000,
    "one comment": "#" * 65000,
    "lines": "\n" * 65000,
    "text": "a='" + "x" * 65000 + "'",
    "name": "a" * 65000,
    "digits": "a=" + "1" * 65000,
    "hexadecimal": "a=0x" + "f" * 65000,
    "underscores": "a=" + "1_" * 32000 + "1",
    "exponent": "a=1e" + "9" * 65000,
    "fraction": "a=0." + "9" * 65000,
    "blanks": "a=" + " " * 65000 + "1",
    "unicode": 'a="' + "\\U0001F600" * 6000 + '"',
    "bad unicode": 'a="' + "\\uD800" * 10000 + '"',
    "date": "seed=9999-12-31T23:59:60Z",
    "control": "".join(map(chr, range(1, 32))),
    "returns": "a=1\r" * 10000,
    "long task": f"task = '{'Periodogram' * 5000}'\n[data]",
    "long sampler": f"task='Periodogram'\ndata.name='x'\nsampler.name='{'Exac' * 15000}'",
    "long prior": f"task='Periodogram'\ndata.name='x'\npriors.a.distribution='{'Norm' * 15000}'",
    "long argument": "task='Periodogram'\ndata.name='x'\n[priors.a]\ndistribution='Normal'\n"
    + "m" * 60000
    + "=1",
    "long unit": "task='Periodogram'\ndata.name='x'\n[priors.a]\ndistribution='HalfNormal'\n"
    + f"sigma={{value=1, unit='{'km' * 30000}'}}",
    "long list": "task='Periodogram'\ndata.name='x'\n[priors.a]\ndistribution='HalfNormal'\n"
    + f"sigma=[{'-1,' * 20000}]",
    "long parameter": f"task='Periodogram'\ndata.name='x'\n[parameters]\n{'n' * 60000}=1",
}


def attempt(content):
    """What a specification is good for without its data: only SpecError and ValueError come out."""
    try:
        spec = parse(content)
    except SpecError as error:
        return str(error)
    for use in (spec.model, spec.chosen_sampler):
        try:
            use()
        except ValueError as error:
            return str(error)
    return ""


def cpu_time(content):
    start = time.process_time()
    attempt(content)
    return time.process_time() - start


def quick(content):
    """Parse; the second try of a slow one is what counts, since the first may import."""
    assert min(cpu_time(content) for _ in range(2)) < 0.2
    return parse(content)


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_are_quick_and_short_errors(name):
    with pytest.raises(ValueError, match=".") as caught:
        spec = quick(ODD[name])
        spec.model()
    assert len(str(caught.value)) < 1000


WORDS = [
    *"[]{}.,=#\"'\n\r\t \\",
    *("[[", "]]", "'''", '"""', "true", "nan", "-inf", "0x1F", "1e400", "9" * 30, "2020-01-01"),
    *("task", "data", "parameters", "priors", "sampler", "reference.values", "seed", "title"),
    *("Periodogram", "LinearRelation", "Exact", "NUTS", "Emcee", "Normal", "Uniform", "sigma"),
    *("kernel", "mean", "parts", "Sum", "SHO", "CARMA", "ExposureIntegrated", "KeplerOrbit"),
    *("distribution", "draws", "n_terms", "period", "response", "unit", "value", "\0", "\ufeff"),
    *(
        "\n[data]\n",
        "\nname=",
        "é",
        "\\u0000",
        "\\UFFFFFFFF",
        "={value=1,unit='m**9'}",
        "-1",
        "[1,2]",
    ),
]


def fuzzed(rng):
    """A model file with pieces changed, or words at random."""
    if rng.random() < 0.15:
        text = "".join(rng.choice(WORDS, int(rng.integers(1, 60))))
        return text.encode()
    text = str(rng.choice([*TEXTS.values(), GOOD, PROCESS]))
    for _ in range(int(rng.integers(1, 6))):
        a, b = sorted(rng.integers(0, len(text) + 1, 2).tolist())
        b = min(b, a + int(rng.integers(1, 30)))
        kind = rng.integers(6)
        if kind == 0:
            text = text[:a] + text[b:]
        elif kind == 1:
            text = text[:a] + str(rng.choice(WORDS)) + text[a:]
        elif kind == 2:
            text = text[:a] + text[a:b] * int(rng.integers(2, 40)) + text[b:]
        elif kind == 3:  # another value
            values = list(re.finditer(r"(?<== ).+", text))
            chosen = values[int(rng.integers(len(values)))] if values else re.match("", text)
            text = text[: chosen.start()] + str(rng.choice(WORDS)) + text[chosen.end() :]
        elif kind == 4:  # another key
            keys = list(re.finditer(r"(?m)^\w+", text))
            chosen = keys[int(rng.integers(len(keys)))] if keys else re.match("", text)
            text = text[: chosen.start()] + str(rng.choice(WORDS)) + text[chosen.end() :]
        else:
            lines = text.splitlines(keepends=True)
            rng.shuffle(lines)
            text = "".join(lines)
    content = bytearray(text.encode())
    if rng.random() < 0.1 and content:
        content[int(rng.integers(len(content)))] = int(rng.integers(256))
    return bytes(content)


def test_10000_fuzzed_specifications():
    """Only our own errors come out, and each within 0.2 s."""
    rng = np.random.default_rng(12)
    attempt(GOOD.replace("sigma = 2.5", "sigma = {value = 1, unit = 'm'}"))  # import astropy
    slowest, valid, messages = [], 0, set()
    for _ in range(10_000):
        content = fuzzed(rng)
        start = time.process_time()
        message = attempt(content)
        slowest.append((time.process_time() - start, content))
        valid += not message
        messages.add(message[:12])
    assert 200 < valid < 5000
    assert len(messages) > 20, "the fuzz reaches many different checks"
    slowest.sort(key=lambda pair: -pair[0])
    for _, content in slowest[:5]:
        assert min(cpu_time(content) for _ in range(3)) < 0.2


# Reference results ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    from bayes_astro import diagnostics

    rng = np.random.default_rng(8)
    t = np.sort(rng.uniform(0, 40, 60))
    curve = ba.LightCurve(t, 5 + np.cos(2 * np.pi * t / 5.5) + rng.normal(0, 0.1, 60), 0 * t + 0.1)
    model = ba.Periodogram(period=(2, 20)).fit(curve, ba.Exact(draws=800), seed=1)
    found = {label: x for label, x, _ in diagnostics.scalars(model.posterior["posterior"].ds)}
    return model, found


def spec_with(values):
    return specs.Spec(task="Periodogram", reference={"source": "here", "values": values})


@pytest.mark.parametrize("off, reproduced", [(0, True), (2, True), (6, False), (-6, False)])
@pytest.mark.parametrize("which", ["mean", "sd"])
def test_check_counts_combined_errors(fitted, off, reproduced, which):
    from arviz_stats.base import array_stats

    model, found = fitted
    x = found["offset"]
    value = {"mean": x.mean(), "sd": x.std()}
    axes = {"chain_axis": 0, "draw_axis": 1}
    own = {kind: float(array_stats.mcse(x, method=kind, **axes)) for kind in value}
    reference = {"mcse": 2 * own["mean"], "mcse_sd": 2 * own["sd"]} | value
    reference[which] += off * 5**0.5 * own[which]
    table = specs.check(spec_with({"offset": reference}), model)
    assert table.loc["offset", f"{which}_off"] == pytest.approx(abs(off), abs=1e-6)
    assert bool(table.loc["offset", "reproduced"]) is reproduced


def test_check_of_the_evidence(fitted):
    model, _ = fitted
    value = float(model.posterior["evidence"]["log_evidence"])
    for off, reproduced in ((0.03, True), (0.06, False)):
        reference = {"mean": value + off, "sd": 0, "mcse": 0.01}
        table = specs.check(spec_with({"log_evidence": reference}), model)
        assert bool(table["reproduced"].all()) is reproduced


def test_check_names_what_is_not_there(fitted):
    model, _ = fitted
    with pytest.raises(SpecError, match=r"no scalar 'amplitud\[1\]'.* mean 'amplitude\[1\]'"):
        specs.check(spec_with({"amplitud[1]": {"mean": 0, "sd": 1, "mcse": 1}}), model)
    with pytest.raises(SpecError, match="no reference results"):
        specs.check(spec_with({}), model)


def test_the_example_in_the_documentation_is_valid():
    block = specs.__doc__.split(".. code-block:: toml\n")[1]
    lines = [line[4:] for line in block.splitlines()]
    spec = parse("\n".join(lines))
    assert spec.model().n_terms == 3
    assert tomllib.loads("\n".join(lines))["reference"]["values"]["period"]["mcse"] == 5e-7
    assert Path(specs.available()["cepheid"]).is_file()
