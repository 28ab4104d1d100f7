"""Sphinx settings of the site. `site/build.py` lays out the sources and calls Sphinx; no network is
needed to build or to read."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

project, author, copyright = (
    "pianoalign",
    "the pianoalign authors",
    "2026 onwards, the pianoalign authors",
)
extensions = ["myst_nb", "autodoc2", "mathml", "described"]
html_theme, html_title = "furo", "pianoalign"
html_static_path, html_css_files = [str(HERE / "_static")], ["site.css"]
html_js_files = ["frames.js"]
html_copy_source, html_show_sourcelink = False, False
pygments_style, pygments_dark_style = "friendly", "monokai"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#005a8d"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}

nb_render_markdown_format = "myst"  # tables in outputs are tables
nb_code_prompt_show = nb_code_prompt_hide = "Code"
nb_merge_streams = True  # lines that one cell prints are one block
nb_execution_mode = "off"  # the notebooks come executed, by papermill
nb_ipywidgets_js = {}  # nothing from content networks
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", 100)
]  # a widget's static form is shown instead
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
# seen from .cache/site/source, where site/build.py lays out the sources
autodoc2_packages = [
    {
        "path": "../../../pianoalign",
        "auto_mode": True,
        "exclude_files": ["_modidx.py", "__main__.py"],
    }
]
autodoc2_output_dir, autodoc2_render_plugin = "api", "myst"
autodoc2_hidden_objects = {"private", "dunder", "undoc", "inherited"}
autodoc2_index_template = """Reference
=========

What each module exports, from the notes beside its arguments.

.. toctree::
   :titlesonly:
{% for package in top_level %}
   {{ package }}
{%- endfor %}
"""
suppress_warnings = [
    "mystnb.unknown_mime_type",
    "autodoc2.dup_item",
    "docutils",
    "myst.xref_missing",
]
