import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.voices.casting import Casting, cast, library_key, narrator_of
from scenariod.voices.characters import parts_of
from scenariod.voices.engines.engine import Gender, Voice
from scenariod.voices.reading import Character, Kind
from scenariod.voices.story import story_of

REAL = os.environ.get("SCENARIOD_REAL_DATA", "")
WOMEN = tuple(Voice(f"f{number}", Gender.FEMALE) for number in range(3))
MEN = tuple(Voice(f"m{number}", Gender.MALE) for number in range(6))
NINE = WOMEN + MEN
NARRATOR = MEN[0]


def woman(name: str, *aliases: str) -> Character:
    return Character(name, aliases, Gender.FEMALE, "first name")


def man(name: str) -> Character:
    return Character(name, (), Gender.MALE, "first name")


def cast_of(
    *characters: Character,
    voices: Sequence[Voice] = NINE,
    narrator: Voice = NARRATOR,
    kept: Mapping[str, str] | None = None,
    by_hand: Mapping[str, str] | None = None,
    use: Mapping[str, int] | None = None,
) -> tuple[Casting, ...]:
    return cast(
        characters,
        voices=voices,
        narrator=narrator,
        kept=kept or {},
        by_hand=by_hand or {},
        use=use or {},
    )


def voice_names(castings: Sequence[Casting]) -> list[str]:
    return [casting.voice.name for casting in castings]


def test_a_woman_has_a_womans_voice_and_a_man_a_mans() -> None:
    anna, bob = cast_of(woman("Anna"), man("Bob"))

    assert (anna.voice.gender, bob.voice.gender) == (Gender.FEMALE, Gender.MALE)
    assert (anna.why, anna.is_certain) == ("female voice: first name", True)


def test_a_voice_set_by_hand_wins_over_gender_and_library() -> None:
    (anna,) = cast_of(woman("Anna"), kept={"anna": "f1"}, by_hand={"ANNA": "m3"})

    assert (anna.voice.name, anna.is_certain) == ("m3", True)
    assert anna.why == "set by hand in [voices.cast]"


def test_a_voice_set_by_hand_for_an_alias_is_the_persons() -> None:
    (marty,) = cast_of(woman("Meteorologist Mindy", "Mindy"), by_hand={"mindy": "f2"})

    assert marty.voice.name == "f2"


def test_a_voice_set_by_hand_that_the_engine_has_not_is_passed_over() -> None:
    (anna,) = cast_of(woman("Anna"), kept={"anna": "f1"}, by_hand={"Anna": "gone"})

    assert anna.voice.name == "f1"


@pytest.mark.parametrize("name", [voice.name for voice in WOMEN])
def test_a_kept_voice_is_kept(name: str) -> None:
    (anna,) = cast_of(woman("Anna"), kept={"anna": name}, use={name: 99})

    assert anna.voice.name == name


def test_a_kept_voice_that_the_engine_has_no_more_is_chosen_anew() -> None:
    (anna,) = cast_of(woman("Anna"), kept={"anna": "gone"})

    assert anna.voice in WOMEN


def test_a_kept_voice_of_the_other_gender_is_another_persons() -> None:
    (sam,) = cast_of(woman("Sam"), kept={"sam": "m1"})

    assert sam.voice in WOMEN


def test_a_kept_voice_is_found_by_an_alias() -> None:
    (harry,) = cast_of(Character("Harry Potter", ("Harry",)), kept={"harry": "m4"})

    assert harry.voice.name == "m4"


def test_a_role_has_no_voice_across_the_library() -> None:
    (mom,) = cast_of(woman("Mom"), kept={"mom": "m5"})

    assert mom.voice in WOMEN


def test_a_character_of_unknown_gender_is_listed_as_uncertain() -> None:
    (blob,) = cast_of(Character("Blob"))

    assert (blob.is_certain, blob.why) == (False, "any voice: no evidence")


def test_a_woman_without_a_womans_voice_is_listed_as_uncertain() -> None:
    (anna,) = cast_of(woman("Anna"), voices=MEN)

    assert not anna.is_certain
    assert anna.why == "any voice: none is female (first name)"


def test_characters_avoid_the_narrators_voice_as_long_as_others_remain() -> None:
    everybody = cast_of(*(man(name) for name in ("Al", "Bo", "Cy", "Di", "Ed")))

    assert NARRATOR.name not in voice_names(everybody)


def test_the_narrators_voice_is_better_than_one_that_a_character_has() -> None:
    everybody = cast_of(*(man(name) for name in ("Al", "Bo", "Cy", "Di", "Ed", "Fo")))

    assert sorted(voice_names(everybody)) == sorted(voice.name for voice in MEN)


@pytest.mark.parametrize("name", ["Narrator", "NARRATOR", "Me"])
def test_who_tells_the_story_has_the_narrators_voice(name: str) -> None:
    (teller,) = cast_of(Character(name))

    assert (teller.voice, teller.is_certain) == (NARRATOR, True)


def test_a_group_has_one_voice_and_is_certain() -> None:
    (everyone,) = cast_of(Character("ALL", kind=Kind.GROUP))

    assert (everyone.why, everyone.is_certain) == ("several at once, with one voice", True)


def test_the_least_used_voice_is_chosen() -> None:
    (anna,) = cast_of(woman("Anna"), use={"f0": 5, "f1": 4, "f2": 5})

    assert anna.voice.name == "f1"


def test_one_voice_is_enough_for_everybody() -> None:
    only = Voice("only")

    castings = cast_of(woman("Anna"), man("Bob"), voices=[only], narrator=only)

    assert voice_names(castings) == ["only", "only"]


