"""A page as one HTML file that opens from disk: nothing in it leads back to the server that wrote it."""

from __future__ import annotations

import re
from bisect import bisect

_ROW_ADDRESS = re.compile(r"""\sdata-(?:href|link)="[^"]*\"""")
"""What the keyboard opens or copies; inside an export a place is its own address."""
_LINK = re.compile(r"""<a\b([^>]*?)\shref="(?!#)([^"]*)"([^>]*)>(.*?)</a>""", re.DOTALL)
_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


def without_server_links(html: str, own_path: str) -> str:
    """The page with every link to the server turned into plain text; links inside the page keep working.

    Works on our own templates' output, where attribute values are double-quoted and every `>` and `"` of foreign text is escaped.
    """
    own = own_path.partition("?")[0]

    def plain(match: re.Match[str]) -> str:
        before, href, after, text = match.groups()
        target, separator, fragment = href.partition("#")
        if separator and target in ("", own):
            return f'<a{before} href="#{fragment}"{after}>{text}</a>'
        name = "g" if inside_drawing(match) else "span"  # a span would end the drawing
        return f"<{name}{before}{after}>{text}</{name}>"

    drawings = [found.span() for found in _DRAWING.finditer(html)]

    def inside_drawing(match: re.Match[str]) -> bool:
        place = bisect(drawings, match.span()) - 1
        return place >= 0 and match.end() <= drawings[place][1]

    return _ROW_ADDRESS.sub("", _LINK.sub(plain, html))
