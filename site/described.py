"""Each page says what it is about, for search engines and for lists of links: a chapter by the line
that it quotes below its title, another page by its first words."""

import html, textwrap

from docutils import nodes

LONGEST = 200  # characters; what is longer is cut between words


def description_of(document: nodes.document) -> str:
    "What stands first below a page's title: a quotation, or a paragraph; else empty."
    sections = list(document.findall(nodes.section))
    below = (sections[0] if sections else document).children
    for child in below:
        if isinstance(child, (nodes.block_quote, nodes.paragraph)):
            words = " ".join(child.astext().split())
            if words:
                return textwrap.shorten(words, LONGEST, placeholder=" …")
    return ""


def add_description(app, pagename, templatename, context, doctree):
    "Put a page's description into its head."
    said = description_of(doctree) if doctree else ""
    if said:
        content = html.escape(said, quote=True)
        context["metatags"] += f'<meta name="description" content="{content}" />'


def setup(app):
    app.connect("html-page-context", add_description)
    return dict(parallel_read_safe=True, parallel_write_safe=True)
