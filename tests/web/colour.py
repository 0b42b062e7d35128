"""Colours of the style sheet: what screens show of them, how they stand out, and how those see them who see fewer."""

from __future__ import annotations

import re
from math import cos, dist, radians, sin

Triple = tuple[float, float, float]

_TOKEN = re.compile(r"--(?P<name>[\w-]+): light-dark\(oklch\((?P<light>[^)]+)\), oklch\((?P<dark>[^)]+)\)\)")
_OKLAB = ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728), (1.0, -0.0894841775, -1.291485548))
_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.707614701),
)
_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB = ((0.2104542553, 0.793617785, -0.0040720468), (1.9779984951, -2.428592205, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.808675766))  # fmt: skip
# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
SEEN_BY = {
    "all": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def tokens(css: str, mode: str) -> dict[str, Triple]:
    """The colours of a mode, `light` or `dark`, by name, as linear RGB."""
    return {found["name"]: _linear(*map(float, found[mode].split())) for found in _TOKEN.finditer(css)}


def contrast(one: Triple, other: Triple) -> float:
    """How a text stands out, as WCAG has it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def difference(one: Triple, other: Triple, seen_by: str) -> float:
    """How far two colours are from each other in OKLab; 0.02 is what one just notices."""
    return dist(_lab(_times(SEEN_BY[seen_by], one)), _lab(_times(SEEN_BY[seen_by], other)))


def _linear(lightness: float, chroma: float, hue: float) -> Triple:
    angle = radians(hue)
    roots = _times(_OKLAB, (lightness, chroma * cos(angle), chroma * sin(angle)))
    red, green, blue = _times(_RGB, (roots[0] ** 3, roots[1] ** 3, roots[2] ** 3))
    return _shown(red), _shown(green), _shown(blue)


def _shown(value: float) -> float:
    return min(1.0, max(0.0, value))


def _luminance(colour: Triple) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def _lab(colour: Triple) -> Triple:
    long, middle, short = _times(_LMS, (_shown(colour[0]), _shown(colour[1]), _shown(colour[2])))
    return _times(_LAB, (long ** (1 / 3), middle ** (1 / 3), short ** (1 / 3)))


def _times(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third
