"""Names between backticks link to the reference: `ba.Exact` in docstrings and pages."""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

NAME = re.compile(r"(?:(?:ba|bayes_astro)\.)?([A-Za-z_][\w.]*)(?:\(.*\)?)?", re.DOTALL)


def name(role, rawtext, text, lineno, inliner, options=None, content=None):
    """The default role of docstrings: a literal, linked later."""
    return [nodes.literal(rawtext, text)], []


class Links(SphinxPostTransform):
    """Where a literal is a public name or one of its members, a link to it."""

    default_priority = 400
    formats = ("html",)

    def run(self, **kwargs):
        known = self.env.domains.python_domain.objects
        for node in list(self.document.findall(nodes.literal)):
            if isinstance(node.parent, nodes.reference | nodes.title):
                continue
            match = NAME.fullmatch(node.astext())
            plain = match and (
                node.astext().startswith(("ba.", "bayes_astro.")) or match[1][0].isupper()
            )
            entry = known.get(f"bayes_astro.{match[1]}") if plain else None
            if entry is None or entry.docname == self.env.docname:
                continue
            uri = self.app.builder.get_relative_uri(self.env.docname, entry.docname)
            link = nodes.reference("", "", internal=True, refuri=f"{uri}#{entry.node_id}")
            node.parent.replace(node, link)
            link += node


def setup(app):
    app.add_role("name", name)
    app.add_post_transform(Links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
