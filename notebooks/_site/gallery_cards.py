"""``{gallery} periodogram``: cards of the figures of a notebook of the gallery, from its stored outputs.

A card is the picture of a cell with an alternative text, titled by the heading above it, and opens that
place in the notebook's page: the figure in full, with its code.
"""

import base64
import json
import re
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def cards(path):
    """Title, anchor, alternative text and picture of each figure."""
    title = ""
    for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and (found := HEADING.search(text)):
            title = found[1]
        for output in cell.get("outputs", ()):
            picture = output.get("data", {}).get("image/png")
            if picture:
                yield title, slug(title), cell["metadata"]["alt"], base64.b64decode(picture)


def slug(title):
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


class Gallery(SphinxDirective):
    """A grid of cards."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        source = Path(self.env.srcdir, "gallery", f"{name}.ipynb")
        self.env.note_dependency(str(source))
        folder = Path(self.env.srcdir, "_static", "gallery")
        folder.mkdir(exist_ok=True)
        text = ["::::{grid} 1 2 3 3", ":gutter: 3", ""]
        for title, anchor, alt, picture in cards(source):
            (folder / f"{name}-{anchor}.png").write_bytes(picture)
            text += [
                f":::{{grid-item-card}} {title}",
                f":img-top: /_static/gallery/{name}-{anchor}.png",
                f":img-alt: {alt}",
                f":link: gallery/{name}.html#{anchor}",
                ":link-type: url",
                ":::",
                "",
            ]
        return self.parse_text_to_nodes("\n".join([*text, "::::"]))


def setup(app):
    app.add_directive("gallery", Gallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
