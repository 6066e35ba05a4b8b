"""What every published page is held to: no figure without a source, nothing remote, no script that nothing names.

The page of all summaries alone may be larger than the others and has a script, by its hash in the policy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, Tag
from jsonpointer import JsonPointerException, resolve_pointer

from helpers.core.text import Style, spell, width_of

#: Digits that are part of a name, not a measurement: the whole list.
NAMES = (
    r"ROUGE-[12](?!\d)",
    r"\bp(?:50|90|95|99)\b",
    r"\b95 %(?= (?:interval|confidence))",
    r"\b(?:406|135) M\b",
    r"\b(?:fp32|fp16|bf16|int8|int4)\b",
    r"\b4-bit\b",
    r"\bSmolLM2-135M\b",
    r"\b(?:HTTP|returns) [1-5]\d\d\b",
    r"\b(?:per|of) 1,000\b|\b1,000 (?:requests|tokens|cost)\b",
    r"\bSHA-256\b",
    r"(?<![\d.,])0[1-7](?!\d|[.,]\d)",
)
#: The page that may have a script, and how large pages may be, bytes.
EXPLORER, LARGEST_EXPLORER, LARGEST = "02-summaries.html", 1_000_000, 200_000
_OUTSIDE_RULE = ("data", "svg", "code", "pre", "style", "script")
_REMOTE_ATTRIBUTES = ("src", "href", "srcset", "action", "poster", "data", "xlink:href")


def loose_digits(html: str, names: Iterable[str] = ()) -> list[str]:
    """Return every text with a digit that is no cited figure, no quotation, no code and no name.

    ``names`` are regular expressions of further names, for one page.
    """
    allowed = re.compile("|".join((*NAMES, *names)))
    texts = (node for node in BeautifulSoup(html, "html.parser").find_all(string=re.compile(r"\d")) if _is_prose(node))
    return [str(text).strip() for text in texts if re.search(r"\d", allowed.sub("", text))]


def broken_rules(name: str, html: str, tree: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a published page; what is packed in it is held to the rules too."""
    is_explorer, whole = name == EXPLORER, html + unpacked(html)
    scripts = named_scripts(html) if is_explorer else []
    found = [
        *loose_digits(whole),
        *wrong_citations(whole, tree),
        *remote_references(html, scripts),
        *repeated_ids(html),
    ]
    size, largest = len(html.encode()), LARGEST_EXPLORER if is_explorer else LARGEST
    return [*found, *([f"{size} bytes"] if size > largest else [])]


def named_scripts(html: str) -> list[str]:
    """Return the scripts of a page whose hash is in its policy."""
    soup = BeautifulSoup(html, "html.parser")
    policy = str(soup.select_one("meta[http-equiv=Content-Security-Policy]"))
    digests = {
        tag: base64.b64encode(hashlib.sha256(tag.get_text().encode()).digest()).decode() for tag in soup("script")
    }
    return [str(tag) for tag, digest in digests.items() if f"script-src 'sha256-{digest}'" in policy]


def unpacked(html: str) -> str:
    """Return as HTML what is packed in a page."""
    packed = re.search(r'<template data-bytes="(\d+)">(.*?)</template>', html)
    if packed is None:
        return ""
    text = packed[2].translate(str.maketrans(".:/", "&<>"))
    parts = json.loads(zlib.decompress(base64.b85decode(text)[: int(packed[1])]))
    return "".join(about + rest for _, about, rest in parts)


def wrong_citations(html: str, tree: Mapping[str, Any]) -> list[str]:
    """Return every ``<data>`` whose address, value and spelling do not agree; ``tree`` maps a file to its JSON."""
    return [problem for data in BeautifulSoup(html, "html.parser").find_all("data") if (problem := _wrong(data, tree))]


def results_tree(folder: Path) -> dict[str, Any]:
    """Return the content of every JSON file under a folder, by its path from there."""
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def remote_references(html: str, scripts: Iterable[str] = ()) -> list[str]:
    """Return every script but ``scripts``, and every reference that is not to this site or to data inside the page."""
    soup = BeautifulSoup(html, "html.parser")
    allowed = set(scripts)
    found = [str(tag) for tag in soup.find_all(["script", "iframe", "object", "embed", "base"])]
    found = [tag for tag in found if tag not in allowed]
    found += [str(tag) for tag in soup.find_all(lambda tag: any(name.startswith("on") for name in tag.attrs))]
    for tag in soup.find_all(True):
        for name in _REMOTE_ATTRIBUTES:
            parts = urlsplit(str(tag.get(name, "")))
            if parts.netloc or parts.scheme not in ("", "data"):
                found.append(f"<{tag.name} {name}={tag[name]}>")
    styles = [style.get_text() for style in soup.find_all("style")] + [
        str(tag["style"]) for tag in soup.select("[style]")
    ]
    return found + [style for style in styles if re.search(r"@import|url\((?!#|['\"]?data:)", style)]


def broken_links(pages: Mapping[str, str], files: Iterable[str] = ()) -> list[str]:
    """Return every link that leads nowhere; ``pages`` maps a file name to its HTML, ``files`` lie beside them."""
    soups = {name: BeautifulSoup(html, "html.parser") for name, html in pages.items()}
    ids = {name: set[str]() for name in files}
    ids |= {name: {str(tag["id"]) for tag in soup.find_all(id=True)} for name, soup in soups.items()}
    links = [(name, str(tag["href"])) for name, soup in soups.items() for tag in soup.find_all("a", href=True)]
    return [f"{name}: {href}" for name, href in links if not _leads_somewhere(name, href, ids)]


def repeated_ids(html: str) -> list[str]:
    """Return every id that two elements share."""
    ids = [str(tag["id"]) for tag in BeautifulSoup(html, "html.parser").find_all(id=True)]
    return sorted({name for name in ids if ids.count(name) > 1})


def _is_prose(node: NavigableString) -> bool:
    if isinstance(node, Comment) or node.find_parent(_OUTSIDE_RULE):
        return False
    # the ends of a scale are no figures: in HTML as little as in a drawing
    return type(node) is NavigableString and node.find_parent(class_=["quoted", "axis"]) is None


def _wrong(data: Tag, tree: Mapping[str, Any]) -> str:
    file, _, pointer = str(data["data-from"]).partition("#")
    if file not in tree:
        return f"{data}: there is no {file}"
    try:
        found = resolve_pointer(tree[file], pointer)
    except JsonPointerException as error:
        return f"{data}: {error}"
    value = json.loads(str(data["value"]))
    if isinstance(found, bool) or not isinstance(found, int | float) or found != value:
        return f"{data}: the result says {found!r}"
    text, whole = data.get_text(), resolve_pointer(tree[file], pointer.rpartition("/")[0])
    ends = (whole.get("low"), whole.get("high")) if isinstance(whole, dict) else (None, None)
    spellings = {
        spell(value, style, bare=bare, width=width)
        for style in get_args(Style)
        for bare in (False, True)
        for width in (None, width_of(*ends))
    }
    # An interval says its unit once, so its lower end may stand without one.
    if any(spelling == text or spelling.partition(" ")[0] == text for spelling in spellings):
        return ""
    return f"{data}: no way to write {value}"


def _leads_somewhere(page: str, href: str, ids: Mapping[str, set[str]]) -> bool:
    parts = urlsplit(href)
    target = parts.path or page
    return target in ids and (not parts.fragment or unquote(parts.fragment) in ids[target])
