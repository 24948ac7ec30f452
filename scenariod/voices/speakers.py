"""Decide which labels of a text name somebody who speaks, and which head a list or a form.

Pure. A label is judged by its words, by what follows it, and by the labels around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from scenariod.base.value import Value
from scenariod.voices import people
from scenariod.voices.labels import (
    MOST_LABEL,
    at_start,
    found_by,
    inside,
    is_handle,
    is_named,
    is_role,
    is_sure_handle,
    pattern_of,
)
from scenariod.voices.people import LETTERS, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scenariod.voices.labels import Label

_MOST_SIGHTED = 1_000
_QUOTED = re2.compile(rf"^\s*(?:\[[^\[\]]*\]\s*)?[\"“'‘«]|^\s*\[[{LETTERS}]")
_STAGED = re2.compile(rf"^\s*(?:\*[{LETTERS}][^*]+\*|\([^()]+\))")
_SENTENCE = re2.compile(r"[.!?…—]['\"”’*)]*\s*$")
_ABSTRACT = re2.compile(
    r"(?:tion|sion|ment|ness|ity|ism|ence|ance|ing|ings|ure|ology|graphy|ship|age|acy|al|als|ies)$"
)

_MEDIUM = re2.compile(
    r"^(?:post|posts|blog|forum|newsletter|news|weekly|daily|times|journal|gazette|magazine|intro|"
    r"headline|article|tweet|thread|report|bulletin|tribune|herald|podcast|channel|press|review|"
    r"café|cafe|website|page|feed|app|chat|alert|broadcast|media|voiceover|narration|transcript|group)$"
)


@dataclass(slots=True)
class _Sighting:
    """A label, how often it stands in a text, and how often before what is spoken."""

    name: str
    starts: int = 0
    insides: int = 0
    quoted: int = 0
    staged: int = 0
    sentences: int = 0

    @property
    def count(self) -> int:
        return self.starts + self.insides

    @property
    def is_known(self) -> bool:
        """Whether its words alone say that it is a person."""
        return is_named(self.name) or is_role(self.name) or key_of(self.name) in people.PRONOUNS


class _Around(Value):
    """What the labels of a text have in common."""

    sure: Mapping[str, str]
    is_dense: bool
    is_full: bool
    is_chain: bool


def speakers_among(lines: Iterable[str], *, told: Iterable[str] = ()) -> dict[str, str]:
    """Return the labels in `lines` that name a speaker: key to name as first written.

    `told` are names that are known to be speakers. A medium's label (`Tech Blog:`) is among them.
    """
    seen: dict[str, _Sighting] = {}
    told_names = list(told)
    told_keys, pattern = {key_of(name) for name in told_names}, pattern_of(told_names)
    labelled = plain = 0
    for line in lines:
        plain += bool(line.strip())
        if first := at_start(line):
            labelled += 1
            _note(seen, first, line, is_inside=False)
        for label in inside(line):
            _note(seen, label, line, is_inside=True)
        for label in found_by(pattern, line) if pattern else ():
            seen.setdefault(key_of(label.name), _Sighting(label.name))
    likely = {key: one for key, one in seen.items() if not _is_thing(one.name)}
    sure = {key: one.name for key, one in likely.items() if key in told_keys or _is_speaker(one)}
    is_dense = labelled * 2 >= plain
    around = _Around(
        sure or (_talkers(likely) if is_dense else {}),
        is_dense=is_dense,
        is_full=labelled == plain,
        is_chain=sum(one.insides > 0 and one.is_known for one in likely.values()) > 1,
    )
    fitting = {key for key, one in likely.items() if _fits(one, around)}
    chosen = around.sure.keys() | fitting | told_keys
    return {key: one.name for key, one in seen.items() if key in chosen}


def _note(seen: dict[str, _Sighting], label: Label, line: str, *, is_inside: bool) -> None:
    key = key_of(label.name)
    if key not in seen and len(seen) >= _MOST_SIGHTED:
        return
    one = seen.setdefault(key, _Sighting(label.name))
    body = line[label.body : label.body + MOST_LABEL]
    one.insides += is_inside
    one.starts += not is_inside
    one.quoted += bool(_QUOTED.search(body))
    one.staged += bool(_STAGED.search(body))
    one.sentences += bool(_SENTENCE.search(body) or len(body) == MOST_LABEL)


def _is_speaker(one: _Sighting) -> bool:
    """Return whether a label names a speaker whatever stands around it."""
    if is_sure_handle(one.name):
        return True
    if one.starts == 0:
        return one.is_known and (one.count > 1 or one.quoted > 0)
    if one.quoted or (one.staged and (one.is_known or is_handle(one.name))):
        return one.name[0].isupper() or one.is_known
    if one.count > 1:
        return one.is_known or is_handle(one.name) or not _is_abstract(one.name)
    return is_named(one.name) and not one.name.islower()


def _talkers(likely: Mapping[str, _Sighting]) -> dict[str, str]:
    """Return the roles that talk to each other in a text that names nobody, if they do."""
    talkers = {
        key: one.name
        for key, one in likely.items()
        if one.is_known and (one.sentences or is_named(one.name) or key in people.PRONOUNS)
    }
    return talkers if len(talkers) > 1 else {}


def _fits(one: _Sighting, around: _Around) -> bool:
    """Return whether a label that could be either names a speaker, as others around it do."""
    words = people.words_of(one.name)
    if not around.sure or not words:
        return False
    if key_of(one.name) in people.PRONOUNS:
        return True
    if one.starts == 0:
        return one.count > 1 or (around.is_chain and one.is_known)
    is_dialogue = around.is_dense or len(around.sure) > 1
    is_group = words[0] in people.GROUP_WORDS or words[-1] in people.GROUP_WORDS
    if is_dialogue and (one.is_known or is_group or is_handle(one.name) or is_medium(one.name)):
        return True
    if any(set(words) <= set(people.words_of(name)) for name in around.sure.values()):
        return True
    many = len(around.sure) > 1 and around.is_dense
    return (many or around.is_full) and _is_written_alike(one.name, around.sure)


def _is_written_alike(name: str, sure: Mapping[str, str]) -> bool:
    """Return whether an unknown `name` is written as the speakers around it are."""
    last = people.words_of(name)[-1]
    are_capitals = sum(other.isupper() for other in sure.values()) * 2 > len(sure)
    is_plural = last.endswith("s") and not last.endswith(("ss", "us", "is"))
    return (
        len([word for word in name.split() if not word.strip("#").isdigit()]) < 3
        and name.isupper() == are_capitals
        and all(word[0].isupper() for word in name.split())
        and not is_plural
        and not _is_abstract(name)
    )


def is_medium(name: str) -> bool:
    """Return whether `name` is a medium's, whose words the narrator reads: `Tech Blog`."""
    words = people.words_of(name)
    return bool(words) and bool(_MEDIUM.match(words[-1])) and not is_named(name)


