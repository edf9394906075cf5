"""Inline SVG from matplotlib figures: without clashing ids, style attributes or fixed colours.

A page's security policy forbids style attributes, so they become presentation attributes; colours become CSS variables, so
one chart works in light and dark. `charts.py` draws the charts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG = "http://www.w3.org/2000/svg"
HREF = "{http://www.w3.org/1999/xlink}href"
UNUSED = (f"{{{SVG}}}metadata", f"{{{SVG}}}style")
FONTS = "system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
_USES = re.compile(r"url\(#([^)]+)\)")


def inline(figure: Figure, name: str, description: str, variables: Mapping[str, str]) -> str:
    """Convert a figure to an `<svg>` element. Equal figures give equal text.

    `name` must be unique on the page; `variables` maps colours (`#1d2733`) to their replacements (`var(--ink)`).
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(out.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in UNUSED:
                parent.remove(child)
    referenced = {e.attrib[HREF][1:] for e in root.iter() if HREF in e.attrib}
    referenced |= {used for e in root.iter() for value in e.attrib.values() for used in _USES.findall(value)}
    for element in root.iter():
        _simplify(element, name, referenced, variables)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-alt", "stroke-linejoin": "round"})
    root.attrib.update({"font-family": "inherit", "class": "chart"})
    title = ElementTree.Element(f"{{{SVG}}}title", {"id": f"{name}-alt"})
    title.text = description
    root.insert(0, title)
    ElementTree.register_namespace("", SVG)
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r">\s+<", "><", text)


def adapt_to_theme(text: str, dark: Mapping[str, str]) -> str:
    """Let an SVG file follow the reader's light or dark theme, and set its type in the system's font.

    text: as matplotlib writes it; dark: the dark colour for each light one, as `#1d2733`.
    """
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{colour}!important}}'
        for light, colour in sorted(dark.items())
        for kind in ("fill", "stroke")
    )
    style = (
        f"<style>text{{font-family:{FONTS}!important}}@media (prefers-color-scheme:dark){{{rules}}}</style>"
    )
    start = text.index(">", text.index("<svg")) + 1
    return text[:start] + style + text[start:]


def _simplify(
    element: ElementTree.Element, name: str, referenced: set[str], variables: Mapping[str, str]
) -> None:
    """Replace style attributes by presentation attributes and colours by variables; make ids unique."""
    attributes = element.attrib
    style = attributes.pop("style", "")
    for part in filter(None, (part.strip() for part in style.split(";"))):
        key, value = (side.strip() for side in part.split(":", 1))
        if key == "font":  # the shorthand is no attribute: "700 12px 'DejaVu Sans'"
            attributes["font-size"] = next(iter(re.findall(r"[\d.]+px", value)), "12px")
            if re.search(r"\b(bold|700)\b", value):
                attributes["font-weight"] = "700"
        elif key != "font-family":
            attributes[key] = value
    if "id" in attributes and attributes["id"] not in referenced:
        del attributes["id"]
    elif "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    if HREF in attributes:
        attributes["href"] = f"#{name}-{attributes.pop(HREF)[1:]}"
    for key, value in attributes.items():
        value = _USES.sub(lambda match: f"url(#{name}-{match[1]})", value)
        attributes[key] = variables.get(value.lower(), value)
