"""The site: ``uv run --group book sphinx-build -W -q notebooks notebooks/_build/html``, for Sphinx.

Nothing is executed and nothing is fetched: outputs are stored with the notebooks, formulas become
MathML, and each warning is an error.
"""

import sys
from pathlib import Path

import bayes_astro as ba

sys.path.insert(0, str(Path(__file__).parent / "_site"))
from reference import members, uses

project = html_title = "bayes_astro"
author = copyright = "the bayes_astro developers"
version = release = ba.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    # Ours, in _site:
    "documents",
    "exercise_pages",
    "gallery_cards",
    "mathml",
    "name_links",
    "reader",
    "reference",
]
exclude_patterns = [
    "README.md", "_build", "_site", "_templates", "exercises/*.ipynb",
    "**.ipynb_checkpoints",
]  # fmt: skip
templates_path = ["_templates"]
suppress_warnings: list[str] = []

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_context = {"members_of": members(), "uses": uses()}
autodoc_typehints = "none"  # the sections of the docstrings say it
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
add_module_names = False
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
default_role = "name"  # of name_links: docstrings write `ba.Exact` and `fit`

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(Path(__file__).parent / "_static" / "scorer.js")
html_favicon = "_static/logo.svg"
html_show_sphinx = html_show_sourcelink = html_copy_source = False
html_sidebars = {page: [] for page in ("index", "start", "which-model", "gallery", "faq")}
html_theme_options = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo.svg",
             "text": f"bayes_astro {release}", "alt_text": "bayes_astro, to the first page"},
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 10,
    "show_nav_level": 1,
    "collapse_navigation": False,
    "navigation_depth": 3,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"]},
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}  # fmt: skip
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
