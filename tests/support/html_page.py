"""A page of the report as a browser understands it, as far as tests ask."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

VOID = {"meta", "rect", "path", "br"}
FETCHING = {"src", "href", "data", "poster", "action", "formaction", "srcset", "xlink:href"}


class Page(HTMLParser):
    """The tags, attributes and text of a page; fails where tags do not match."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, (self.path, tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data

    def values(self, name: str, *, tag: str | None = None) -> list[str]:
        """Return the values of an attribute."""
        return [v for t, n, v in self.attributes if n == name and tag in {None, t}]

    def words(self) -> str:
        """Return the text, white space made one blank."""
        return " ".join(self.text.split())

    def dangers(self) -> list[str]:
        """Return what may run, or fetch from elsewhere."""
        found = [tag for tag in self.tags if tag in {"script", "iframe", "object", "embed", "link"}]
        for tag, name, value in self.attributes:
            outside = re.match(r"[a-z][a-z0-9+.-]*:|//", value.strip(), re.IGNORECASE)
            if name.startswith("on") or (name in FETCHING and outside):
                found.append(f"{tag} {name}={value}")
        return found

    def broken_links(self) -> list[str]:
        """Return the links that lead to no file, or to no place in it."""
        return [each for each in self.values("href") if not self._leads_somewhere(each)]

    def _leads_somewhere(self, link: str) -> bool:
        file, _, fragment = link.partition("#")
        target = self.path.parent / unquote(file) if file else self.path
        if not target.is_file():
            return False
        if not fragment:
            return True
        return f'id="{unquote(fragment)}"' in target.read_text(encoding="utf-8")


def complaints(path: Path) -> str:
    """Return what tidy(1) finds wrong with a page; nothing where it is not installed."""
    if shutil.which("tidy") is None:
        return ""
    command = ["tidy", "-q", "-e", "--show-info", "no", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.stderr
