"""Reads a page back, as a browser would: elements with their place, and the text in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: "list[Element]" = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> "list[Element]":
        found = [child for child in self.children if child.tag == tag]
        return found + [each for child in self.children for each in child.all(tag)]

    def rows(self) -> list[list[str]]:
        """Cells of a table's body, as text."""
        body = self.all("tbody")[0]
        return [[c.text for c in row.children if c.tag in ("td", "th")] for row in body.all("tr")]


class Page(HTMLParser):
    """A page that is well formed; ``AssertionError`` where an element is not closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self._at = self.root
        self.feed(html)
        self.close()
        assert self._at is self.root, f"<{self._at.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._at)
        self._at.children.append(element)
        if tag not in VOID:
            self._at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self._at.children.append(Element(tag, named, self._at))

    def handle_endtag(self, tag: str) -> None:
        assert self._at.tag == tag, f"</{tag}> closes <{self._at.tag}>"
        assert self._at.parent is not None
        self._at = self._at.parent

    def handle_data(self, data: str) -> None:
        element: Element | None = self._at
        while element is not None:
            element.words.append(data)
            element = element.parent

    def by_id(self, name: str) -> Element:
        """The element of this id, or of the section that this id labels."""
        (found,) = [e for e in self.everything() if e.attributes.get("id") == name]
        return found

    def section(self, name: str) -> Element:
        (found,) = [e for e in self.everything() if e.attributes.get("aria-labelledby") == name]
        return found

    def everything(self) -> list[Element]:
        waiting, found = [self.root], []
        while waiting:
            element = waiting.pop()
            found.append(element)
            waiting += reversed(element.children)
        return found
