"""HTML as a tree of the standard library's elements: what is written is escaped where it is written out.

No page is put together from texts, so that no name, however hostile, can end an attribute or open an element. What
HTML cannot hold (control characters, halves of surrogate pairs) and what turns the writing direction of the text
around it becomes U+FFFD. Only ``script`` and ``style`` elements are written as they are; their texts are our own.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import os
import re
from collections.abc import Iterable
from pathlib import PurePath
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child = Element | str | None

GENERATOR = "qgeom report"
"""What the ``meta`` element of every page of ours says: so they are known again, and replaced."""

_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Element:
    """An element: ``tag("td", "3.2", class_="number", data_sort=3.2)`` is ``<td class="number" data-sort="3.2">``.

    Args:
        name: of the element.
        children: elements and texts; None is left out.
        attributes: underscores become hyphens, one at the end is dropped; None and False are left out, and True
            stands for an attribute without a value.
    """
    element = Element(name)
    for key, value in attributes.items():
        if value is not None and value is not False:
            element.set(key.rstrip("_").replace("_", "-"), "" if value is True else fit(str(value)))
    for child in children:
        if isinstance(child, str):
            _append_text(element, fit(child))
        elif child is not None:
            element.append(child)
    return element


def fit(text: str) -> str:
    """The text with U+FFFD for what no page should hold."""
    return _UNFIT.sub("\ufffd", text)


def url(*parts: str | PurePath) -> str:
    """A relative address of a file, every special character and byte encoded; never one with a scheme."""
    path = "/".join(part.as_posix() if isinstance(part, PurePath) else part for part in parts)
    return quote(os.fsencode(path), safe="/")


def table(heads: Iterable[str], rows: Iterable[Iterable[Child]], **attributes: str | None) -> Element:
    """A table in a box that scrolls; every cell knows its heading, which narrow screens show beside it."""
    names = list(heads)
    body = tag("tbody")
    for row in rows:
        cells = [tag("td", cell, data_label=name) for name, cell in zip(names, row, strict=True)]
        body.append(tag("tr", *cells))
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    return tag("div", tag("table", head, body, **attributes), class_="scroll", tabindex="0", role="region",
               aria_label=attributes.get("aria_label") or "table")  # fmt: skip


def facts(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Names with their values, one line each."""
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in pairs]
    return tag("div", tag("table", tag("tbody", *rows), class_="facts"), class_="scroll")


def document(title: str, *body: Child) -> str:
    """A whole page as text, its styles and its script in it, which may load nothing and reach no network."""
    style, script = asset("report.css"), asset("report.js")
    policy = (
        f"script-src {_hash(script)}; style-src {_hash(style)}; img-src 'self' file:; frame-src 'self' file:; "
        "connect-src 'none'; font-src 'none'; object-src 'none'; media-src 'none'; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content=GENERATOR),
        tag("title", title),
    )
    for name, text in (("style", style), ("script", script)):
        element = Element(name)
        element.text = text
        head.append(element)
    page = tag("html", head, tag("body", *body), lang="en")
    return "<!doctype html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n"


def asset(name: str) -> str:
    """The text of a file beside this module."""
    return importlib.resources.files("qgeom.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source expression of a content security policy that allows this text alone."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _append_text(element: Element, text: str) -> None:
    last = element[-1] if len(element) else None
    if last is None:
        element.text = (element.text or "") + text
    else:
        last.tail = (last.tail or "") + text
