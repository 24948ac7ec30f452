import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.voices.characters import parts_of
from scenariod.voices.engines.engine import Gender
from scenariod.voices.people import key_of
from scenariod.voices.reading import Character, Kind, Part
from scenariod.voices.story import SPEAKABLE_MAX, story_of

REAL = os.environ.get("SCENARIOD_REAL_DATA", "")


def test_a_text_is_cut_into_parts_with_directions() -> None:
    reading = parts_of('It rains.\nAnna: [sad] "Again?"\nBOB (5): *jumps* Hooray!')

    assert reading.parts == (
        Part(None, "It rains."),
        Part("Anna", "Again?", "sad"),
        Part("BOB", "Hooray!", "jumps"),
    )


def test_characters_come_in_the_order_in_which_they_first_speak() -> None:
    reading = parts_of("Bob: Hi.\nAnna: Hi.\nBob: Bye.")

    assert [character.name for character in reading.characters] == ["Bob", "Anna"]


def test_words_between_labels_are_the_narrators_after_a_blank_line() -> None:
    reading = parts_of("Anna: One.\nTwo.\n\nThe door opens.\n\nBob: Three.")

    assert reading.parts == (
        Part("Anna", "One.\nTwo."),
        Part(None, "The door opens."),
        Part("Bob", "Three."),
    )


def test_words_after_a_closed_quote_are_the_narrators() -> None:
    reading = parts_of('Anna: "One."\nShe leaves.')

    assert reading.parts == (Part("Anna", "One."), Part(None, "She leaves."))


def test_a_quote_goes_on_until_it_is_closed() -> None:
    assert parts_of('Anna: "One,\ntwo."').parts == (Part("Anna", "One,\ntwo."),)


def test_a_line_of_stage_directions_is_nobodys() -> None:
    reading = parts_of("Anna: One.\n[cut to the sea]\nTwo.\nBob: Three.")

    assert [part.speaker for part in reading.parts] == ["Anna", None, "Anna", "Bob"]


def test_a_turn_without_words_is_left_out() -> None:
    assert parts_of("Anna: *waves*\nBob: Hi.").parts == (Part("Bob", "Hi."),)


def test_an_apostrophe_is_not_a_quote() -> None:
    assert parts_of("Anna: 'Tis the dogs' dinner.").parts[0].text == "'Tis the dogs' dinner."


def test_two_quotes_are_left_as_they_are() -> None:
    assert parts_of('Anna: "One," then "two"').parts[0].text == '"One," then "two"'


HINTS: dict[str, object] = {
    "tone": "calm",
    "characterVoices": {"Zed Quill": "deep male voice", "Captain Ava": "brisk", "Nobody": "soft"},
}


def test_hints_find_a_dialogue_on_one_line() -> None:
    reading = parts_of("Zed Quill: Wait. Captain Ava: No! Ava: Never. Zed Quill: Oh.", HINTS)

    assert [(part.speaker, part.text) for part in reading.parts] == [
        ("Zed Quill", "Wait."),
        ("Captain Ava", "No!"),
        ("Captain Ava", "Never."),
        ("Zed Quill", "Oh."),
    ]


def test_a_name_of_the_hints_may_be_of_any_shape() -> None:
    hints = {"characterVoices": {"the man from 7 Up (tall)": "bass", "ZOË": "soft"}}
    text = "the man from 7 Up (tall): Hi. Zoë: Oh. the man from 7 Up (tall): Yes.\nzoë: no"

    reading = parts_of(text, hints)

    assert [(part.speaker, part.text) for part in reading.parts] == [
        ("the man from 7 Up (tall)", "Hi."),
        ("ZOË", "Oh."),
        ("the man from 7 Up (tall)", "Yes."),
        ("ZOË", "no"),
    ]
    assert [one.hint for one in reading.characters] == ["bass", "soft"]


def test_a_hint_is_the_characters_and_says_its_gender() -> None:
    zed, ava = parts_of("Zed Quill: Wait.\nCaptain Ava: No!", HINTS).characters

    assert zed == Character(
        "Zed Quill", (), Gender.MALE, "voice hint", Kind.PERSON, "deep male voice"
    )
    assert (ava.gender, ava.evidence, ava.hint) == (Gender.FEMALE, "first name", "brisk")


@pytest.mark.parametrize(
    "hints",
    [None, {}, {"characterVoices": None}, {"characterVoices": ["Anna"]}, {"characterVoices": {}}],
)
def test_hints_of_another_shape_are_no_hints(hints: dict[str, object] | None) -> None:
    assert parts_of("Anna: Hi.", hints).parts == (Part("Anna", "Hi."),)


