"""A passage of Markdown or HTML as it would be read: for showing alone, never for checking a quote against its document."""

from __future__ import annotations

import html
import re

READ_MAX = 4_000
"""Characters; of a longer passage the rest is shown as it stands."""
_SPACES = re.compile(r"[ \t]+")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|\A[^<]*?-->", re.DOTALL)
_TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|center|cite|code|dd|del|details|div|dl|dt|em|figure|font|h[1-6]|hr|i|img|ins|kbd|li|"
    r"mark|ol|p|picture|pre|q|s|samp|section|small|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|u|"
    r"ul|var)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
"""Of HTML's own elements alone: `<name>` in a manual is a word that the reader is to fill in."""
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
_CODE = re.compile(r"(`+)([^`]+)\1(?!`)")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s+\"[^\"]*\")?\s*\)|\[[^\[\]]*\])")
_ADDRESS = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")
_STRONG = re.compile(r"\*\*(?=\S)([^*]+)(?<=\S)\*\*|(?<!\w)__(?=\S)([^_]+)(?<=\S)__(?!\w)")
_STRESSED = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*]+)(?<=[^\s*])\*(?![\w*])|(?<!\w)_(?=[^\s_])([^_]+)(?<=[^\s_])_(?!\w)"
)
_LINE_START = re.compile(r"^[ \t]*(?:(?:#{1,6}|>|[-*+])[ \t]+)+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*[|:\-=*_ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,})[|:\-=*_ \t]*$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|.*$|^[^|\n]+(?:\s\|\s[^|\n]+){2,}$|^.*\|[ \t]*$", re.MULTILINE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_HELD = re.compile("\ue000(\\d+)\ue001")


def readable(text: str) -> str:
    """The passage on one line without its marks of Markdown and HTML; as it stands where nothing else is in it."""
    head, rest = _SPACES.sub(" ", text[:READ_MAX]), text[READ_MAX:]
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[match.lastindex or 0])
        return f"\ue000{len(held) - 1}\ue001"

    shown = _FENCE.sub("", _COMMENT.sub(" ", head.replace("\ue000", "").replace("\ue001", "")))
    shown = _ESCAPED.sub(hold, _CODE.sub(hold, shown))
    shown = _ADDRESS.sub(r"\1", _LINK.sub(r"\1", _TAG.sub(" ", shown)))
    shown = _LINE_START.sub("", _ROW.sub(_cells, _RULE.sub("", shown)))
    for stressed in (_STRONG, _STRESSED):
        shown = stressed.sub(lambda match: match[1] or match[2], shown)
    shown = html.unescape(shown.replace("**", "").replace("`", ""))
    shown = _HELD.sub(lambda match: held[int(match[1])], shown)
    return " ".join((shown + rest).split()) or " ".join(text.split())


def _cells(match: re.Match[str]) -> str:
    """A row of a table, its cells set apart."""
    return " · ".join(cell.strip() for cell in match[0].split("|") if cell.strip())
