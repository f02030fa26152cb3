"""What `bench` found out, and how it is written as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, NamedTuple, Self

from wps_sam.bench.comparison import PathAgreement
from wps_sam.bench.stages import STAGES

TOTAL = "all stages"


class Spread(NamedTuple):
    """A measured quantity over all turns: each image, as often as it was repeated."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Median, smallest and largest of at least one value."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class StageCost:
    """What one stage costs on both paths.

    Attributes:
        stage: A key of `STAGES`, or `TOTAL`.
        ours: Seconds of an image.
        plain: Likewise, on the plain path.
        times: Plain seconds over ours, of the same image one right after the other.
    """

    stage: str
    ours: Spread
    plain: Spread
    times: Spread


@dataclass(frozen=True)
class CostAlone:
    """What a path costs in a process of its own that does nothing else.

    Attributes:
        images_per_second: From the first image read to predictions.json written; loading the model
            and a first image to warm up are not counted.
        peak_bytes: Largest resident memory, libraries and model included; None if unknown.
    """

    images_per_second: float
    peak_bytes: int | None


@dataclass(frozen=True)
class BenchReport:
    """Everything that was measured.

    Attributes:
        sam: Name of the run's SAM.
        device: Where it computed.
        machine: Processor, cores, threads, load before the start, versions.
        images: How many.
        repeats: How often each image was cut by each path.
        costs: One for each of `STAGES`, then `TOTAL`.
        ours_alone: This library's path in a process of its own, as `wps-sam predict` runs it.
        plain_alone: The plain path in a process of its own.
        agreement: Of the results of both.
    """

    sam: str
    device: str
    machine: dict[str, Any]
    images: int
    repeats: int
    costs: tuple[StageCost, ...]
    ours_alone: CostAlone
    plain_alone: CostAlone
    agreement: PathAgreement

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON: seconds an image, memory in bytes; `times` is plain over ours."""
        alone = {"ours": self.ours_alone, "plain": self.plain_alone}
        return {
            "machine": self.machine,
            "sam": self.sam,
            "device": self.device,
            "images": self.images,
            "repeats": self.repeats,
            "stages": {
                cost.stage: {
                    "ours_seconds": cost.ours._asdict(),
                    "plain_seconds": cost.plain._asdict(),
                    "times": cost.times._asdict(),
                }
                for cost in self.costs
            },
            "in_a_process_of_its_own": {name: asdict(cost) for name, cost in alone.items()},
            "agreement": {**asdict(self.agreement), "equal_share": self.agreement.equal_share},
        }


def stage_costs(
    ours: Sequence[dict[str, float]], plain: Sequence[dict[str, float]]
) -> tuple[StageCost, ...]:
    """Sum up the turns.

    Medians, not means: a machine with other work now and then stops one path for many seconds.

    Args:
        ours: For each turn: stage -> seconds of its image.
        plain: Likewise, on the plain path.

    Returns:
        One cost a stage in the order of `STAGES`, then that of all of them.
    """
    return tuple(
        _cost(
            name,
            [_seconds(row, name) for row in ours],
            [_seconds(row, name) for row in plain],
        )
        for name in (*STAGES, TOTAL)
    )


def _seconds(row: dict[str, float], name: str) -> float:
    """Seconds of a stage, or of all."""
    return sum(row.values()) if name == TOTAL else row[name]


def _cost(name: str, ours: Sequence[float], plain: Sequence[float]) -> StageCost:
    """One line: seconds of an image, and the ratio of each turn."""
    least = 1e-9  # what no clock can tell from nothing
    ratios = [slow / max(fast, least) for fast, slow in zip(ours, plain, strict=True)]
    return StageCost(name, Spread.of(ours), Spread.of(plain), Spread.of(ratios))