@pytest.mark.parametrize("voice", [7, None, ["deep"], {"pitch": "low"}])
def test_a_hint_of_another_shape_still_names_a_character(voice: object) -> None:
    reading = parts_of("Xyz: come in", {"characterVoices": {"Xyz": voice}})

    assert [one.name for one in reading.characters] == ["Xyz"]


@pytest.mark.parametrize("text", ["", " \n\t\n", "[aside]", ":", "::\n:", "A:", "\ud83d"])
def test_nothing_to_say_has_no_characters(text: str) -> None:
    assert parts_of(text).characters == ()


def test_half_an_emoji_is_read_over() -> None:
    assert parts_of("Anna: Hi \ud83d there.").parts == (Part("Anna", "Hi ? there."),)


def test_what_is_too_long_to_be_spoken_is_one_part_of_the_narrators() -> None:
    reading = parts_of("Anna: Hi.\n\n" + "It rains. " * (SPEAKABLE_MAX // 10) + "\nAnna: Bye.")

    assert [part.speaker for part in reading.parts] == ["Anna", None, None]
    assert reading.parts[-1].text.endswith("Anna: Bye.")


def test_more_than_a_hundred_labels_are_the_narrators() -> None:
    reading = parts_of("\n".join(f"user_{number}: Hi." for number in range(150)))

    assert len(reading.characters) == 100


@given(st.text(st.sampled_from("Ann: Bob.\n\"'*[]()@u/-Me?é"), max_size=80))
def test_every_word_is_in_a_part_or_a_label_or_a_direction(text: str) -> None:
    reading = parts_of(text)

    assert all(part.text.strip() for part in reading.parts)
    named = {one.name for one in reading.characters}
    assert {part.speaker for part in reading.parts} - {None} == named


@given(st.lists(st.sampled_from(["It rains", "Tea at 5", "he said so", "", "so - what"])))
def test_a_text_without_labels_is_all_there(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert "".join(part.text for part in parts_of(text).parts).split() == text.split()


HOSTILE = {
    "labels on one line": ". Anna: hi",
    "labels on lines": "Anna: hi\n",
    "open brackets": ". Anna (a",
    "open directions": "*a[b",
    "blank lines": "\n",
    "names without end": ". Ann Bob Cyd: ",
    "handles": "u/@_",
    "headers": "Posted by From ",
    "quotes": "\"'“",
    "pronouns": "Anna: Bob she ",
}


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_of_any_length_takes_bounded_time(piece: str) -> None:
    seconds = []
    for length in (1_000_000, 4_000_000):
        text = piece * (length // len(piece))
        started = time.process_time()
        parts_of(text)
        seconds.append(time.process_time() - started)

    assert max(seconds) < 60  # measured: 2; quadratic time is hours


if REAL:
    TRUTH = json.loads((Path(REAL).parent / "speakers.json").read_text("utf-8"))

    def characters_of(path: Path) -> tuple[Character, ...]:
        scenario = json.loads(path.read_text("utf-8"))
        hints = scenario.get("audioHints")
        text = story_of(scenario).text or ""
        return parts_of(text, hints if isinstance(hints, dict) else None).characters

    def forms_of(character: Character) -> set[str]:
        return {key_of(form) for form in (character.name, *character.aliases)}

    def test_speakers_of_real_scenarios_are_found_once_and_no_others() -> None:
        right = wrong = missed = 0
        for name, speakers in TRUTH["speakers"].items():
            aliases, media = TRUTH["aliases"].get(name, {}), TRUTH["media"].get(name, [])
            still = {
                one: {key_of(one)}
                | {key_of(short) for short, full in aliases.items() if full == one}
                for one in speakers
                if one not in media
            }
            for character in characters_of(Path(REAL) / name):
                hits = [one for one, forms in still.items() if forms & forms_of(character)]
                right, wrong = right + (len(hits) == 1), wrong + (len(hits) != 1)
                for one in hits:
                    del still[one]
            missed += len(still)

        assert right / (right + wrong) >= 0.97
        assert right / (right + missed) >= 0.97

    @pytest.mark.parametrize("name", sorted(TRUTH["speakers"]))
    def test_false_friends_media_and_groups_of_real_scenarios(name: str) -> None:
        characters = characters_of(Path(REAL) / name)

        found = {form for one in characters for form in forms_of(one)}
        groups = {key_of(one.name) for one in characters if one.kind is Kind.GROUP}
        nobody = TRUTH["not"].get(name, []) + TRUTH["media"].get(name, [])
        assert not found & {key_of(one) for one in nobody}
        assert groups == {key_of(one) for one in TRUTH["group"].get(name, [])}
