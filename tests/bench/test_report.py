"""Sums over turns, by hand."""

import json

import pytest

from wps_sam.bench.comparison import PathAgreement
from wps_sam.bench.report import TOTAL, BenchReport, CostAlone, Spread, stage_costs
from wps_sam.bench.stages import STAGES


def seconds(encode: float, decode: float) -> dict[str, float]:
    return {**dict.fromkeys(STAGES, 0.0), "encode": encode, "decode": decode}


def test_stage_costs() -> None:
    ours = [seconds(2, 1), seconds(4, 1), seconds(2, 2)]
    plain = [seconds(4, 5), seconds(4, 6), seconds(10, 2)]
    costs = {cost.stage: cost for cost in stage_costs(ours, plain)}
    assert list(costs) == [*STAGES, TOTAL]
    assert costs["encode"].ours == Spread(2, 2, 4)
    assert costs["encode"].plain == Spread(4, 4, 10)
    assert costs["encode"].times == Spread(2, 1, 5)  # 4/2, 4/4, 10/2
    assert costs[TOTAL].ours == Spread(4, 3, 5)  # of 3, 5, 4
    assert costs[TOTAL].times == Spread(3, 2, 3)  # 9/3, 10/5, 12/4
    assert costs["read"].times == Spread(0, 0, 0)  # nothing over nothing is no error


def test_to_json() -> None:
    report = BenchReport(
        sam="toy",
        device="cpu",
        machine={"cores": 2},
        images=2,
        repeats=1,
        costs=stage_costs([seconds(2, 1)], [seconds(4, 5)]),
        ours_alone=CostAlone(2.0, 700_000_000),
        plain_alone=CostAlone(0.5, None),
        agreement=PathAgreement(10, 9, 1, 2, 3, 4),
    )
    content = json.loads(json.dumps(report.to_json()))
    assert list(content["stages"]) == [*STAGES, TOTAL]
    assert content["stages"]["encode"] == {
        "ours_seconds": {"median": 2, "min": 2, "max": 2},
        "plain_seconds": {"median": 4, "min": 4, "max": 4},
        "times": {"median": 2, "min": 2, "max": 2},
    }
    assert content["in_a_process_of_its_own"] == {
        "ours": {"images_per_second": 2, "peak_bytes": 700_000_000},
        "plain": {"images_per_second": 0.5, "peak_bytes": None},
    }
    assert content["agreement"]["equal_share"] == pytest.approx(0.9)
    assert (content["machine"], content["images"], content["repeats"]) == ({"cores": 2}, 2, 1)
