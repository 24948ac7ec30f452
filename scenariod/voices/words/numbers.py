"""Numbers in words: cardinals, ordinals, years, decimals and fractions of American English.

Pure. A number is a string of ASCII digits, of any length; thousands have no commas.
"""

from __future__ import annotations

MOST_DIGITS = 15
"""A longer number is read digit by digit, as a person would."""

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
         "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
         "seventeen", "eighteen", "nineteen"]  # fmt: skip
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy",
         "eighty", "ninety"]  # fmt: skip
_SCALES = ("", " thousand", " million", " billion", " trillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def by_digit(digits: str) -> str:
    """Return each digit as a word: "007" is "zero zero seven"."""
    return " ".join(_ONES[int(digit)] for digit in digits)


def cardinal(digits: str) -> str:
    """Return a whole number: "342" is "three hundred forty-two".

    One with zeros in front, or of more than MOST_DIGITS, is read digit by digit.
    """
    if len(digits) > MOST_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return by_digit(digits)
    number = int(digits)
    if not number:
        return _ONES[0]
    words = []
    for power in reversed(range(len(_SCALES))):
        group = number // 1000**power % 1000
        if group:
            words.append(_below_thousand(group) + _SCALES[power])
    return " ".join(words)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        words.append(_below_hundred(rest))
    return " ".join(words)


def _below_hundred(number: int) -> str:
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]}-{_ONES[ones]}" if ones else _TENS[tens]


def decimal(number: str) -> str:
    """Return a number that may have a point: "2.05" is "two point zero five"."""
    whole, point, fraction = number.partition(".")
    if not point:
        return cardinal(whole)
    return (
        f"{cardinal(whole)} point {by_digit(fraction)}" if whole else f"point {by_digit(fraction)}"
    )


def ordinal(digits: str) -> str:
    """Return the ordinal: "501" is "five hundred first"."""
    words = cardinal(digits)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:cut], words[cut:]
    if last in _ORDINALS:
        return head + _ORDINALS[last]
    return f"{head}{last[:-1]}ieth" if last.endswith("y") else f"{head}{last}th"


def plural(words: str) -> str:
    """Return the plural of a number's words: "twenty" is "twenties"."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def fraction(numerator: str, denominator: str) -> str:
    """Return a common fraction: "3", "4" is "three quarters"; "1", "2" is "one half"."""
    named = {"2": "half", "4": "quarter"}
    part = named.get(denominator) or ordinal(denominator)
    if numerator == "1":
        return f"one {part}"
    return f"{cardinal(numerator)} {'halves' if part == 'half' else part + 's'}"


def year(digits: str) -> str:
    """Return four digits as a year: "1905" is "nineteen oh five"."""
    century, rest = digits[:2], digits[2:]
    if digits[1] == "0" and digits[2] == "0":
        return cardinal(digits)
    if rest == "00":
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' + cardinal(rest[1]) if rest[0] == '0' else cardinal(rest)}"


def decade(digits: str) -> str:
    """Return a decade or a round number in the plural: "1980" is "nineteen eighties"."""
    if len(digits) > 2 and not digits[1:].strip("0"):
        return plural(cardinal(digits)).removeprefix("one ")
    return plural(year(digits) if len(digits) == 4 else cardinal(digits))
