"""What GitHub makes of a text: its own Markdown renderer, and what is left to find in the page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options

_SHOWN_AS_IT_IS = ("code", "pre")
# What GitHub makes something of afterwards, in text that is no code.
_LIVE = re.compile(
    r"(?<!\w)@[a-z0-9]|(?<!\w)#\d|\bGH-\d|://|\bwww\.|:(?:[a-z][\w+-]*|[+-]1|100|1234):",
    re.IGNORECASE,
)


@dataclass
class Page(HTMLParser):
    """The tags of a page in their order, its comments, and its text outside of code."""

    tags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    diagrams: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._diagram = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        said = dict(attrs)
        self.tags.append(" ".join([tag, *sorted(said.keys() - {"href", "lang"})]))
        if tag == "a":
            self.links.append(said.get("href") or "")
        if tag not in ("br", "hr", "img", "input"):
            self._open.append(tag)
        if tag == "pre":
            self._diagram = said.get("lang") == "mermaid"
            self.diagrams += [""] if self._diagram else []

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(" ".join([tag, *sorted(dict(attrs))]))

    def handle_endtag(self, tag: str) -> None:
        assert self._open
        assert self._open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self._diagram and "pre" in self._open:
            self.diagrams[-1] += data
        if not any(tag in _SHOWN_AS_IT_IS for tag in self._open):
            self.text.append(data)

    @property
    def live(self) -> list[str]:
        """What would become a mention, a link, a picture or a formula."""
        return _LIVE.findall("\n".join(self.text))


def page(text: str) -> Page:
    """Return a comment as GitHub shows it: line ends count, raw HTML goes through."""
    options = (
        Options.CMARK_OPT_UNSAFE
        | Options.CMARK_OPT_HARDBREAKS
        | Options.CMARK_OPT_GITHUB_PRE_LANG
        | Options.CMARK_OPT_FOOTNOTES
    )
    made = Page()
    made.feed(github_flavored_markdown_to_html(text, options=options))
    made.close()
    assert not made._open, made._open
    return made
