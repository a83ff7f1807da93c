"""A page for each exercise, from its source in `exercises/`: question, data, hint and solution folded.

``{exercises}`` is the table of all of them.
"""

from pathlib import Path

from sphinx.util.docutils import SphinxDirective

import bayes_astro as ba
from bayes_astro.exercises.generate import cells

LONGEST = 24  # lines of code that are shown unfolded


def plain(code):
    """Code without the marks of the formatter."""
    return "\n".join(
        line for line in code.split("\n") if line.strip() not in ("# fmt: off", "# fmt: on")
    )


def fenced(code):
    return f"```python\n{plain(code).strip()}\n```"


def folded(title, content, icon):
    return f"::::{{dropdown}} {title}\n:icon: {icon}\n\n{content}\n::::"


def page(path):
    """The text of an exercise's page."""
    parts = []
    for cell in cells(path.read_text(encoding="utf-8")):
        code = fenced(cell.source)
        if cell.tag == "hint":
            parts.append(folded("Hint", cell.source, "light-bulb"))
        elif cell.tag == "solution":
            parts.append(folded("Solution", code, "key"))
        elif cell.kind == "markdown":
            parts.append(cell.source)
        elif cell.source.count("\n") > LONGEST:
            parts.append(folded("The data, to copy", code, "database"))
        else:
            parts.append(code)
    blank, solved = (f"{path.stem}.{kind}.ipynb" for kind in ("exercise", "solution"))
    parts.append(f"Download: {{download}}`blank <{blank}>`, {{download}}`solved <{solved}>`.")
    return "\n\n".join(parts) + "\n"


def sources(folder):
    """Sources by the id of their exercise."""
    found = sorted(Path(folder).glob("[0-9]*.py"))
    return {".".join(str(int(part)) for part in path.name.split("_")[:2]): path for path in found}


class Exercises(SphinxDirective):
    """The table of exercises, each a link to its page."""

    def run(self):
        paths = sources(Path(self.env.srcdir, "exercises"))
        text = ["| exercise | teaches | with | difficulty, minutes |", "|---|---|---|---|"]
        for id, row in ba.exercises.list().iterrows():
            task = f"`ba.{row['task']}`" if row["task"] else "a few lines"
            text.append(
                f"| [{id} {row['title']}](exercises/{paths[id].stem}.md) | {row['idea']} | {task} "
                f"| {'●' * row['difficulty']}{'○' * (3 - row['difficulty'])} {row['minutes']} |"
            )
        order = "\n".join(f"exercises/{paths[id].stem}" for id in ba.exercises.list().index)
        text += ["", f"```{{toctree}}\n:hidden:\n{order}\n```"]
        return self.parse_text_to_nodes("\n".join(text))


def write(app, config):
    """The pages, beside their sources."""
    folder = Path(app.srcdir, "exercises")
    for old in folder.glob("*.md"):
        old.unlink()
    for path in sources(folder).values():
        path.with_suffix(".md").write_text(page(path), encoding="utf-8")


def setup(app):
    app.connect("config-inited", write)
    app.add_directive("exercises", Exercises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
