"""Verdicts: the small file in which a worker, that has read hostile input, is believed or not."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import (
    MAX_MESSAGE,
    MAX_PROBLEMS,
    Accepted,
    InvalidVerdictError,
    Rejected,
    Verdict,
    decode,
    encode,
)

DIGEST = "0123456789abcdef" * 4
ACCEPTED = Accepted(
    name="scenario-1.json",
    size_bytes=2392,
    sha256=DIGEST,
    content_sha256=DIGEST,
    scenario_id="a-1",
    title="A title",
    correct_answer="logic",
)
PROBLEM = Problem(Reason.NOT_JSON, "expected a comma", None, line=5, column=3)
REJECTED = Rejected("scenario-2.json", 12, DIGEST, (PROBLEM,), scenario_id=None)

texts = st.text(st.characters(), max_size=MAX_MESSAGE)
counts = st.integers(0, 2**63)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
problems = st.builds(
    Problem,
    st.sampled_from(Reason),
    texts,
    st.none() | texts,
    st.none() | counts,
    st.none() | counts,
)
verdicts: st.SearchStrategy[Verdict] = st.builds(
    Accepted, texts, counts, digests, digests, texts, texts, texts
) | st.builds(
    Rejected,
    texts,
    counts,
    st.none() | digests,
    st.lists(problems, min_size=1, max_size=5).map(tuple),
    st.none() | texts,
)


@given(st.lists(verdicts, max_size=4))
def test_what_a_worker_writes_is_what_the_supervisor_reads(written: list[Verdict]) -> None:
    assert decode(encode(written)) == written


def test_any_file_name_survives_and_the_file_is_ascii() -> None:
    name = os.fsdecode(b"scenario-\xff\n.json")
    verdict = Rejected(name, 0, None, (PROBLEM,))

    content = encode([verdict])

    assert content.isascii()
    assert decode(content) == [verdict]


def changed(original: Verdict, **fields: Any) -> bytes:
    document = json.loads(encode([original]))
    document["files"][0] |= fields
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"version": 2, "files": []}',
        b'{"version": 1}',
        b'{"version": 1, "files": 5}',
        b'{"version": 1, "files": [{}]}',
        b'{"version": 1, "files": [null]}',
        encode([ACCEPTED])[:-5],
        changed(ACCEPTED, verdict="perhaps"),
        changed(ACCEPTED, size_bytes=-1),
        changed(ACCEPTED, size_bytes=True),
        changed(ACCEPTED, size_bytes="12"),
        changed(ACCEPTED, sha256=DIGEST.upper()),
        changed(ACCEPTED, sha256=DIGEST[1:]),
        changed(ACCEPTED, content_sha256=None),
        changed(ACCEPTED, scenario_id=None),
        changed(ACCEPTED, title=5),
        changed(ACCEPTED, title="x" * (MAX_MESSAGE + 1)),
        changed(REJECTED, problems=[]),
        changed(REJECTED, problems=[{}]),
        changed(REJECTED, problems=[{"code": "unheard-of", "message": "x"}]),
        changed(REJECTED, scenario_id=["a"]),
    ],
)
def test_anything_amiss_is_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(InvalidVerdictError):
        decode(content)


def test_more_problems_than_agreed_are_dropped() -> None:
    flood = Rejected("scenario-1.json", 1, None, (PROBLEM,) * 1000)

    (read,) = decode(encode([flood]))

    assert isinstance(read, Rejected)
    assert len(read.problems) == MAX_PROBLEMS + 1


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    try:
        read = decode(content)
    except InvalidVerdictError:
        read = []

    assert read == []
