"""Find labels such as `Dr. Chen:`, and decide which of them name somebody who speaks.

Pure. Looks at the first characters of a line, and within lines after the end of a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2

from scenariod.voices import people
from scenariod.voices.people import CAPITALS, LETTERS, NAME_SIGNS, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_NAMES = 100
"""How many speakers a text can have; a longer list of labels is not a dialogue."""

_MOST_SIGHTED = 1_000
_MOST_LABEL = 200
_LETTER, _CAPITAL, _SIGN = f"[{LETTERS}]", f"[{CAPITALS}]", f"[{NAME_SIGNS}]"
_WORD = rf"[{LETTERS}0-9]{_SIGN}*"
_BRACKET = r"(?:\s?[(\[]([^()\[\]]{1,80})[)\]])?"
_AT_START = re2.compile(
    r"^\s*(?:>\s?)?"
    r"(?:[\[(]?(?:[\d./-]{6,10},?\s)?\d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp][Mm])?[\])]?[\s,-]+)?"
    rf"(?:\*\*|__|<)?((?:/?[uU]/|@)?{_WORD}(?:\s(?:{_WORD}|&)){{0,5}})(?:,\s\d{{1,3}})?{_BRACKET}"
    r"(?:\*\*|__|>)?\s?[:：](?:\*\*|__)?((?:\s|[\"“'‘«\[*(]|$))"
)
_INSIDE = re2.compile(
    rf"[.!?…\"”'’)\]*]\s+((?:[uU]/|@)?{_CAPITAL}{_SIGN}*(?:\s[{CAPITALS}0-9]{_SIGN}*){{0,4}})"
    rf"{_BRACKET}:(\s)"
)
_SPOKEN = re2.compile(rf"^\s*(?:\[[^\[\]]*\]\s*)?[\"“'‘«]|^\s*\[{_LETTER}")
_STAGED = re2.compile(rf"^\s*(?:\*{_LETTER}[^*]+\*|\([^()]+\))")
_SURE = rf"(?:/?[uU]/|@){_SIGN}+|{_LETTER}[{LETTERS}0-9]*_[{LETTERS}0-9_]+"
_SURE_HANDLE = re2.compile(_SURE)
_HANDLE = re2.compile(
    rf"{_SURE}|{_LETTER}{_LETTER}+\d+[{LETTERS}\d]*|{_CAPITAL}[a-z]+{_CAPITAL}[{LETTERS}\d]*"
)
_LATER = re2.compile(r"(?i)\s(?:again|later|now|today|tonight|yesterday|finally|earlier)$")
_ABSTRACT = re2.compile(
    r"(?:tion|sion|ment|ness|ity|ism|ence|ance|ing|ings|ure|ology|graphy|ship|age|acy|als?|ies|ions)$"
)


@dataclass(frozen=True, slots=True)
class Label:
    """A label in a line: its `bracket` is "5" in `EMMA (5):`; `body`: where the words begin."""

    name: str
    bracket: str | None
    start: int
    body: int


def at_start(line: str) -> Label | None:
    """Return the label that `line` begins with, whatever it names."""
    found = _AT_START.match(line[:_MOST_LABEL])
    return _label(found, body=found.start(3)) if found and _has_shape(found.group(1)) else None


def inside(line: str) -> Iterator[Label]:
    """Yield the labels after the end of a sentence in `line`, whatever they name."""
    if line.count(":") > 1:
        for found in _INSIDE.finditer(line):
            if _has_shape(found.group(1)):
                yield _label(found, body=found.start(3))


def pattern_of(names: Iterable[str]) -> re2._Regexp | None:
    """Return what finds one of `names` as a label after the end of a sentence, or None for none."""
    longest_first = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    either = "|".join(re2.escape(name) for name in longest_first[: 3 * MOST_NAMES])
    return re2.compile(rf"[.!?…\"”'’)\]*—-]\s+({either}){_BRACKET}:(\s)") if either else None


def found_by(pattern: re2._Regexp, line: str) -> Iterator[Label]:
    """Yield the labels that `pattern`, from `pattern_of`, finds in `line`."""
    if ":" in line:
        for found in pattern.finditer(line):
            yield _label(found, body=found.start(3))


def _label(found: re2._Match, *, body: int) -> Label:
    name = _LATER.sub("", found.group(1))
    return Label(name, found.group(2), start=found.start(1), body=body)


def is_handle(name: str) -> bool:
    """Return whether `name` looks like somebody's name on a platform, not like a platform's."""
    return bool(_HANDLE.fullmatch(name)) and key_of(name) not in _PLATFORMS


def is_named(name: str) -> bool:
    """Return whether `name` has a title, a first name or both: `Ms. Lee`, `Anna`, `u/x`."""
    words = people.words_of(name)
    if not words or words[-1].endswith(("'s", "’s")):
        return False
    titled = len(words) > 1 and words[0] in people.TITLES and words[-1] not in _THINGS
    return titled or any(
        people.is_first_name(word) and (word not in people.NAMES_LIKE_WORDS or len(words) > 1)
        for word in (words[0], words[-1])
    )


def is_role(name: str) -> bool:
    """Return whether `name` says what somebody is: `Mom`, `Teen 1`, `RANDOM SHOPPER`."""
    words = [word for word in people.words_of(name) if not word.isdigit()]
    return bool(words) and (words[-1] in people.ROLES or words[0] == "mod")


@dataclass(slots=True)
class _Sighting:
    """How often a label stands in a text, and how often before a quote or a stage direction."""

    name: str
    starts: int = 0
    insides: int = 0
    spoken: int = 0
    staged: int = 0
    bodies: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.starts + self.insides


def speakers_among(lines: Iterable[str], *, told: Iterable[str] = ()) -> dict[str, str]:
    """Return the labels in `lines` that name a speaker: key to name as first written.

    `told` are names that are known to be speakers. A medium's label (`Tech Blog:`) is among them.
    """
    seen: dict[str, _Sighting] = {}
    told_keys = {key_of(name) for name in told}
    labelled = plain = 0
    for line in lines:
        plain += bool(line.strip())
        if first := at_start(line):
            labelled += 1
            _note(seen, first, line, is_inside=False)
        for label in inside(line):
            _note(seen, label, line, is_inside=True)
    sure = {key for key, one in seen.items() if key in told_keys or _is_speaker(one)}
    is_dense = labelled * 2 >= plain
    sure |= {
        key
        for key, one in seen.items()
        if sure and _is_in_dialogue(one, seen, sure, is_dense=is_dense)
    }
    return {key: one.name for key, one in seen.items() if key in sure}


def _note(seen: dict[str, _Sighting], label: Label, line: str, *, is_inside: bool) -> None:
    key = key_of(label.name)
    if key not in seen and len(seen) >= _MOST_SIGHTED:
        return
    one = seen.setdefault(key, _Sighting(label.name))
    body = line[label.body : label.body + _MOST_LABEL]
    one.insides += is_inside
    one.starts += not is_inside
    one.spoken += bool(_SPOKEN.search(body))
    one.staged += bool(_STAGED.search(body))


def _is_speaker(one: _Sighting) -> bool:
    """Return whether a label names a speaker whatever stands around it."""
    words = people.words_of(one.name)
    if _is_thing(one.name):
        return False
    if _SURE_HANDLE.fullmatch(one.name):
        return True
    named, role = is_named(one.name), is_role(one.name) or words[-1] in people.PRONOUNS
    if one.starts == 0:
        return one.count > 1 or (one.spoken > 0 and (named or role))
    staged = one.staged > 0 and (named or role or is_handle(one.name))
    if one.spoken or staged:
        return one.name[0].isupper() or named or role
    if is_handle(one.name):
        return key_of(one.name) not in _PLATFORMS and (one.count > 1 or named or "_" in one.name)
    if one.count > 1:
        return named or role or not _is_abstract(words)
    return named and not one.name.islower()


def _is_in_dialogue(
    one: _Sighting, seen: dict[str, _Sighting], sure: set[str], *, is_dense: bool
) -> bool:
    """Return whether a label that could be either names a speaker, as others around it do."""
    words = people.words_of(one.name)
    if _is_thing(one.name):
        return False
    if words[-1] in people.PRONOUNS:
        return True
    if len(sure) > 1 and (is_role(one.name) or is_named(one.name) or is_handle(one.name)):
        return True
    if words[0] in people.GROUP_WORDS or words[-1] in people.GROUP_WORDS:
        return True
    if any(set(words) <= set(people.words_of(seen[key].name)) for key in sure if key in seen):
        return True
    return is_dense and len(sure) > 1 and _could_be_a_name(one.name, sure, seen)


def _could_be_a_name(name: str, sure: set[str], seen: dict[str, _Sighting]) -> bool:
    """Return whether an unknown `name` is written as the speakers around it are."""
    words = people.words_of(name)
    capitals = sum(seen[key].name.isupper() for key in sure if key in seen) * 2 > len(sure)
    is_plural = words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is"))
    return (
        len(words) < 3
        and name.isupper() == capitals
        and all(word[0].isupper() for word in name.split())
        and not is_plural
        and not _is_abstract(words)
    )


def _is_abstract(words: list[str]) -> bool:
    return words[0] in ("the", "a", "an") or bool(_ABSTRACT.search(words[-1]))


def _is_thing(name: str) -> bool:
    """Return whether `name` is a heading, an item of a list or the head of a form."""
    nouns = [word.strip(".'’") for word in key_of(name).split() if not word.isdigit()]
    if nouns and nouns[0] in _SEVERAL:
        return len(nouns) > 1 and nouns[-1] in _OPENINGS
    if not nouns or nouns[-1] in _THINGS:
        return True
    return nouns[0] in _OPENINGS and not is_named(name) and not is_role(name)


def _has_shape(name: str) -> bool:
    """Return whether `name` could name somebody at all."""
    words = name.split()
    lower = [word.casefold().replace("’", "'") for word in words]
    if len(words) > 5 or any(word in _FUNCTION_WORDS for word in lower):
        return False
    if lower[0] in ("my", "our", "his", "her") and len(words) > 1:
        return lower[-1] in people.ROLES
    if any(word[-1] in ".'’" and len(word) > 6 for word in words):
        return False
    if _HANDLE.fullmatch(name):
        return True
    first = words[0][0]
    return not first.isdigit() and (first.isupper() or not first.islower() or len(words) == 1)


_SEVERAL = frozenset(("all", "both", "everyone", "everybody"))
_FUNCTION_WORDS = frozenset(
    """
    i'm i've i'll i'd it's that's this these those am is are was were be been being do does did has
    have had will would could should may might must not no yes how what why when where which who
    whose if then than but so because while about at by for from in into on onto to with without
    says said say writes wrote asks asked posted shared look here there here's there's what's your
    their its your's you you're they're we're claim claims think thinks just also only even still
    update: vs per via until since after before
    """.split()  # noqa: SIM905 -- a table of words reads better as words
)
_OPENINGS = frozenset(
    """
    last next this that first second third another every each some any more most many other new
    day week month year step part chapter episode season level phase tip rule module lesson section
    page figure table round stage scene act week track question item option reason point fact game
    q1 q2 q3 q4 pro fun hot breaking top
    """.split()  # noqa: SIM905
)
_THINGS = frozenset(
    """
    abstract action actions address advantage agenda alert amount answer answers attention audio
    background base basics benefit benefits bid bonus book bottom breakdown budget caption case
    cast category cause caution caveat challenge change chapter claim claims clue comments
    comparison con conclusion cons content context correction cost costs course credit credits
    criteria danger data date day days deadline deal definition description details diagnosis
    difference disclaimer discoveries discovery discussion diy drawback duration edit effect
    effects email episode equipment error estimate evidence exact example examples exception
    exhibit expenses experiment explanation fact factor facts fax feature features feedback
    fee fees fiction figure final finally finding findings first focus footnote formula friday from
    fun goal goals growth headline height hint history hours however hypothesis idea image
    impact important including income info information ingredients input instructions intro
    introduction issue issues item joke key kicker lesson lessons level limit limits line link
    links list location logic lost luck math meaning meanwhile memo metrics minutes mission module
    monday money morning moral motto movie name narration net news next night note notes notice now
    objective october odds offer opinion option options order original outcome output overall ps
    paid part password pattern phase phone photo picture place plan platform plot point points
    policy price prices problem problems process product profit profits project promise proof pros
    ps psa purpose question questions quote rating ratio re reality reason reasons recap received
    recipe recommendation reference references reminder reply report request requirement
    requirements research response result results revenue review reward reminder risk risks round
    routine rule rules sale salary saturday savings scene schedule science scope score season
    secret section semester sentence september sequel series serious setting setup severity share
    side size skills sleep slogan solution source sources spoiler stage stakes statement stats
    status step steps stock story strategy subject subtitle success suggestion sum summary sunday
    supplies symptom symptoms synopsis takeaway target task tax teaser test theme theory thesis
    thing things thread thursday time timeline timestamp tip tips title today todo tomorrow tonight
    tools top topic total translation trend trick trigger truth tuesday tweet twist type update
    updates urgent url usage value venue verdict version video view vs walls warning warnings watch
    website wednesday week weekend weekly weight win words workout worst year years yesterday
    height width length depth age born died cc bcc sent dear sincerely fwd rt via ie eg nb fyi tldr
    tl dr p.s btw bonus crash chart diet dinner lunch breakfast vocabulary essay earnings returns
    lesson log logs listen imagine remember consider think bottom-line spoilers tags tag category
    """.split()  # noqa: SIM905
)
_PLATFORMS = frozenset(
    """
    youtube linkedin tiktok whatsapp github gitlab paypal facebook instagram iphone ipad ios macos
    javascript typescript wordpress playstation xbox nextdoor snapchat podcast onlyfans airbnb
    doordash bitcoin wifi covid covid19 airpods macbook openai chatgpt deepmind spacex mcdonalds
    """.split()  # noqa: SIM905
)
