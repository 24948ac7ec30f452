"""ElevenLabs, with a server of our own in its place: requests, answers, faults and credits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.speech_server import KEY, SPEAK, Answer, SpeechServer, pcm, sound, told

from scenariod.base.errors import ConfigError
from scenariod.base.value import replace
from scenariod.voices.engines import account as account_module
from scenariod.voices.engines.credits import Charge
from scenariod.voices.engines.elevenlabs import ElevenLabs, Settings
from scenariod.voices.engines.engine import (
    EngineUnavailableError,
    Gender,
    Passage,
    UnspeakableError,
    Voice,
)
from scenariod.voices.engines.http import Patience
from scenariod.voices.engines.secret import Secret

ANN = Voice("voice-ann", Gender.FEMALE)
HELLO = Passage("Hello there.")
MODEL = {
    "model_id": "eleven_multilingual_v2",
    "can_do_text_to_speech": True,
    "maximum_text_length_per_request": 10_000,
    "max_characters_request_free_user": 2_500,
    "model_rates": {"character_cost_multiplier": 1.0},
}
PLAN = {
    "tier": "creator",
    "character_count": 900,
    "character_limit": 1000,
    "next_character_count_reset_unix": 5_000,
    "max_credit_limit_extension": 0,
}
NO_KEY = {"detail": {"status": "missing_permissions", "message": "not for this key"}}


class Account:
    """An account at the server: its engine, what was charged, and how long was waited."""

    def __init__(self, server: SpeechServer, folder: Path) -> None:
        self.server = server
        self.charges: list[Charge] = []
        self.waits: list[float] = []
        self._engines: list[ElevenLabs] = []
        self._folder = folder

    def engine(
        self, *, budget: int | None = None, silence_s: float = 60.0, **configured: Any
    ) -> ElevenLabs:
        made = ElevenLabs(
            replace(Settings(voices=(ANN,), base_url=self.server.url), **configured),
            secret=Secret(KEY),
            charge=self.charges.append,
            budget_credits=budget,
            patience=Patience(silence_s=silence_s, wait=self.waits.append),
            folder=self._folder,
            now_unix=lambda: 4_000.0,
        )
        self._engines.append(made)
        return made

    def close(self) -> None:
        for engine in self._engines:
            engine.close()

    @property
    def spent(self) -> int:
        """Return the credits by the last word on each request."""
        return sum({charge.key: charge.credits for charge in self.charges}.values())

    @property
    def settled(self) -> list[int]:
        return [charge.credits for charge in self.charges if charge.is_settled]


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer() as made:
        made.script("/v1/models", told(200, [MODEL]))
        made.script("/v1/user/subscription", told(200, PLAN))
        made.script(SPEAK, sound())
        yield made
        assert made.wrong == []


@pytest.fixture
def account(server: SpeechServer, tmp_path: Path) -> Iterator[Account]:
    made = Account(server, tmp_path)
    yield made
    made.close()
    assert list(tmp_path.iterdir()) == []


def spoken(engine: ElevenLabs, passage: Passage = HELLO) -> bytes:
    return b"".join(engine.speak(passage, ANN))


def refused(status: int, code: str, **headers: str) -> Answer:
    return told(status, {"detail": {"code": code, "message": f"because of {code}"}}, **headers)


# Requests


def test_a_passage_is_one_request_and_its_sound_comes_back(account: Account) -> None:
    engine = account.engine()

    heard = spoken(engine)

    assert heard == pcm(2400)
    assert engine.rate_hz == 24_000
    (got,) = account.server.asked(SPEAK)
    assert got.path == "/v1/text-to-speech/voice-ann/stream"
    assert got.query == {"output_format": "pcm_24000"}
    assert got.document["text"] == "Hello there."
    assert got.document["model_id"] == "eleven_multilingual_v2"


def test_the_same_passage_is_asked_for_with_the_same_seed(account: Account) -> None:
    spoken(account.engine())
    spoken(account.engine())

    first, second = account.server.asked(SPEAK)
    assert first.document == second.document


def test_a_voice_of_any_name_stays_within_its_part_of_the_path(account: Account) -> None:
    list(account.engine().speak(HELLO, Voice("../x y/?é")))

    # The server has unquoted nothing: `urlsplit` leaves the path as it was sent.
    assert account.server.asked(SPEAK)[0].path == "/v1/text-to-speech/..%2Fx%20y%2F%3F%C3%A9/stream"


def test_half_a_character_is_not_sent(account: Account) -> None:
    assert spoken(account.engine(), Passage("Yes \ud83d.", "\udc00", "\ud83d!")) == pcm(2400)

    document = account.server.asked(SPEAK)[0].document
    assert [document[key] for key in ("previous_text", "text", "next_text")] == [
        "?",
        "Yes ?.",
        "?!",
    ]


def test_a_text_without_a_letter_is_not_sent(account: Account) -> None:
    assert spoken(account.engine(), Passage("... \N{EM DASH} !")) == b""
    assert account.server.requests == []


def test_a_long_text_is_split_at_sentences_with_what_is_around_each_part(account: Account) -> None:
    account.server.script(
        "/v1/models", told(200, [MODEL | {"maximum_text_length_per_request": 120}])
    )
    account.server.script(SPEAK, sound(100), sound(200), sound(300))
    sentence = "This sentence has exactly fifty-six characters in it, yes"
    passage = Passage(f"{sentence}. {sentence}! {sentence}? Done.", "Before.", "After.")

    heard = spoken(account.engine(), passage)

    documents = [got.document for got in account.server.asked(SPEAK)]
    assert [d["text"] for d in documents] == [f"{sentence}. {sentence}!", f"{sentence}? Done."]
    assert [d["previous_text"] for d in documents] == ["Before.", documents[0]["text"]]
    assert [d["next_text"] for d in documents] == [documents[1]["text"], "After."]
    assert heard == pcm(100) + pcm(200)


def test_the_text_around_is_cut_to_what_matters(account: Account) -> None:
    spoken(account.engine(), Passage("Yes.", "a" * 5000 + "b", "c" + "d" * 5000))

    document = account.server.asked(SPEAK)[0].document
    assert document["previous_text"] == "a" * 299 + "b"
    assert document["next_text"] == "c" + "d" * 299


@pytest.mark.parametrize(
    ("model", "takes_context"),
    [
        ("eleven_multilingual_v2", True),
        ("eleven_flash_v2_5", True),
        ("eleven_turbo_v2", True),
        ("eleven_v3", False),
        ("eleven_v3_conversational", False),
        ("eleven_v4", False),
    ],
)
def test_only_models_that_take_the_text_around_are_sent_it(
    account: Account, *, model: str, takes_context: bool
) -> None:
    account.server.script("/v1/models", told(200, [MODEL | {"model_id": model}]))

    spoken(account.engine(model=model), Passage("Yes.", "Before.", "After."))

    document = account.server.asked(SPEAK)[0].document
    assert {"previous_text", "next_text"} & document.keys() == (
        {"previous_text", "next_text"} if takes_context else set()
    )


def test_a_format_that_is_not_pcm_is_a_mistake_in_the_configuration(account: Account) -> None:
    with pytest.raises(ConfigError, match="mp3_44100_128") as raised:
        account.engine(output_format="mp3_44100_128")

    assert "pcm_24000" in raised.value.hint


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "ftp://host",
        "host:80",
        "https://",
        "https://me:secret@host",
        "http://h:x",
        "file:///etc",
    ],
)
def test_a_base_url_is_that_of_a_web_service(account: Account, base_url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        account.engine(base_url=base_url)

    assert "secret" not in str(raised.value) + raised.value.hint


# What the account has


def test_the_account_is_asked_once(account: Account) -> None:
    engine = account.engine()

    spoken(engine)
    spoken(engine)

    assert len(account.server.asked("/v1/models")) == 1
    assert len(account.server.asked("/v1/user/subscription")) == 1


def test_a_key_that_may_only_speak_speaks_by_the_built_in_limits(account: Account) -> None:
    account.server.script("/v1/models", told(401, NO_KEY))
    account.server.script("/v1/user/subscription", told(401, NO_KEY))
    engine = account.engine(model="eleven_flash_v2_5")

    assert spoken(engine) == pcm(2400)
    assert engine.quota is None
    assert account.charges[0].credits == 6


@pytest.mark.parametrize("document", [{}, [], None, [7], [{"model_id": 7}], {"models": []}])
def test_an_odd_answer_about_models_is_no_answer(account: Account, document: object) -> None:
    account.server.script("/v1/models", told(200, document))

    assert spoken(account.engine()) == pcm(2400)


def test_a_model_that_the_account_has_not_is_named_with_those_it_has(account: Account) -> None:
    with pytest.raises(EngineUnavailableError, match="eleven_v9") as raised:
        spoken(account.engine(model="eleven_v9"))

    assert "eleven_multilingual_v2" in raised.value.hint
    assert account.server.asked(SPEAK) == []


def test_a_free_plan_takes_shorter_texts(account: Account) -> None:
    account.server.script("/v1/user/subscription", told(200, PLAN | {"tier": "free"}))

    spoken(account.engine(), Passage("Ten letters. " * 300))

    texts = [got.document["text"] for got in account.server.asked(SPEAK)]
    assert [len(text) for text in texts] == [2495, 1403]


def test_voices_are_listed_page_by_page_in_a_constant_order(account: Account) -> None:
    voices = [
        {"voice_id": f"v{n:03}", "labels": {"gender": ["male", "female", "neutral"][n % 3]}}
        for n in range(250)
    ]
    pages = [
        {"voices": part, "has_more": n < 2, "next_page_token": f"page-{n + 1}" if n < 2 else None}
        for n, part in enumerate([voices[200:], voices[:100], voices[100:200]])
    ]
    account.server.script("/v2/voices", *[told(200, page) for page in pages])

    found = account.engine(voices=()).voices

    assert [voice.name for voice in found] == [f"v{n:03}" for n in range(250)]
    assert [voice.gender for voice in found[:3]] == [Gender.MALE, Gender.FEMALE, None]
    assert [got.query for got in account.server.asked("/v2/voices")] == [
        {"page_size": "100"},
        {"page_size": "100", "next_page_token": "page-1"},
        {"page_size": "100", "next_page_token": "page-2"},
    ]


def test_a_list_of_voices_without_end_is_left(account: Account) -> None:
    page = {"voices": [{"voice_id": "same"}], "has_more": True, "next_page_token": "again"}
    account.server.script("/v2/voices", told(200, page))

    assert account.engine(voices=()).voices == (Voice("same"),)
    assert len(account.server.requests) == 20


def test_an_account_without_voices_cannot_speak(account: Account) -> None:
    account.server.script("/v2/voices", told(200, {"voices": [{}, 7], "has_more": False}))

    with pytest.raises(EngineUnavailableError, match="no voice"):
        _ = account.engine(voices=()).voices


def test_configured_voices_are_not_asked_for(account: Account) -> None:
    assert account.engine().voices == (ANN,)
    assert account.server.requests == []


def test_a_used_up_plan_is_noticed_before_anything_is_spoken(account: Account) -> None:
    account.server.script("/v1/user/subscription", told(200, PLAN | {"character_count": 1000}))

    with pytest.raises(EngineUnavailableError, match="no credits left") as raised:
        spoken(account.engine())

    assert raised.value.retry_after_s == 1000.0
    assert account.server.asked(SPEAK) == []


@pytest.mark.parametrize("extension", ["unlimited", 500])
def test_a_used_up_plan_that_may_be_exceeded_speaks(account: Account, extension: object) -> None:
    plan = PLAN | {"character_count": 1000, "max_credit_limit_extension": extension}
    account.server.script("/v1/user/subscription", told(200, plan))

    assert spoken(account.engine()) == pcm(2400)


def test_the_quota_can_be_shown(account: Account) -> None:
    engine = account.engine()
    spoken(engine)

    assert engine.quota is not None
    assert (engine.quota.left, engine.quota.renewed_unix) == (100, 5_000)


# Faults


@pytest.mark.parametrize(
    "answer",
    [
        refused(429, "system_busy"),
        refused(429, "too_many_concurrent_requests"),
        told(500, {}),
        told(503, {"detail": "overloaded"}),
        told(408, {}),
        Answer(pcm(1000), is_cut=True),
        Answer(pcm(1000) + b"x"),
    ],
    ids=["busy", "concurrent", "500", "503", "408", "cut", "half a sample"],
)
def test_what_may_work_in_a_moment_is_tried_again_and_nothing_is_heard_twice(
    account: Account, answer: Answer
) -> None:
    account.server.script(SPEAK, answer, sound(500))

    heard = spoken(account.engine())

    assert heard == pcm(500)
    assert len(account.waits) == 1


def test_an_answer_that_stalls_is_given_up_and_tried_again(account: Account) -> None:
    account.server.script(SPEAK, Answer(pcm(1000), is_stalled=True), sound(500))

    assert spoken(account.engine(silence_s=1.0)) == pcm(500)
    assert len(account.server.asked(SPEAK)) >= 2


def test_a_part_that_breaks_off_is_repeated_alone(account: Account) -> None:
    account.server.script(
        "/v1/models", told(200, [MODEL | {"maximum_text_length_per_request": 100}])
    )
    account.server.script(SPEAK, sound(100), Answer(pcm(70), is_cut=True), sound(200))

    heard = spoken(account.engine(), Passage("Once upon a time there was a king. " * 5))

    assert heard == pcm(100) + pcm(200) + pcm(200)


def test_nothing_is_heard_of_a_passage_that_breaks_off_for_good(account: Account) -> None:
    account.server.script(
        "/v1/models", told(200, [MODEL | {"maximum_text_length_per_request": 100}])
    )
    account.server.script(SPEAK, sound(100), Answer(pcm(70), is_cut=True))
    parts = account.engine().speak(Passage("Once upon a time there was a king. " * 5), ANN)

    with pytest.raises(EngineUnavailableError, match="did not finish"):
        next(parts)


def test_waits_grow_with_jitter_and_end(account: Account) -> None:
    account.server.script(SPEAK, told(500, {}))

    with pytest.raises(EngineUnavailableError, match="HTTP 500"):
        spoken(account.engine())

    assert len(account.server.asked(SPEAK)) == 4
    assert all(n / 2 <= wait <= n for n, wait in zip([1, 2, 4], account.waits, strict=True))


def test_the_queue_of_the_account_is_waited_for_without_growing(account: Account) -> None:
    account.server.script(SPEAK, refused(429, "too_many_concurrent_requests"))

    with pytest.raises(EngineUnavailableError, match="too_many_concurrent_requests"):
        spoken(account.engine())

    assert all(2.5 <= wait <= 5 for wait in account.waits)


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "17"},
        {
            "retry_after": "Sat, 28 Nov 2026 12:00:17 GMT",
            "Date": "Sat, 28 Nov 2026 12:00:00 GMT",
        },
    ],
)
def test_the_service_says_how_long_to_wait(account: Account, headers: dict[str, str]) -> None:
    account.server.script(SPEAK, refused(429, "system_busy", **headers), sound())

    spoken(account.engine())

    assert account.waits == [17.0]


def test_a_service_that_asks_for_long_is_left_alone(account: Account) -> None:
    account.server.script(SPEAK, refused(503, "", retry_after="3600"))

    with pytest.raises(EngineUnavailableError) as raised:
        spoken(account.engine())

    assert raised.value.retry_after_s == 3600.0
    assert account.waits == []


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (401, "invalid_api_key", "check the key"),
        (401, "quota_exceeded", "buy credits"),
        (403, "output_format_not_allowed", "voices.rate_hz"),
        (400, "unsupported_model", "another `model`"),
    ],
)
def test_what_nothing_cures_is_not_tried_again(
    account: Account, status: int, code: str, hint: str
) -> None:
    account.server.script(SPEAK, refused(status, code))

    with pytest.raises(EngineUnavailableError, match=code) as raised:
        spoken(account.engine())

    assert hint in raised.value.hint
    assert len(account.server.asked(SPEAK)) == 1
    assert account.spent == 0


def test_a_text_that_is_refused_leaves_the_engine_usable(account: Account) -> None:
    complaint = {"type": "string_too_long", "loc": ["body", "text"], "msg": "too long"}
    account.server.script(SPEAK, told(422, {"detail": [complaint]}), sound())
    engine = account.engine()

    with pytest.raises(UnspeakableError, match="text: too long"):
        spoken(engine)

    assert spoken(engine) == pcm(2400)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(b"ID3\x04" + bytes(100)), "sent MP3 where PCM"),
        (Answer(b"RIFF" + bytes(100)), "sent WAV where PCM"),
        (told(200, {"error": "hidden"}), "sent application/json, not sound"),
        (Answer(b"<html>", headers={"content-type": "text/html"}), "sent text/html, not sound"),
        (Answer(pcm(9), headers={"content-encoding": "gzip"}), "compressed its answer"),
        (Answer(status=302, headers={"location": "http://elsewhere/"}), "HTTP 302"),
        (Answer(status=204), "HTTP 204"),
    ],
)
def test_what_is_not_the_sound_that_was_asked_for_is_never_spoken(
    account: Account, answer: Answer, why: str
) -> None:
    account.server.script(SPEAK, answer)

    with pytest.raises(EngineUnavailableError, match=why):
        spoken(account.engine())


def test_an_answer_without_sound_is_the_fault_of_the_text(account: Account) -> None:
    account.server.script(SPEAK, Answer())

    with pytest.raises(UnspeakableError, match="no sound"):
        spoken(account.engine())


def test_more_sound_than_the_text_can_fill_is_refused(account: Account) -> None:
    account.server.script(SPEAK, Answer(bytes(65536), times=3200))

    with pytest.raises(UnspeakableError, match="too much for this text"):
        spoken(account.engine())


def test_an_answer_that_comes_too_slowly_is_given_up(account: Account, tmp_path: Path) -> None:
    engine = ElevenLabs(
        Settings(voices=(ANN,), base_url=account.server.url),
        secret=Secret(KEY),
        charge=account.charges.append,
        patience=Patience(answer_s=-1, tries=1),
        folder=tmp_path,
    )

    with closing(engine), pytest.raises(EngineUnavailableError, match="its answer after -1 s"):
        spoken(engine)


def test_a_service_that_is_not_there_is_named(account: Account) -> None:
    engine = account.engine(base_url="http://127.0.0.1:9")

    with pytest.raises(EngineUnavailableError, match=r"127\.0\.0\.1:9: Connection refused"):
        spoken(engine)

    assert len(account.waits) == 3
    assert account.charges == []


# Credits


def test_credits_are_reserved_before_a_request_and_settled_after_it(account: Account) -> None:
    account.server.script(SPEAK, sound(character_cost="7"))

    spoken(account.engine())

    before, after = account.charges
    assert (before.credits, before.is_settled, before.model) == (12, False, MODEL["model_id"])
    assert (after.credits, after.is_settled, after.note) == (7, True, "")
    assert before.key == after.key


@pytest.mark.parametrize(
    ("header", "cost", "is_noted"),
    [
        (None, 12, False),
        ("12", 12, False),
        (" 2 ", 2, False),
        ("120", 120, False),
        ("0", 2, True),
        ("1", 2, True),
        ("121", 120, True),
        ("999999999", 120, True),
        ("-5", 12, True),
        ("1.5", 12, True),
        ("12 credits", 12, True),
        ("", 12, True),
        ("9" * 5000, 12, True),
    ],
)
def test_a_cost_that_cannot_be_right_is_bounded_and_noted(
    account: Account, *, header: str | None, cost: int, is_noted: bool
) -> None:
    account.server.script(SPEAK, sound() if header is None else sound(character_cost=header))

    spoken(account.engine())

    assert account.settled == [cost]
    assert bool(account.charges[-1].note) is is_noted
    assert len(account.charges[-1].note) < 120


def test_half_a_credit_a_character_is_rounded_up(account: Account) -> None:
    rates = {"model_rates": {"character_cost_multiplier": 0.55}}
    account.server.script("/v1/models", told(200, [MODEL | rates]))

    spoken(account.engine())

    assert account.spent == 7  # 12 characters: 6.6


def test_every_try_is_a_request_of_its_own(account: Account) -> None:
    account.server.script(
        SPEAK,
        told(500, {}),  # refused: costs nothing
        Answer(pcm(100), is_cut=True),  # begun: may cost
        sound(character_cost="10"),
    )

    spoken(account.engine())

    assert account.settled == [0, 12, 10]
    assert account.spent == 22
    assert len({charge.key for charge in account.charges}) == 3


def test_a_request_that_the_budget_does_not_cover_is_not_sent(account: Account) -> None:
    account.server.script(SPEAK, sound(character_cost="9"))
    engine = account.engine(budget=20)
    spoken(engine)

    with pytest.raises(EngineUnavailableError, match="budget for voices has 11 credits left") as e:
        spoken(engine)

    assert "needs 12" in str(e.value)
    assert len(account.server.asked(SPEAK)) == 1
    assert account.spent == 9


def test_a_budget_is_spent_to_the_last_credit(account: Account) -> None:
    engine = account.engine(budget=36)

    for _ in range(3):
        spoken(engine)
    with pytest.raises(EngineUnavailableError, match="has 0 credits left"):
        spoken(engine)

    assert account.spent == 36


def test_a_cost_above_the_price_list_ends_the_budget_early(account: Account) -> None:
    account.server.script(SPEAK, sound(character_cost="50"))
    engine = account.engine(budget=40)
    spoken(engine)

    with pytest.raises(EngineUnavailableError, match="has 0 credits left"):
        spoken(engine)

    assert account.spent == 50


def test_a_budget_ends_the_tries_too(account: Account) -> None:
    account.server.script(SPEAK, Answer(pcm(100), is_cut=True))

    with pytest.raises(EngineUnavailableError, match="budget"):
        spoken(account.engine(budget=30))

    assert len(account.server.asked(SPEAK)) == 2
    assert account.spent == 24


def test_a_request_is_not_sent_where_its_charge_cannot_be_recorded(server: SpeechServer) -> None:
    def full(charge: Charge) -> None:
        raise OSError(28, "No space left on device")

    engine = ElevenLabs(
        Settings(voices=(ANN,), base_url=server.url), secret=Secret(KEY), charge=full
    )

    with closing(engine), pytest.raises(OSError, match="No space"):
        spoken(engine)

    assert server.asked(SPEAK) == []


def test_quota_that_ends_in_the_middle_leaves_the_credits_exact(account: Account) -> None:
    account.server.script(
        "/v1/models", told(200, [MODEL | {"maximum_text_length_per_request": 100}])
    )
    account.server.script(
        SPEAK, sound(character_cost="40"), refused(401, "quota_exceeded"), sound()
    )

    with pytest.raises(EngineUnavailableError, match="quota_exceeded") as raised:
        spoken(account.engine(), Passage("Once upon a time there was a king. " * 5))

    assert account.spent == 40
    assert raised.value.retry_after_s == 1000.0  # then the plan is renewed
    assert len(account.server.asked(SPEAK)) == 2


# Odd answers


def documents() -> st.SearchStrategy[object]:
    keys = ["voices", "has_more", "next_page_token", "voice_id", "labels", "gender", "model_id"]
    keys += ["model_rates", "character_cost_multiplier", "maximum_text_length_per_request"]
    keys += ["character_count", "character_limit", "max_credit_limit_extension", "tier"]
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner),
        max_leaves=6,
    )


@settings(max_examples=50)
@given(documents())
def test_no_answer_about_the_account_breaks_its_reader(document: object) -> None:
    found = account_module.quota(document)
    names = [voice.name for voice in account_module.voices(document)]
    token = account_module.next_page(document)

    assert found is None or found.left >= 0
    assert all(names)
    assert token is None or token


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(sorted({*MODEL, "model_rates"})), documents()))
def test_no_answer_about_a_model_gives_limits_that_make_no_sense(told: dict[str, object]) -> None:
    models = [told | {"model_id": "eleven_v3", "can_do_text_to_speech": True}]

    limits = account_module.limits(models, model="eleven_v3", is_free=True)

    assert 100 <= limits.most_characters <= 5000
    assert Decimal("0.1") <= limits.multiplier <= 100


def test_a_key_that_may_not_list_voices_is_told_the_way_out(account: Account) -> None:
    account.server.script("/v2/voices", told(400, NO_KEY))

    with pytest.raises(EngineUnavailableError, match="missing_permissions") as raised:
        _ = account.engine(voices=()).voices

    assert raised.value.hint.endswith("or set `voices` in the configuration")
