"""Pages of the site that are documents of the repository: one text, read in both places.

Links between them become links between pages; a link to a file that is no page becomes its name.
"""

import re
import shutil
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

PAGES = {
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "benchmarks/README.md": "benchmarks",
    "bayes_astro/data/README.md": "data",
    "models/README.md": "specifications",
}
PLACES = {
    "README.md": "index.md",
    "notebooks/README.md": "tutorials.md",
    "notebooks": "tutorials.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
BLOCKS = re.compile(r"(```.*?```)", re.DOTALL)


def rewritten(text, name, folder):
    """A document's text with its links as they are from `documents/`; pictures are copied there."""
    root = folder.parents[1]

    def link(match):
        picture, words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, _, anchor = target.partition("#")
        path = normpath(str(PurePosixPath(name).parent / path))
        if picture:
            shutil.copy(root / path, folder)
            return f"![{words}]({Path(path).name})"
        if path in PAGES:
            page = f"{PAGES[path]}.md"
        elif path in PLACES:
            page = f"../{PLACES[path]}"
        elif path.startswith("notebooks/") and path.endswith((".md", ".ipynb")):
            page = relpath(path, "notebooks/documents")
        else:
            return words if words.startswith("`") else f"{words} (`{path}`)"
        return f"[{words}]({page}{'#' + anchor if anchor else ''})"

    parts = BLOCKS.split(text)
    return "".join(part if i % 2 else LINK.sub(link, part) for i, part in enumerate(parts))


def write(app, config):
    """The pages, in `documents/`."""
    folder = Path(app.srcdir, "documents")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, page in PAGES.items():
        text = (Path(app.srcdir).parent / name).read_text(encoding="utf-8")
        (folder / f"{page}.md").write_text(rewritten(text, name, folder), encoding="utf-8")


def setup(app):
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
