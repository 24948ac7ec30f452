"""Who has processes killed where: each kill point has a test that reaches it.

The one place to register a point. Those of a file's story are in `test_kill_points.py`, by the
tables below; one that only a command reaches is in the test module of that command, and there
named in `ELSEWHERE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scenariod.killpoint import KillPoint, Order

ELSEWHERE: dict[KillPoint, str] = {
    KillPoint.BACKUP_REMOVED: "test_prune",
    KillPoint.BACKUPS_PRUNED: "test_prune",
    KillPoint.DAMAGE_MARKED: "test_rebuild",
    KillPoint.LIBRARY_REBUILT: "test_rebuild",
    KillPoint.FILE_TAKEN_BACK: "test_rebuild",
    KillPoint.DAMAGED_SET_ASIDE: "test_rebuild",
    KillPoint.WAL_SET_ASIDE: "test_rebuild",
    KillPoint.REBUILT_IN_PLACE: "test_rebuild",
    KillPoint.DAMAGE_UNMARKED: "test_rebuild",
    KillPoint.RESTORE_VERIFIED: "test_change",
    KillPoint.SAFETY_BACKED_UP: "test_change",
    KillPoint.RESTORE_RECORDED: "test_change",
    KillPoint.RESTORED: "test_change",
    KillPoint.UNDO_RECORDED: "test_change",
    KillPoint.UNDONE: "test_change",
    KillPoint.SCENARIO_UNPACKED: "test_import",
    KillPoint.IMPORT_BACKED_UP: "test_import",
    KillPoint.IMPORT_COMMITTED: "test_import",
    KillPoint.IMPORTED: "test_import",
    KillPoint.EXPORT_BEING_WRITTEN: "test_export",
    KillPoint.EXPORT_WRITTEN: "test_export",
    KillPoint.EXPORTED: "test_export",
}
"""The test module that kills at this point and checks what is left: `"test_undo"`."""


class Scene(StrEnum):
    """What was dropped, so that a point is reached (see `test_kill_points.py`)."""

    MIXED = "two good ones, one that is refused, a conflict"
    BOMB = "one that takes too much memory, its partner, one that is known"
    LARGE = "one that needs the larger limit"
    PATIENT = "one that takes much memory, and one that goes back to wait for its turn"


@dataclass(frozen=True, slots=True)
class Kill:
    """Processes killed at a point: `order` says which."""

    point: KillPoint
    order: Order = Order.HERE

    @property
    def spares_supervisor(self) -> bool:
        """Whether only the worker dies."""
        return self.order is (Order.HERE if self.point in IN_WORKER else Order.OTHER)

    def __str__(self) -> str:
        """Name the kill by its point and who dies."""
        if self.order is Order.BOTH:
            return f"{self.point}/both"
        return f"{self.point}/{'worker' if self.spares_supervisor else 'supervisor'}"


@dataclass(frozen=True, slots=True)
class Case:
    """Kills one after the other, each in a start of its own, while a scene is processed."""

    scene: Scene
    kills: tuple[Kill, ...]

    def __str__(self) -> str:
        """Name the case by its kills, for the list of tests."""
        return ",".join(str(kill) for kill in self.kills)


IN_WORKER = (
    KillPoint.FILE_READ,
    KillPoint.VERDICT_BEING_WRITTEN,
    KillPoint.VERDICT_WRITTEN,
)
WHILE_A_WORKER_RUNS = (
    KillPoint.WORKER_LAUNCHED,
    KillPoint.WORKER_READY,
    KillPoint.FILES_HANDED_OVER,
)
SUPERVISOR_ALONE = {
    Scene.MIXED: (
        KillPoint.BATCH_RESERVED,
        KillPoint.FOLDER_MADE,
        KillPoint.FILE_CLAIMED,
        KillPoint.CLAIMED,
        KillPoint.VERDICT_FORGOTTEN,
        KillPoint.ATTEMPT_COUNTED,
        KillPoint.WORKER_ENDED,
        KillPoint.VERDICT_READ,
        KillPoint.BACKUP_BEING_WRITTEN,
        KillPoint.BACKUP_WRITTEN,
        KillPoint.BACKUP_VERIFIED,
        KillPoint.BACKUP_NOTED,
        KillPoint.SCENARIO_ADDED,
        KillPoint.BATCH_RECORDED,
        KillPoint.COMMITTED,
        KillPoint.REASON_BEING_WRITTEN,
        KillPoint.REASON_WRITTEN,
        KillPoint.FILE_MOVED,
        KillPoint.FILES_MOVED,
        KillPoint.FOLDER_EMPTIED,
        KillPoint.FOLDER_REMOVED,
        KillPoint.LIBRARY_BEING_PUBLISHED,
        KillPoint.LIBRARY_PUBLISHED,
        KillPoint.PUBLISHED_MARKED,
    ),
    Scene.BOMB: (
        KillPoint.BATCH_APART_RESERVED,
        KillPoint.FOLDER_APART_MADE,
        KillPoint.FILE_SET_APART,
    ),
    Scene.LARGE: (KillPoint.MORE_ALLOWED,),
    Scene.PATIENT: (KillPoint.FILE_GIVEN_BACK,),
}
"""Points at which there is no worker, by the scene that reaches them."""

AGAIN = {
    Scene.MIXED: (
        (KillPoint.FILE_CLAIMED, KillPoint.RECOVERED),
        (KillPoint.CLAIMED, KillPoint.ATTEMPT_COUNTED),
        (KillPoint.WORKER_ENDED, KillPoint.VERDICT_FORGOTTEN),
        (KillPoint.WORKER_ENDED, KillPoint.VERDICT_READ),
        (KillPoint.BACKUP_BEING_WRITTEN, KillPoint.BACKUP_BEING_WRITTEN),
        (KillPoint.BACKUP_VERIFIED, KillPoint.COMMITTED),
        (KillPoint.COMMITTED, KillPoint.RECOVERED),
        (KillPoint.COMMITTED, KillPoint.FILE_MOVED),
        (KillPoint.COMMITTED, KillPoint.FILES_MOVED),
        (KillPoint.FILE_MOVED, KillPoint.FOLDER_EMPTIED),
        (KillPoint.FOLDER_EMPTIED, KillPoint.FOLDER_REMOVED),
        (KillPoint.REASON_BEING_WRITTEN, KillPoint.REASON_BEING_WRITTEN),
        (KillPoint.REASON_WRITTEN, KillPoint.REASON_WRITTEN),
        (KillPoint.LIBRARY_BEING_PUBLISHED, KillPoint.LIBRARY_PUBLISHED),
    ),
    Scene.BOMB: (
        (KillPoint.FILE_SET_APART, KillPoint.BATCH_RESERVED),
        (KillPoint.FOLDER_APART_MADE, KillPoint.RECOVERED),
    ),
    Scene.LARGE: ((KillPoint.MORE_ALLOWED, KillPoint.ATTEMPT_COUNTED),),
    Scene.PATIENT: ((KillPoint.FILE_GIVEN_BACK, KillPoint.FILES_MOVED),),
}
"""Killed once more by the start that mends what the first kill left."""

WHILE_SPARED = (
    (KillPoint.BATCH_SPARED,),
    (KillPoint.BATCH_SPARED, KillPoint.BATCH_SPARED),
)
"""Points after a worker was killed from outside, each in a start in which that happened anew."""

WHILE_PREPARING = (
    KillPoint.BACKUP_BEING_WRITTEN,
    KillPoint.BACKUP_WRITTEN,
    KillPoint.BACKUP_VERIFIED,
    KillPoint.BACKUP_PREPARED,
    KillPoint.PREPARED_BACKUP_TAKEN,
)
"""Points of the backup that a daemon prepares while nobody waits, and then takes."""


WHILE_TIDYING = (
    (KillPoint.CUT_OFF_FOUND,),
    (KillPoint.OLD_FILE_REMOVED,),
    (KillPoint.OLD_REASON_REMOVED,),
    (KillPoint.TIDIED,),
    (KillPoint.OLD_FILE_REMOVED, KillPoint.OLD_FILE_REMOVED),
    (KillPoint.OLD_FILE_REMOVED, KillPoint.OLD_REASON_REMOVED),
)
"""Points of removing old files, one after the other, each in a start of its own."""


def cases() -> list[Case]:
    """Return all cases that one run over what was dropped reaches."""
    alone = [
        Case(scene, (Kill(point),))
        for scene, points in SUPERVISOR_ALONE.items()
        for point in points
    ]
    together = [
        Case(Scene.MIXED, (Kill(point, order),))
        for point in (*WHILE_A_WORKER_RUNS, *IN_WORKER)
        for order in (Order.HERE, Order.OTHER, Order.BOTH)
    ]
    again = [
        Case(scene, tuple(Kill(point) for point in points))
        for scene, sequences in AGAIN.items()
        for points in sequences
    ]
    return [*alone, *together, *again]


def reached_here() -> set[KillPoint]:
    """Return the points that `test_kill_points.py` reaches."""
    tidying = (point for points in WHILE_TIDYING for point in points)
    dropped = (kill.point for case in cases() for kill in case.kills)
    spared = (point for points in WHILE_SPARED for point in points)
    return {*WHILE_PREPARING, *tidying, *spared, *dropped}
