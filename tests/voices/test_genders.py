import pytest

from scenariod.voices.characters import parts_of
from scenariod.voices.engines.engine import Gender
from scenariod.voices.genders import Pronouns, gender_of, pronouns_near

NOT_NEAR = Pronouns()


@pytest.mark.parametrize(
    ("name", "gender", "evidence"),
    [
        ("Mrs. Hill", Gender.FEMALE, "title Mrs."),
        ("Strict_Mrs_Hill", Gender.FEMALE, "title Mrs."),
        ("Mr. Sandman", Gender.MALE, "title Mr."),
        ("Sir Toby", Gender.MALE, "title Sir"),
        ("Madam Chameleon", Gender.FEMALE, "title Madam"),
        ("Teacher Ms. Frank", Gender.FEMALE, "title Ms."),
        ("Mom", Gender.FEMALE, '"mom" in the name'),
        ("Susie's Dad", Gender.MALE, '"dad" in the name'),
        ("InvisiGirl", Gender.FEMALE, '"girl" in the name'),
        ("FashionMan", Gender.MALE, '"man" in the name'),
        ("Spider-Man", Gender.MALE, '"man" in the name'),
        ("Batwoman", Gender.FEMALE, '"batwoman" in the name'),
        ("CHAIRMAN TERRY", Gender.MALE, '"chairman" in the name'),
        ("Élodie", Gender.FEMALE, "first name"),
        ("u/SaladSally42", Gender.FEMALE, "first name"),
        ("Taco Joe", Gender.MALE, "first name"),
        ("Carla Customer", Gender.FEMALE, "first name"),
        ("Sam", None, "no evidence"),
        ("Human", None, "no evidence"),
        ("Dr. Chen", None, "no evidence"),
        ("Robo_7", None, "no evidence"),
    ],
)
def test_a_name_tells_a_gender(name: str, gender: Gender | None, evidence: str) -> None:
    assert gender_of([name], hint=None, near=NOT_NEAR) == (gender, evidence)


@pytest.mark.parametrize(
    ("hint", "gender"),
    [
        ("deep male", Gender.MALE),
        ("protective mother", Gender.FEMALE),
        ("patient husband, slow", Gender.MALE),
        ("a woman who counts on her sister", Gender.FEMALE),
        ("robotic, fast", None),
        ("afraid of her father", None),
        ("hates to miss the count", None),
    ],
)
def test_a_hint_tells_a_gender(hint: str, gender: Gender | None) -> None:
    assert gender_of(["Robo"], hint=hint, near=NOT_NEAR)[0] is gender


def test_a_hint_wins_over_a_title_and_a_title_over_pronouns() -> None:
    assert gender_of(["Mom"], hint="male voice", near=NOT_NEAR)[0] is Gender.MALE
    assert gender_of(["Mom"], hint=None, near=Pronouns(she=0, he=9))[0] is Gender.FEMALE


def test_pronouns_win_over_a_first_name_only_where_they_agree() -> None:
    agreeing = gender_of(["Bob"], hint=None, near=Pronouns(she=3, he=0))
    mixed = gender_of(["Bob"], hint=None, near=Pronouns(she=3, he=1))
    single = gender_of(["Bob"], hint=None, near=Pronouns(she=1, he=0))

    assert agreeing == (Gender.FEMALE, "pronouns near the name: she 3, he 0")
    assert (mixed[0], single[0]) == (Gender.MALE, Gender.MALE)


def test_an_alias_tells_a_gender_too() -> None:
    assert gender_of(["Prof_X", "Mr. X"], hint=None, near=NOT_NEAR)[1] == "title Mr."


def test_pronouns_are_counted_soon_after_a_name_and_before_the_next() -> None:
    text = "Zorb fell. She cried, and Quill saw her. He ran, his hat flew.\nShe came."

    near = pronouns_near(text, {"Zorb": ["Zorb"], "Quill": ["Quill"]})

    assert near == {"Zorb": Pronouns(she=1, he=0), "Quill": Pronouns(she=1, he=2)}


def test_a_word_that_two_characters_share_counts_for_neither() -> None:
    text = "The Hill family came. She sat."

    near = pronouns_near(text, {"Ann Hill": ["Ann Hill"], "Bob Hill": ["Bob Hill"]})

    assert set(near.values()) == {NOT_NEAR}


def test_a_label_is_not_a_mention() -> None:
    near = pronouns_near("Zorb: she left. She is gone.", {"Zorb": ["Zorb"]})

    assert near == {"Zorb": NOT_NEAR}


def test_the_pronouns_of_a_text_decide_for_an_unknown_name() -> None:
    text = 'Zorb: "Hi."\nZorb waves. She smiles.\nQuill: "Zorb said she would come!"'

    zorb, quill = parts_of(text).characters

    assert (zorb.gender, zorb.evidence) == (
        Gender.FEMALE,
        "pronouns near the name: she 2, he 0",
    )
    assert quill.gender is None
