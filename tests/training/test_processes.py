"""Training in several processes gives what one process gives."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from lightning.fabric.plugins.environments.lightning import find_free_network_port
from safetensors.torch import load_file
from torch import Tensor
from torch import distributed as dist

from training.shared_run import changes, train_both, write_labels
from wps_sam.errors import ConfigError, TrainingError
from wps_sam.training.data import EpochShuffle, SharedBatches
from wps_sam.training.processes import (
    ALONE,
    Processes,
    as_torchrun_says,
    first_process_first,
    join_processes,
    of_all_processes,
    processes_here,
)
from wps_sam.training.recipes import RECIPES

TESTS = Path(__file__).parent.parent


def start_two_by_slurm(folder: Path, environment: dict[str, str]) -> list[str]:
    """Train one epoch with the variables that srun sets in its two tasks; what they printed."""
    words = [sys.executable, str(TESTS / "training" / "shared_run.py"), str(folder), "1"]
    started = [
        subprocess.Popen(
            words,
            env={
                **{name: value for name, value in os.environ.items() if "SLURM" not in name},
                **environment,
                "SLURM_PROCID": rank,
                "SLURM_LOCALID": rank,
                "PYTHONPATH": str(TESTS),
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        return [process.communicate(timeout=100)[0] for process in started]
    finally:
        for process in started:
            process.kill()


def start_two(folder: Path) -> None:
    """Run the script as `torchrun` does, with gloo on the CPU."""
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = TESTS / "training" / "shared_run.py"
    done = subprocess.run(
        [sys.executable, *words, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("step 12/12") == 2, "each recipe reports once"


def weights(run: Path) -> dict[str, Tensor]:
    """All weights at the end of a run, and those that were kept."""
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    kept = {f"kept {name}": value for name, value in load_file(run / "model.safetensors").items()}
    return {**last["state_dict"], **kept}


def metrics(run: Path) -> list[dict[str, float]]:
    """What the log says of each epoch, but for the time."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def test_two_processes_learn_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Five images in batches of two, and of one, which leaves one process without any; images have
    # no to four parts; `strong` learns from points, whose boxes are corrected twice on the way.
    write_labels(tmp_path)
    start_two(tmp_path)
    with monkeypatch.context() as patch:
        for where, name, value in changes():
            patch.setattr(where, name, value)
        train_both(tmp_path)
    for recipe in ("paper", "strong"):
        alone, shared = tmp_path / f"{recipe}-1", tmp_path / f"{recipe}-2"
        # 12 steps of about the learning rate each, of sums in another order: a hundredth of a step.
        within = RECIPES[recipe].optimiser.learning_rate / 100
        expected = weights(alone)
        assert weights(shared).keys() == expected.keys()
        for name, value in weights(shared).items():
            torch.testing.assert_close(value, expected[name], rtol=0, atol=within, msg=name)
        logged = metrics(alone)
        assert len(logged) == 4
        for found, wanted in zip(metrics(shared), logged, strict=True):
            assert found == pytest.approx(wanted, rel=1e-5)


def test_slurm__two_tasks_train_in_an_interactive_job(tmp_path: Path) -> None:
    # What `srun --ntasks 2` sets, without --ntasks-per-node, which Lightning's reading of SLURM
    # refuses; and in a job of this name Lightning would start further processes itself.
    write_labels(tmp_path)
    of_step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "SLURM_NTASKS": "2"}
    of_job = {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0", "SLURM_JOB_NAME": "interactive"}
    place = {
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NODEID": "0",
        "MASTER_PORT": str(find_free_network_port()),
    }
    first, second = start_two_by_slurm(tmp_path, of_step | of_job | place)
    assert "step 3/3" in first
    assert "step 3/3" not in second
    assert "Traceback" not in first + second
    assert (tmp_path / "paper-2" / "model.safetensors").exists()


def test_slurm__same_address_in_all() -> None:
    environment = {"SLURM_JOB_ID": "123456", "SLURM_STEP_ID": "3", "SLURM_NODEID": "1"}
    environment |= {"SLURM_NODELIST": "gpu[01-09]", "SLURM_STEP_NODELIST": "gpu[03-04]"}
    assert as_torchrun_says(Processes(5, 8, 1, 4), environment) == {
        "RANK": "5",
        "WORLD_SIZE": "8",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "4",
        "GROUP_RANK": "1",
        "MASTER_ADDR": "gpu03",
        "MASTER_PORT": "18459",  # 15000 + (123456 + 3) mod 10000
    }


def test_slurm__given_address_is_kept() -> None:
    given = {"MASTER_ADDR": "here", "MASTER_PORT": "4", "SLURM_STEP_NODELIST": "gpu[03-04]"}
    found = as_torchrun_says(Processes(0, 2, 0, 2), given)
    assert (found["MASTER_ADDR"], found["MASTER_PORT"]) == ("here", "4")


def test_join_processes__fewer_gpus_than_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"4 processes .* sees 1 of .*leave out --gpus-per-task"):
        join_processes(Processes(5, 8, 1, 4), torch.device("cuda"))


