"""Percentages, ranges, measures, fractions and all other numbers in words.

Pure; every pattern is linear in its text. No digit is left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scenariod.voices.words import numbers
from scenariod.voices.words.moments import spoken_years
from scenariod.voices.words.money import NUMBER, number_words

if TYPE_CHECKING:
    from collections.abc import Callable

_RANGE = re.compile(
    rf"(?<![\w.,:/#-])(?P<low>{NUMBER})(?P<unit>%|°[CF]?|[kKMBxX](?=[ –-]))?"
    rf"(?P<dash> ?[–—-] ?)(?P<high>{NUMBER})(?![\d.]*-\d)"
)
_CODE = re.compile(r"(?<![\w.,-])\d++(?:-\d++){2,8}(?![\w-])")
_DOTTED = re.compile(r"(?<![\d.])\d++(?:\.\d++){2,8}(?![\d])")
_ORDINAL = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,6}|\d++)(?:st|nd|rd|th|ST|ND|RD|TH)(?![a-z])"
)
_FRACTION = re.compile(r"(?<![\w/.,])(?:(\d++)[ -]{1,2})?(\d{1,2})/(\d{1,2})(?![\w/]|\.\d)")
_OUT_OF = re.compile(rf"(?<![\w/.,])({NUMBER})/({NUMBER})(?![\w/])")
_FEET = re.compile(r"(?<![\w.])(\d{1,2})'(\d{1,2})(?:\"|''|(?!\w))")
_BY = re.compile(r"(?<=\d) ?[xX×] ?(?=\d)")
_TIMES = re.compile(r"(?<=[\w)]) ?× ?|× ?|(?<=\d) ?\* ?(?=\d)|(?<!\w)[xX](?=\d{1,3}\b)")

_UNITS = {
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer", "mi": "mile",
    "ft": "foot", "yd": "yard", "in": "inch", "oz": "ounce", "lb": "pound", "lbs": "pound",
    "g": "gram", "kg": "kilogram", "mg": "milligram", "ml": "milliliter", "mL": "milliliter",
    "L": "liter", "l": "liter", "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute",
    "mins": "minute", "s": "second", "sec": "second", "secs": "second", "ms": "millisecond",
    "wk": "week", "wks": "week", "mo": "month", "mos": "month", "yr": "year", "yrs": "year",
    "y": "year", "d": "day", "yo": "year-old", "y/o": "year-old", "sq ft": "square foot",
    "sqft": "square foot", "sq. ft.": "square foot", "mph": "mile per hour",
    "km/h": "kilometer per hour", "kph": "kilometer per hour", "KB": "kilobyte", "kB": "kilobyte",
    "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "Mbps": "megabit per second",
    "Gbps": "gigabit per second", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz",
    "GHz": "gigahertz", "W": "watt", "kW": "kilowatt", "kWh": "kilowatt hour", "V": "volt",
    "mAh": "milliamp hour", "cal": "calorie", "cals": "calorie", "kcal": "kilocalorie",
    "px": "pixel", "fps": "frame per second", "bps": "basis point", "°": "degree",
    "°F": "degree Fahrenheit", "°C": "degree Celsius", "° F": "degree Fahrenheit",
    "° C": "degree Celsius", "x": "time", "X": "time", "%": "percent",
    "k": "thousand", "K": "thousand", "M": "million", "MM": "million", "B": "billion",
    "bn": "billion",
}  # fmt: skip
_ATTACHED = {"m", "in", "g", "L", "l", "h", "s", "y", "d", "W", "V", "x", "X", "k", "K", "M",
             "B", "MM", "mo", "yo"}  # fmt: skip
"""A letter after a space is more often a word than one of these units."""
_INVARIANT = frozenset({"percent", "thousand", "million", "billion", "hertz", "year-old"})
_LONGEST_FIRST = sorted(_UNITS, key=len, reverse=True)
_MEASURE = re.compile(
    rf"(?P<article>\b[Aa]n? )?(?<![\w.,])(?P<number>{NUMBER})(?P<plus>\+)?"
    r"(?:(?P<space>[ -])(?P<apart>"
    + "|".join(re.escape(unit) for unit in _LONGEST_FIRST if unit not in _ATTACHED)
    + r")|(?P<attached>" + "|".join(map(re.escape, _LONGEST_FIRST)) + r"))(?![\w°]|'\w)"
)  # fmt: skip
_PER = {"hour": "hour", "hr": "hour", "h": "hour", "day": "day", "week": "week", "wk": "week",
        "month": "month", "mo": "month", "year": "year", "yr": "year", "minute": "minute",
        "min": "minute", "second": "second", "sec": "second", "night": "night", "person": "person",
        "session": "session", "pound": "pound", "lb": "pound", "kg": "kilogram", "head": "head",
        "item": "item", "unit": "unit", "page": "page", "word": "word", "mile": "mile",
        "gallon": "gallon", "student": "student", "user": "user", "class": "class",
        "visit": "visit"}  # fmt: skip
_PER_UNIT = re.compile(
    r"(?<=[\w.)%])/(" + "|".join(sorted(_PER, key=len, reverse=True)) + r")\b", re.I
)
_NAMED_NUMBER = re.compile(r"#(?=\d)|\b[Nn]o\. ?(?=\d)")
_VERSION = re.compile(r"\b[vV]\.?(?=\d)")
_BORDER = re.compile(r"(?<=[^\W\d])-?(?=\d)|(?<=\d)(?=[^\W\d])")
_BASICS = re.compile(r"(?<=[a-z] )101\b(?! ?\w)")
"""As in Fashion 101."""
_MINUS = re.compile(r"(?<![\w)'])-(?=\.?\d)")
_ANY = re.compile(rf"(?P<number>{NUMBER}|\.\d++)")


def spoken_amounts(text: str) -> str:
    """Return `text` with every number in words, and the signs and units that belong to it."""
    rules: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
        (_VERSION, "version "),
        (_PER_UNIT, lambda match: f" per {_PER[match[1].lower()]}"),
        (_CODE, _code),
        (_RANGE, _range),
        (_DOTTED, lambda match: " point ".join(map(numbers.cardinal, match[0].split(".")))),
        (_ORDINAL, lambda match: numbers.ordinal(match[1].replace(",", ""))),
        (_NAMED_NUMBER, "number "),
        (_FRACTION, _fraction),
        (_OUT_OF, lambda match: f"{number_words(match[1])} out of {number_words(match[2])}"),
        (_FEET, _feet),
        (_BY, " by "),
        (_TIMES, " times "),
        (_MINUS, "minus "),
        (_MEASURE, _measure),
        (_BORDER, " "),
        (_BASICS, "one oh one"),
    )
    for pattern, spoken in rules:
        text = pattern.sub(spoken, text)
    return _ANY.sub(_plain, spoken_years(text))


def _plain(match: re.Match[str]) -> str:
    return number_words(match[0]) if match[0][0] != "." else f" {number_words(match[0])}"


def _range(match: re.Match[str]) -> str:
    """Return "low to high" in digits; a code is spelled, and a falling one with spaces is a sum."""
    low, high, unit, dash = match["low"], match["high"], match["unit"] or "", match["dash"]
    if any(part[0] == "0" and part.isdigit() and len(part) > 1 for part in (low, high)):
        return ", ".join(numbers.by_digit(re.sub(r"\D", "", part)) for part in (low, high))
    if match.string.endswith("between ", 0, match.start()):
        return f"{low}{unit} and {high}"
    falls = len(low) < 16 and len(high) < 16 and _value(low) > _value(high)
    return f"{low}{unit} {'minus' if falls and ' ' in dash else 'to'} {high}"


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _code(match: re.Match[str]) -> str:
    """Return groups of digits between hyphens: long ones digit by digit."""
    groups = match[0].split("-")
    say = numbers.by_digit if any(len(group) > 2 for group in groups) else numbers.cardinal
    return ", ".join(map(say, groups))


def _fraction(match: re.Match[str]) -> str:
    """Return a fraction as one says it, whole number first; what is more like a score stays."""
    whole, above, below = match.groups()
    usual = below in ("2", "3", "4", "8", "16") or (above == "1" and below in ("5", "6", "10"))
    if not (usual and 0 < int(above) < int(below)):
        return match[0]
    words = numbers.fraction(above, below)
    if whole is None:
        return words
    words = f"a {words[4:]}" if words.startswith("one ") else words
    return f"{numbers.cardinal(whole)} and {words}"


def _feet(match: re.Match[str]) -> str:
    feet, inches = numbers.cardinal(match[1]), match[2].lstrip("0")
    return f"{feet} foot {numbers.cardinal(inches)}" if inches else f"{feet} foot"


def _measure(match: re.Match[str]) -> str:
    """Return a number and its unit; after "a", or a hyphen, the unit has no plural."""
    unit = _UNITS[match["apart"] or match["attached"]]
    number = match["number"]
    single = number == "1" or match["article"] or match["space"] == "-" or unit in _INVARIANT
    space = "-" if match["space"] == "-" else " "
    plus = " plus" if match["plus"] else ""
    name = unit if single else _plural(unit)
    return f"{match['article'] or ''}{number_words(number)}{plus}{space}{name}"


def _plural(unit: str) -> str:
    first, _, rest = unit.partition(" ")
    if first in ("square", "kilowatt", "milliamp", "basis"):
        return f"{first} {_plural(rest)}"
    plurals = {"foot": "feet", "inch": "inches"}
    return f"{plurals.get(first) or first + 's'} {rest}".rstrip()
