"""Money in words: an amount, its currency, a range of it.

Pure; every pattern is linear in its text.
"""

from __future__ import annotations

import re

from scenariod.voices.words import numbers

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d++)(?:\.\d++)?"
"""A number as it is written, its thousands parted by commas or not."""

_SCALES = {"k": " thousand", "m": " million", "mm": " million", "mil": " million", "b": " billion",
           "bn": " billion", "t": " trillion", "tn": " trillion"}  # fmt: skip
_SCALE = r"(?:(?:K|k|MM|M|m|mil|B|b|bn|T|tn)(?!\w)|[ -](?i:thousand|million|billion|trillion)\b)"
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "", ""),
    "₿": ("bitcoin", "bitcoins", "", ""),
    "¢": ("cent", "cents", "", ""),
}
_ARTICLE = r"(?P<article>\b[Aa]n? )?"
_SIGN = r"(?P<sign>(?<![\w)])[-+])?"
_MONEY = re.compile(
    rf"{_ARTICLE}{_SIGN}(?:\b(?:US|CA|AU))?(?P<mark>[$€£¥₹₿])(?P<inner>-)? ?"
    rf"(?P<number>{NUMBER})(?P<scale>{_SCALE})?"
    rf"(?:(?: ?[–-] ?| to )[$€£¥₹₿]?(?P<upper>{NUMBER})(?P<upper_scale>{_SCALE})?(?![\w%]))?"
    r"(?P<plus>\+)?(?: (?i:dollars?|bucks|euros?|pounds)\b)?"
)
_MONEY_AFTER = re.compile(
    rf"{_ARTICLE}{_SIGN}(?<![\w.,])(?P<inner>-)?(?P<number>{NUMBER})(?P<scale>{_SCALE})?"
    r" ?(?P<mark>[$€£¥¢])(?P<upper>)(?P<upper_scale>)(?P<plus>\+)?(?!\d)"
)
_MUCH_MONEY = re.compile(r"\${2,}")
_TICKER = re.compile(r"\$([A-Z]{1,5})\b")


def spoken_money(text: str) -> str:
    """Return `text` with amounts of money in words: "$5 million" is "five million dollars"."""
    text = _MONEY_AFTER.sub(_money, _MONEY.sub(_money, text))
    text = _TICKER.sub(lambda match: " ".join(match[1]), text)
    return _MUCH_MONEY.sub("money", text)


def number_words(number: str) -> str:
    """Return a number as it is written, with commas or a point, in words."""
    return numbers.decimal(number.replace(",", ""))


def _money(match: re.Match[str]) -> str:
    minus = "minus " if match["inner"] or match["sign"] == "-" else ""
    sign = "plus " if match["sign"] == "+" else minus
    plus = " plus" if match["plus"] else ""
    return f"{match['article'] or ''}{sign}{_amount(match)}{plus}"


def _amount(match: re.Match[str]) -> str:
    """Return the amount; after "a" its currency is an adjective, which has no plural."""
    one, many, cent, cents = _CURRENCIES[match["mark"]]
    many = one if match["article"] else many
    number, scale = match["number"], _scale(match["scale"])
    if match["upper"]:
        upper_scale = _scale(match["upper_scale"])
        scale = "" if scale in ("", upper_scale) else scale
        to = "and" if match.string.endswith("between ", 0, match.start()) else "to"
        upper = number_words(match["upper"]) + upper_scale
        return f"{number_words(number)}{scale} {to} {upper} {many}"
    whole, _, part = number.partition(".")
    if scale or len(part) != 2 or not cent:
        return f"{number_words(number)}{scale} {one if number == '1' and not scale else many}"
    words = [f"{number_words(whole)} {one if whole == '1' else many}"] if whole.strip("0") else []
    if int(part) or not words:
        words.append(f"{numbers.cardinal(str(int(part)))} {cent if part == '01' else cents}")
    return " and ".join(words)


def _scale(written: str | None) -> str:
    if not written:
        return ""
    return _SCALES.get(written.lower()) or f" {written[1:].lower()}"
