from __future__ import annotations

import pytest

from scenariod.base.config import Memory
from scenariod.base.errors import ConfigError, NoLimitError
from scenariod.base.units import MIB
from scenariod.workers.host import Host
from scenariod.workers.sizes import Sizes
from scenariod.workers.start_check import refuse_what_never_fits, refuse_what_rlimits_forbid


def host(total_mb: int, *, is_container: bool = False) -> Host:
    return Host(total_mb * MIB, total_mb * MIB, is_container=is_container)


@pytest.mark.parametrize("total_mb", [128, 480, 980, 1950, 3900, 7900])
def test_the_defaults_are_never_refused(total_mb: int) -> None:
    refuse_what_never_fits(Memory(), host=host(total_mb))


@pytest.mark.parametrize(
    ("memory", "hint"),
    [
        pytest.param(
            Memory(limit_mb=3072),
            'set memory.limit_mb = "auto" (1182 here), then `scenariodctl config check`',
            id="limit",
        ),
        pytest.param(
            Memory(reserve_mb=4096),
            'set memory.reserve_mb = "auto" (512 here), then `scenariodctl config check`',
            id="reserve",
        ),
        pytest.param(
            Memory(limit_mb=3072, reserve_mb=4096),
            'set memory.limit_mb = "auto" (1182 here) and memory.reserve_mb = "auto" (512 here), '
            "then `scenariodctl config check`",
            id="both",
        ),
    ],
)
def test_a_number_that_does_not_fit_is_refused_with_what_would(memory: Memory, hint: str) -> None:
    with pytest.raises(ConfigError, match="do not fit in this machine's 1950 MB") as refused:
        refuse_what_never_fits(memory, host=host(1950))

    assert refused.value.hint == hint


def test_where_nothing_would_fit_it_takes_more_memory() -> None:
    with pytest.raises(ConfigError, match="do not fit in this container's 100 MB") as refused:
        refuse_what_never_fits(Memory(), host=host(100, is_container=True))

    assert refused.value.hint.startswith("scenariod needs more memory than this container has")


def test_a_limit_that_rlimits_do_not_allow_is_refused_with_what_they_do() -> None:
    sizes = Sizes(limit_bytes=3072 * MIB, limit_max_bytes=4096 * MIB, reserve_bytes=0)

    with pytest.raises(NoLimitError, match="a process may have 1953 MB here") as refused:
        refuse_what_rlimits_forbid(sizes, allowed_bytes=2_048_000_000)

    assert refused.value.hint.startswith(
        "set memory.limit_mb = 1953 and memory.limit_max_mb = 1953, or"
    )


def test_only_the_larger_limit_may_be_what_rlimits_do_not_allow() -> None:
    sizes = Sizes(limit_bytes=1024 * MIB, limit_max_bytes=4096 * MIB, reserve_bytes=0)

    with pytest.raises(NoLimitError) as refused:
        refuse_what_rlimits_forbid(sizes, allowed_bytes=2048 * MIB)

    assert refused.value.hint.startswith("set memory.limit_max_mb = 2048, or")
    refuse_what_rlimits_forbid(sizes, allowed_bytes=4096 * MIB)