def test_first_process_first__first_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(group: object) -> None:
        raise RuntimeError("Connection closed by peer")

    found = {"is_initialized": True, "get_world_size": 2, "get_rank": 1}
    for name, value in found.items():
        monkeypatch.setattr(dist, name, lambda value=value: value)
    monkeypatch.setattr(dist, "new_group", lambda **_: None)
    monkeypatch.setattr(dist, "barrier", lost)
    with (
        pytest.raises(TrainingError, match="first process stopped; its message says why"),
        first_process_first(),
    ):
        pytest.fail("not the turn of this process")


def test_share_of_batch() -> None:
    assert ALONE.share_of_batch(7) == 7
    assert Processes(1, 4, 1, 4).share_of_batch(8) == 2


def test_share_of_batch__cannot_be_shared() -> None:
    expected = "8 images a step in all, which 3 processes cannot share .*multiple of 3"
    with pytest.raises(ConfigError, match=expected):
        Processes(0, 3, 0, 3).share_of_batch(8)


def test_batches__shares_make_up_the_batch_of_one_process() -> None:
    def batches(here: Processes) -> list[list[int]]:
        order = EpochShuffle(10, 3)
        order.set_epoch(2)
        announced: list[Sequence[int]] = []
        found = SharedBatches(order, 4, here, announced.append)
        assert len(found) == 3
        shares = []
        for share in found:
            shares.append(share)
            assert len(announced) == min(len(shares) + 1, 3)  # always one ahead
        assert announced == shares
        return shares

    whole = batches(ALONE)
    assert [len(batch) for batch in whole] == [4, 4, 2]
    shares = [batches(Processes(rank, 4, rank, 4)) for rank in range(4)]
    assert [len(batch) for batch in shares[3]] == [1, 1, 0]
    for step, batch in enumerate(whole):
        assert sorted(i for share in shares for i in share[step]) == sorted(batch)


def test_processes_here__alone() -> None:
    assert processes_here({}) == ALONE
    # A batch script of SLURM that starts one program itself.
    assert processes_here({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}) == ALONE


def test_processes_here__torchrun() -> None:
    environment = {"TORCHELASTIC_RUN_ID": "1", "RANK": "5", "WORLD_SIZE": "8"}
    environment |= {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert processes_here(environment) == Processes(5, 8, 1, 4)


def test_processes_here__slurm() -> None:
    environment = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2"}
    environment |= {"SLURM_PROCID": "5", "SLURM_LOCALID": "1"}
    assert processes_here(environment) == Processes(5, 8, 1, 4)


def test_processes_here__unlike_machines() -> None:
    environment = {"SLURM_STEP_NUM_TASKS": "5", "SLURM_STEP_NUM_NODES": "2"}
    environment |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    with pytest.raises(ConfigError, match="5 processes were started, 2 on a machine"):
        processes_here(environment)


def test_alone__nothing_to_wait_for() -> None:
    join_processes(ALONE, torch.device("cpu"))
    with first_process_first():
        assert of_all_processes({1: torch.ones(2)}).keys() == {1}
