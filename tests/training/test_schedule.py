"""The learning rate over a run."""

import pytest

from wps_sam.training.schedule import warmup_cosine


def test_warmup_cosine__rises_then_falls_to_zero() -> None:
    factors = [warmup_cosine(step, 250, 6000) for step in range(6000)]
    peak = factors.index(max(factors))
    assert peak == 250
    assert factors[peak] == 1
    assert factors[:251] == sorted(factors[:251])
    assert factors[250:] == sorted(factors[250:], reverse=True)
    assert factors[124] == pytest.approx(125 / 251)
    assert factors[250 + 5750 // 2] == pytest.approx(0.5)


def test_warmup_cosine__stays_at_its_end() -> None:
    assert warmup_cosine(6000, 250, 6000) == pytest.approx(0)
    assert warmup_cosine(9000, 250, 6000) == pytest.approx(0)


def test_warmup_cosine__short_run_warms_up_for_a_tenth() -> None:
    assert warmup_cosine(10, 250, 100) == 1
    assert warmup_cosine(9, 250, 100) < 1
    assert warmup_cosine(0, 250, 1) > 0
