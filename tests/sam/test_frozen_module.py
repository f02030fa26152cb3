"""A FrozenSam never learns, whatever module holds it."""

import copy

import pytest
import torch
from torch import Tensor, nn

from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.weights_hash import frozen_parameters_hash


class Student(nn.Module):
    """Something that learns and holds a SAM beside it."""

    def __init__(self, sam: FrozenSam) -> None:
        super().__init__()
        self.sam = sam
        self.head = nn.Linear(256, 256)


def test_train__stays_in_evaluation(toy_sam: FrozenSam) -> None:
    student = Student(toy_sam)
    student.train()
    assert student.training
    assert not any(module.training for module in toy_sam.modules())


def test_parameters__ask_for_no_gradient(toy_sam: FrozenSam, mobile_sam: FrozenSam) -> None:
    for sam in (toy_sam, mobile_sam):
        assert not any(parameter.requires_grad for parameter in sam.parameters())


def test_weights__bit_identical_after_a_step_through_decode(
    toy_sam: FrozenSam, toy_golden: dict[str, Tensor]
) -> None:
    before = frozen_parameters_hash(toy_sam)
    student = Student(toy_sam)
    student.train()
    head_before = copy.deepcopy(student.head.state_dict())
    learning = [p for p in student.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=0.1, weight_decay=0.1)
    tokens = torch.cat([toy_golden["box_tokens"], toy_golden["point_tokens"]])
    image_index = torch.tensor([0, 1, 1, 0, 1, 0])
    masks = toy_sam.decode(toy_golden["features"], student.head(tokens), image_index)
    masks.low_res_logits.mean().backward()  # type: ignore[no-untyped-call]  # torch
    optimiser.step()
    assert len(learning) == 2
    assert all(parameter.grad is None for parameter in toy_sam.parameters())
    assert frozen_parameters_hash(toy_sam) == before
    assert not torch.equal(student.head.weight, head_before["weight"])


def test_state_dict__of_a_parent_holds_no_frozen_weight(toy_sam: FrozenSam) -> None:
    student = Student(toy_sam)
    state = student.state_dict()
    assert set(state) == {"head.weight", "head.bias"}
    before = frozen_parameters_hash(toy_sam)
    student.load_state_dict(state)
    assert frozen_parameters_hash(toy_sam) == before


def test_load_state_dict__parent_still_misses_its_own(toy_sam: FrozenSam) -> None:
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*head.bias"):
        Student(toy_sam).load_state_dict({"head.weight": torch.zeros(256, 256)})


def test_load_state_dict__sam_itself_is_strict(toy_sam: FrozenSam) -> None:
    sam = copy.deepcopy(toy_sam)
    state = sam.state_dict()
    assert len(state) == 202
    del state["mask_decoder.iou_token.weight"]
    Student(sam).load_state_dict(Student(sam).state_dict())
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*mask_decoder.iou_token.weight"):
        sam.load_state_dict(state)


def test_fingerprint__changes_with_one_weight(toy_sam: FrozenSam) -> None:
    changed = copy.deepcopy(toy_sam)
    assert changed.fingerprint == toy_sam.fingerprint == frozen_parameters_hash(toy_sam)
    state = changed.state_dict()
    state["mask_decoder.iou_token.weight"] = state["mask_decoder.iou_token.weight"].clone()
    state["mask_decoder.iou_token.weight"][0, 7] += 1e-6
    changed.load_state_dict(state)
    assert changed.fingerprint != toy_sam.fingerprint


def test_fingerprint__covers_norm_statistics(mobile_sam: FrozenSam) -> None:
    before = frozen_parameters_hash(mobile_sam)
    mean = mobile_sam.get_buffer("image_encoder.patch_embed.seq.0.bn.running_mean")
    mean[0] += 1e-6
    after = frozen_parameters_hash(mobile_sam)
    mean[0] = 0.0
    assert before != after
    assert frozen_parameters_hash(mobile_sam) == before