def _is_abstract(name: str) -> bool:
    words = key_of(name).split()
    has_article = len(words) > 1 and words[0] in ("the", "a", "an")
    return has_article or bool(_ABSTRACT.search(words[-1]))


def _is_thing(name: str) -> bool:
    """Return whether `name` is a heading, an item of a list or the head of a form."""
    nouns = [word.strip(".'’") for word in key_of(name).split() if not word.strip("#").isdigit()]
    if not nouns or not people.words_of(name):
        return True
    if nouns[0] in _SEVERAL:
        return len(nouns) > 1 and nouns[-1] in _OPENINGS
    if is_sure_handle(name) or (is_named(name) and name.rsplit(maxsplit=1)[-1][0].isupper()):
        return False
    return nouns[-1] in _THINGS or (nouns[0] in _OPENINGS and not is_role(name))


_SEVERAL = frozenset(("all", "both", "everyone", "everybody"))
_OPENINGS = frozenset(
    """
    act another any breaking chapter day each episode every fact figure first fun game hot item
    last lesson level many module month more most new next option other page part phase point
    pro q1 q2 q3 q4 question reason round rule scene season second section some stage step table
    that third this tip top track week year
    """.split()  # noqa: SIM905
)
_THINGS = frozenset(
    """
    abstract action actions address advantage age agenda alert amount answer answers attention
    audio background base basics bcc benefit benefits bid bonus book born bottom bottom-line
    breakdown breakfast btw budget caption case cast category cause caution caveat cc challenge
    change chapter chart claim claims clue comments comparison con conclusion cons consider
    content context correction cost costs course crash credit credits criteria danger data date
    day days deadline deal dear definition depth description details diagnosis died diet
    difference dinner disclaimer discoveries discovery discussion diy dr drawback duration
    earnings edit effect effects eg email episode equipment error essay estimate evidence exact
    example examples exception exhibit expenses experiment explanation fact factor facts fax
    feature features fee feedback fees fiction figure final finally finding findings first focus
    footnote formula friday from fun fwd fyi goal goals growth height hint history hours however
    hypothesis idea ie image imagine impact important including income info information
    ingredients input instructions issue issues item joke key kicker length lesson lessons level
    limit limits line link links list listen location log logic logs lost luck lunch math
    meaning meanwhile memo metrics minutes mission module monday money moral morning motto movie
    myth name nb net next night note notes notice now objective october odds offer opinion
    option options order original outcome output overall p.s paid part password pattern phase
    phone photo picture place plan platform plot point points policy price prices problem
    problems process product profit profits project promise proof pros ps psa purpose question
    questions quote rating ratio re reality reason reasons recap received recipe recommendation
    reference references remember reminder reply request requirement requirements research
    response result results returns revenue reward risk risks round routine rt rule rules salary
    sale saturday savings scene schedule science scope score season secret section semester sent
    sentence september sequel series serious setting setup severity share side simple sincerely
    size skills sleep slogan solution source sources spoiler spoilers stage stakes statement
    stats status step steps stock strategy subject subtitle success suggestion sum summary
    sunday supplies symptom symptoms synopsis tag tags takeaway target task tax teaser test
    testimonial theme theory thesis thing things think thursday time timeline timestamp tip tips
    title tl tldr today todo tomorrow tonight tools top topic total translation trend trick
    trigger truth tuesday twist type update updates urgent url usage value venue verdict version
    via video view vocabulary vs walls warning warnings watch wednesday week weekend weight
    width win words workout worst year years yesterday
    """.split()  # noqa: SIM905
)
