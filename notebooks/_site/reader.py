"""Notebooks as readers want them.

Asserts, which are for the tests, are left out of cells; tables lose the style that pandas repeats in
each; pictures get the alternative text of their cell's metadata ("alt"); the page can be downloaded.
"""

import ast
import json
import re

BLANK = re.compile(r"\]\(exercises/(\w+)\.(?:exercise|solution)\.ipynb\)")
STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)


def without_asserts(source):
    """Python code without its top-level asserts."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a line for IPython
        return source
    lines = source.splitlines()
    for node in reversed(body):
        if isinstance(node, ast.Assert):
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).strip("\n")


def readable(app, docname, source):
    """Change the text of a notebook before it is parsed."""
    if app.env.doc2path(docname).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = BLANK.sub(r"](exercises/\1.md)", text)
            continue
        cell["source"] = without_asserts(text)
        if "alt" in cell["metadata"]:
            cell["metadata"] = {"mystnb": {"image": {"alt": cell["metadata"]["alt"]}}}
        for output in cell["outputs"]:
            found = output.get("data", {})
            if "text/html" in found:
                found["text/html"] = STYLE.sub("", "".join(found["text/html"]))
    cells = [cell for cell in notebook["cells"] if "".join(cell["source"]).strip()]
    download = f"{{download}}`Download this page as a notebook </{docname}.ipynb>`"
    last = {"cell_type": "markdown", "metadata": {}, "source": download}
    cells.append(last | ({"id": "download"} if "id" in cells[0] else {}))
    source[0] = json.dumps(notebook | {"cells": cells})


def setup(app):
    app.connect("source-read", readable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
