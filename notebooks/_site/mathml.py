"""Formulas as MathML, made when the site is built: no script, no network, readable aloud.

latex2mathml does the work. Two things it passes on in silence are put right: a command that it does not
know is a warning here, as is a fraction or a root without its arguments; and alphabets, which it names
by an attribute that browsers no longer heed, become the letters of Unicode.
"""

import unicodedata
import xml.etree.ElementTree as ET

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

logger = logging.getLogger(__name__)
SPACE = "http://www.w3.org/1998/Math/MathML"
ALPHABETS = {
    "bold": "BOLD",
    "italic": "ITALIC",
    "bold-italic": "BOLD ITALIC",
    "script": "SCRIPT",
    "double-struck": "DOUBLE-STRUCK",
    "fraktur": "FRAKTUR",
    "sans-serif": "SANS-SERIF",
}
CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3,
            "munderover": 3}  # fmt: skip


def letter(character, alphabet):
    """A letter of an alphabet, such as the script capital N."""
    words = unicodedata.name(character, "").split()
    if not words or words[0] not in ("LATIN", "GREEK", "DIGIT"):
        return character
    rest = (
        " ".join(words) if words[0] == "DIGIT" else " ".join(w for w in words[1:] if w != "LETTER")
    )
    for name in (
        f"MATHEMATICAL {alphabet} {rest}",
        f"{alphabet} {rest}",
    ):  # few stand in an older block
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return character


def mathml(latex, display):
    """The markup of a formula.

    Raises
    ------
    ValueError
        With what it could not read.
    """
    ET.register_namespace("", SPACE)
    try:
        root = ET.fromstring(convert(latex, display="block" if display else "inline"))
    except Exception as error:  # it raises anything
        raise ValueError(f"{type(error).__name__}: {error}") from error
    for element in root.iter():
        tag, text = element.tag.removeprefix(f"{{{SPACE}}}"), element.text or ""
        if "\\" in text:
            raise ValueError(f"unknown command {text}")
        if len(element) != CHILDREN.get(tag, len(element)):
            raise ValueError(f"{tag} of {len(element)} parts")
        alphabet = ALPHABETS.get(element.get("mathvariant", ""))
        if alphabet:
            del element.attrib["mathvariant"]
            element.text = "".join(letter(one, alphabet) for one in text)
    return ET.tostring(root, encoding="unicode")


def visitor(display):
    """What writes a formula, inline or displayed."""

    def visit(self, node):
        try:
            markup = mathml(node.astext(), display)
        except ValueError as error:
            logger.warning("%s in $%s$", error, node.astext(), location=node)
            markup = f"<code>{self.encode(node.astext())}</code>"
        self.body.append(f'<div class="math">{markup}</div>' if display else markup)
        raise nodes.SkipNode

    return visit


def chosen(app, config):
    config.html_math_renderer = "mathml"


def setup(app):
    app.add_html_math_renderer("mathml", (visitor(False), None), (visitor(True), None))
    app.connect("config-inited", chosen)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
