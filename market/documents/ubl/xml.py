"""XML of UBL 2.1 documents, written and read. Pure.

Reading takes elements and texts only: a document type, an entity, another encoding than UTF-8, too deep or too many elements
are refused before anything of them is expanded or fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

from msgspec import Struct

from market.documents.flaws import Code, Flaw, FlawedError, Why, short

LARGEST_BYTES = 4 * 1024 * 1024
DEEPEST = 30
MOST_ELEMENTS = 20_000
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
DOCUMENT = "urn:oasis:names:specification:ubl:schema:xsd:{name}-2"
_UNCARRIED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Child = ElementTree.Element | None


# Writing


def leaf(name: str, text: str | int | None, **attributes: str) -> Child:
    """A basic element; none where there is no text."""
    if text is None or text == "":
        return None
    element = ElementTree.Element(f"{{{CBC}}}{name}", {key: value for key, value in attributes.items() if value})
    element.text = _UNCARRIED.sub("", str(text))
    return element


def branch(name: str, *children: Child | Iterable[Child]) -> Child:
    """An aggregate of what is there; none where nothing is."""
    element = ElementTree.Element(f"{{{CAC}}}{name}")
    element.extend(_flat(children))
    return element if len(element) else None


def document(name: str, order: str, children: Iterable[Child]) -> bytes:
    """A whole document, its parts in the order of the schema."""
    places = {each: at for at, each in enumerate(order.split())}
    root = ElementTree.Element(f"{{{DOCUMENT.format(name=name)}}}{name}")
    root.extend(sorted(_flat([children]), key=lambda each: places[each.tag.rpartition("}")[2]]))
    for prefix, space in (("", DOCUMENT.format(name=name)), ("cbc", CBC), ("cac", CAC)):
        ElementTree.register_namespace(prefix, space)
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n").encode()


def _flat(children: Iterable[Child | Iterable[Child]]) -> list[ElementTree.Element]:
    flat: list[ElementTree.Element] = []
    for child in children:
        if isinstance(child, ElementTree.Element):
            flat.append(child)
        elif child is not None:
            flat += [each for each in child if each is not None]
    return flat


# Reading


class Node(Struct):
    """An element as it was read: its name, its text, its attributes, its elements; and its place as XPath."""

    name: str
    path: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = []

    def all(self, path: str) -> list[Node]:
        """Every element at a path like `Delivery/Shipment`."""
        found = [self]
        for name in path.split("/"):
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, path: str) -> Node | None:
        return next(iter(self.all(path)), None)

    def value(self, path: str) -> str:
        """The text at a path; empty where there is none."""
        found = self.first(path)
        return "" if found is None else found.text


def refuse(node: Node, why: Why, code: Code = Code.INVALID_VALUE, right: str = "", path: str = "") -> NoReturn:
    """Say what is wrong with an element, or with what is missing in it at `path`."""
    where = f"{node.path}/{path}" if path else node.path
    said = node.value(path) if path else node.text
    raise FlawedError(Flaw(why=why, code=code, tag=node.name, path=where, said=short(said), right=right))


def need(node: Node, path: str) -> Node:
    """The element at a path, which must be there."""
    found = node.first(path)
    if found is None or not (found.text or found.children):
        raise FlawedError(Flaw(why=Why.ELEMENT_MISSING, code=Code.MISSING, tag=node.name, path=f"{node.path}/{path}"))
    return found


def parse(data: bytes) -> Node:
    """The root of a document. Raises FlawedError."""
    if len(data) > LARGEST_BYTES:
        _unreadable(Why.TOO_LARGE, right=f"≤ {LARGEST_BYTES} bytes")
    builder = _Builder()
    parser = expat.ParserCreate(encoding="UTF-8", namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.EntityDeclHandler = builder.doctype
    parser.ProcessingInstructionHandler = builder.instruction
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        _unreadable(Why.NOT_READABLE, said=f"{error.lineno}:{error.offset}", right="XML 1.0, UTF-8")
    assert builder.root is not None, "a document that was parsed has a root"
    return builder.root


def _unreadable(why: Why, said: str = "", right: str = "") -> NoReturn:
    raise FlawedError(Flaw(why=why, code=Code.UNSPECIFIED, path="/", said=short(said), right=right))


class _Builder:
    """Takes the parser's events; keeps the open elements."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) >= DEEPEST:
            _unreadable(Why.TOO_MANY_PARTS, right=f"≤ {MOST_ELEMENTS}, ≤ {DEEPEST}")
        space, _, local = name.rpartition("}")
        if not self._open:
            node = Node(local, f"/{local}", {**attributes, "xmlns": space}, children=[])
            self.root = node
        else:
            above = self._open[-1]
            nth = sum(1 for each in above.children if each.name == local) + 1 if len(above.children) < 500 else 0
            node = Node(local, f"{above.path}/{local}" + (f"[{nth}]" if nth > 1 else ""), attributes, children=[])
            # An element of another namespace is carried along under a name that nothing here asks for.
            if space not in (CBC, CAC):
                node.name = f"{space}}}{local}"
            above.children.append(node)
        self._open.append(node)

    def end(self, name: str) -> None:
        node = self._open.pop()
        node.text = node.text.strip()

    def text(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def doctype(self, *_: object) -> None:
        _unreadable(Why.NOT_READABLE, said="<!DOCTYPE", right="no DOCTYPE, no ENTITY")

    def instruction(self, *_: object) -> None:
        _unreadable(Why.NOT_READABLE, said="<?", right="no processing instruction")
