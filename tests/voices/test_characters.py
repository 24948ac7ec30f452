from scenariod.voices.characters import parts_of
from scenariod.voices.reading import Part


def test_a_label_names_who_speaks_and_a_direction_how() -> None:
    reading = parts_of('It rains.\nAnna: [sad] "Again?"')

    assert reading.parts == (Part(None, "It rains."), Part("Anna", "Again?", "sad"))
    assert [character.name for character in reading.characters] == ["Anna"]