def test_the_cast_is_the_same_on_every_machine() -> None:
    castings = cast_of(woman("Anna"), man("Bob"), Character("Blob"))

    assert voice_names(castings) == ["f0", "m4", "f2"]


def test_the_narrator_has_the_configured_voice_or_the_first() -> None:
    assert narrator_of(NINE, "m2").name == "m2"
    assert narrator_of(NINE, "gone").name == "f0"
    assert narrator_of(NINE, None).name == "f0"


@pytest.mark.parametrize(
    "name",
    [
        "Anna",
        "Mom Jennifer",
        "Dr. Chen",
        "u/PhotonPurist",
        "The Flash",
        "Tina Tourist",
        "JUDGE EMMA",
        "Spider-Man",
        "RoboDoc",
        "Ms. Lee",
        "Captain Colossal",
        "HR",
    ],
)
def test_a_name_is_kept_across_the_library(name: str) -> None:
    assert library_key(name) == name.lower().removeprefix("u/")


@pytest.mark.parametrize(
    "name",
    [
        "Me",
        "ALL",
        "Mom",
        "Kid 1",
        "Narrator",
        "INTERVIEWER",
        "Them",
        "Travel Agent",
        "Everyone",
        "All Routers",
        "Seal neighbor",
        "Teenage daughter",
        "RANDOM SHOPPER",
        "Susie's Mom",
        "Commenter2",
        "Floor 13",
        "The Sceptic",
    ],
)
def test_a_role_is_somebody_else_in_every_scenario(name: str) -> None:
    assert library_key(name) is None


NAMES = st.text("aeioubdfgmstBDÉ012", min_size=1, max_size=8)
CHARACTERS = st.lists(
    st.builds(
        Character,
        NAMES,
        gender=st.sampled_from([Gender.FEMALE, Gender.MALE, None]),
        kind=st.sampled_from([Kind.PERSON, Kind.PERSON, Kind.GROUP]),
    ),
    max_size=14,
    unique_by=lambda one: one.name.lower(),
)
VOICE_NAMES = st.sampled_from([voice.name for voice in NINE])
USE = st.dictionaries(VOICE_NAMES, st.integers(0, 50))


@given(CHARACTERS, USE)
def test_voices_of_a_gender_are_distinct_while_they_last(
    characters: list[Character], use: dict[str, int]
) -> None:
    known = [one for one in characters if one.gender and one.name.lower() not in ("me", "i")]

    castings = cast_of(*known, use=use)

    for gender, pool in ((Gender.FEMALE, WOMEN), (Gender.MALE, MEN)):
        times = Counter(
            casting.voice
            for casting, one in zip(castings, known, strict=True)
            if one.gender is gender
        )
        counts = [times[voice] for voice in pool]
        assert max(counts) - min(counts) <= 1


@given(CHARACTERS.filter(lambda them: len(them) <= 8), USE)
def test_unknown_genders_take_what_is_left(
    characters: list[Character], use: dict[str, int]
) -> None:
    nobody = [Character(f"{one.name}-x") for one in characters]

    voices = voice_names(cast_of(*nobody, use=use))

    assert len(set(voices)) == len(voices)
    assert NARRATOR.name not in voices


@given(CHARACTERS, st.dictionaries(NAMES, VOICE_NAMES), USE)
def test_everybody_has_one_voice_in_order_and_always_the_same(
    characters: list[Character], kept: dict[str, str], use: dict[str, int]
) -> None:
    first = cast_of(*characters, kept=kept, use=use)
    again = cast_of(*characters, kept=dict(reversed(kept.items())), use=use)

    assert [casting.name for casting in first] == [one.name for one in characters]
    assert first == again


@given(CHARACTERS, USE, USE)
def test_a_cast_that_is_kept_is_the_cast_again(
    characters: list[Character], use: dict[str, int], later: dict[str, int]
) -> None:
    named = [one for one in characters if library_key(one.name) and one.kind is Kind.PERSON]
    named = list({library_key(one.name): one for one in named}.values())
    first = cast_of(*named, use=use)
    kept = {str(library_key(casting.name)): casting.voice.name for casting in first}

    again = cast_of(*named, kept=kept, use=later)

    assert voice_names(again) == voice_names(first)


@given(CHARACTERS, st.data())
def test_by_hand_always_wins(characters: list[Character], data: st.DataObject) -> None:
    chosen = {one.name.upper(): data.draw(VOICE_NAMES) for one in characters}

    castings = cast_of(*characters, by_hand=chosen)

    assert voice_names(castings) == [chosen[one.name.upper()] for one in characters]


if REAL:

    def test_real_scenarios_use_the_voices_evenly() -> None:
        use: Counter[str] = Counter()
        kept: dict[str, str] = {}
        for path in sorted(Path(REAL).glob("scenario-*.json")):
            scenario = json.loads(path.read_text("utf-8"))
            hints = scenario.get("audioHints")
            text = story_of(scenario).text or ""
            reading = parts_of(text, hints if isinstance(hints, dict) else None)
            for casting in cast_of(*reading.characters, kept=kept, use=use):
                if key := library_key(casting.name):
                    use[casting.voice.name] += kept.get(key) != casting.voice.name
                    kept.setdefault(key, casting.voice.name)
                else:
                    use[casting.voice.name] += 1

        assert sum(use.values()) > 300
        for pool in (WOMEN, MEN):
            of_pool = [use[voice.name] for voice in pool]
            assert max(of_pool) <= 3 * sum(of_pool) / len(pool)
