"""The teacher against SAM's prompt encoder on coordinates scaled by hand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import ConfigError
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.prompter.teacher import (
    MOST_POINTS,
    Supervision,
    check_prompts,
    count_by_points,
    count_thinned,
    label_tokens,
    learnt_targets,
    spread_points,
    teacher_targets,
    tokens_per_part,
)
from wps_sam.sam.frozen import FrozenSam


def image(boxes: Sequence[Sequence[float]], height: int = 64, width: int = 128) -> WeakImage:
    """An image twice as wide as high: SAM's square of side 256 shows it at twice its size."""
    return WeakImage(
        image_id=1,
        path=Path("a.jpg"),
        file_name="a.jpg",
        height=height,
        width=width,
        class_index=np.arange(len(boxes), dtype=np.int64)[::-1].copy(),
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
    )


BOXES = [[10, 20, 30, 50], [0, 0, 128, 64]]


def test_box__equals_sams_encoding_of_the_scaled_box(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, image(BOXES), "box")
    scaled = torch.tensor([[20.0, 40, 60, 100], [0.0, 0, 256, 128]])
    torch.testing.assert_close(targets.boxes_xyxy, scaled)
    torch.testing.assert_close(targets.tokens, toy_sam.prompt_boxes(scaled))
    assert targets.class_index.tolist() == [1, 0]
    assert targets.class_index.dtype == torch.long
    assert targets.tokens.dtype == torch.float32


def test_box__tall_image_scales_by_its_height(toy_sam: FrozenSam) -> None:
    # 512 high becomes 256: half the size, in both directions.
    targets = teacher_targets(toy_sam, image([[10, 20, 30, 50]], 512, 100), "box")
    torch.testing.assert_close(targets.boxes_xyxy, torch.tensor([[5.0, 10, 15, 25]]))


def test_point__equals_sams_encoding_of_the_scaled_centre(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, image(BOXES), "point")
    centers = torch.tensor([[40.0, 70], [128.0, 64]])
    torch.testing.assert_close(targets.tokens, toy_sam.prompt_points(centers[:, None]))
    torch.testing.assert_close(targets.boxes_xyxy, centers.repeat(1, 2))


def test_learnt__place_is_the_point_where_the_box_was_made_of_one(toy_sam: FrozenSam) -> None:
    # The second part was labelled with a box, or lost its point in a crop.
    points = (np.array([[12, 30], [14, 34]], np.float32), np.zeros((0, 2), np.float32))
    targets = learnt_targets(toy_sam, replace(image(BOXES), points_xy=points))
    scaled = torch.tensor([[20.0, 40, 60, 100], [0.0, 0, 256, 128]])
    torch.testing.assert_close(targets.learnt_boxes, scaled)
    torch.testing.assert_close(
        targets.boxes_xyxy, torch.tensor([[26.0, 64, 26, 64], [0, 0, 256, 128]])
    )
    assert targets.class_index.tolist() == [1, 0]


def test_point__nothing_but_the_centre_counts(toy_sam: FrozenSam) -> None:
    large = teacher_targets(toy_sam, image([[10, 20, 30, 50]]), "point")
    small = teacher_targets(toy_sam, image([[19, 34, 21, 36]]), "point")
    assert torch.equal(large.tokens, small.tokens)
    assert torch.equal(large.boxes_xyxy, small.boxes_xyxy)


@pytest.mark.parametrize("supervision", ["box", "point", "mixed"])
def test_image_without_parts(toy_sam: FrozenSam, supervision: Supervision) -> None:
    targets = teacher_targets(toy_sam, image([]), supervision)
    assert targets.class_index.shape == (0,)
    assert targets.tokens.shape == (0, 2, 256)
    assert targets.boxes_xyxy.shape == (0, 4)
    assert targets.class_index.dtype == torch.long


def test_one_pixel_image(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, image([[0, 0, 1, 1]], 1, 1), "box")
    torch.testing.assert_close(targets.boxes_xyxy, torch.tensor([[0.0, 0, 256, 256]]))


def labelled(
    boxes: Sequence[Sequence[float] | None], points: Sequence[Sequence[Sequence[float]]]
) -> WeakImage:
    """An image twice as wide as high, with boxes for some parts and points for some."""
    rows = [[np.nan] * 4 if box is None else box for box in boxes]
    return replace(
        image([[0, 0, 1, 1]] * len(boxes)),
        boxes_xyxy=np.array(rows, np.float32),
        points_xy=tuple(np.array(p, np.float32).reshape(-1, 2) for p in points),
    )


# A box, a single point, and a box with two points on the part.
MIXED = ([[10, 20, 30, 50], None, [40, 0, 60, 30]], [[], [[12, 8]], [[55, 5], [45, 25]]])


def padding(sam: FrozenSam) -> torch.Tensor:
    """SAM's token for "not a point"."""
    return sam.prompt_points(torch.tensor([[[3.0, 4]]]))[0, 1]


def test_point__labelled_points_come_before_the_centre(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, labelled(*MIXED), "point", tokens_per_part=3)
    one = toy_sam.prompt_points(torch.tensor([[[40.0, 70]], [[24.0, 16]]]))
    two = toy_sam.prompt_points(torch.tensor([[[90.0, 50], [110, 10]]]))  # from left to right
    torch.testing.assert_close(targets.tokens[:2, :2], one)
    torch.testing.assert_close(targets.tokens[:2, 2], padding(toy_sam).expand(2, -1))
    torch.testing.assert_close(targets.tokens[2:], two)
    middles = torch.tensor([[40.0, 70], [24.0, 16], [100.0, 30]])
    torch.testing.assert_close(targets.boxes_xyxy, middles.repeat(1, 2))


def test_mixed__a_box_where_there_is_one(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, labelled(*MIXED), "mixed")
    boxes = torch.tensor([[20.0, 40, 60, 100], [80.0, 0, 120, 60]])
    torch.testing.assert_close(targets.tokens[[0, 2]], toy_sam.prompt_boxes(boxes))
    point = toy_sam.prompt_points(torch.tensor([[[24.0, 16]]]))
    torch.testing.assert_close(targets.tokens[1:2], point)
    torch.testing.assert_close(targets.boxes_xyxy[[0, 2]], boxes)
    torch.testing.assert_close(targets.boxes_xyxy[1], torch.tensor([24.0, 16, 24, 16]))


def test_mixed__box_is_padded_where_others_have_several_points(toy_sam: FrozenSam) -> None:
    several = labelled([[10, 20, 30, 50], None], [[], [[1, 1], [5, 5], [9, 9]]])
    targets = teacher_targets(toy_sam, several, "mixed", tokens_per_part=4)
    box = toy_sam.prompt_boxes(torch.tensor([[20.0, 40, 60, 100]]))[0]
    torch.testing.assert_close(targets.tokens[0, :2], box)
    torch.testing.assert_close(targets.tokens[0, 2:], padding(toy_sam).expand(2, -1))


def test_box__a_part_without_one(toy_sam: FrozenSam) -> None:
    with pytest.raises(ConfigError, match=r"a\.jpg: part 1 has points but no box. Use mixed or"):
        teacher_targets(toy_sam, labelled(*MIXED), "box")


def test_label_tokens__as_sam_makes_them_without_padding(toy_sam: FrozenSam) -> None:
    lengths = [len(tokens) for tokens in label_tokens(toy_sam, labelled(*MIXED), "point")]
    assert lengths == [2, 2, 3]
    assert label_tokens(toy_sam, image([]), "mixed") == []


def test_tokens_per_part__of_the_longest_prompt() -> None:
    mixed, plain = labelled(*MIXED), image(BOXES)
    assert tokens_per_part([plain], "box") == 2
    assert tokens_per_part([plain, mixed], "point") == 3
    assert tokens_per_part([mixed], "mixed") == 2  # the part with two points has a box
    many = labelled([None], [[[i, i] for i in range(60)]])
    assert tokens_per_part([many], "mixed") == MOST_POINTS + 1
    assert tokens_per_part([], "point") == 2


def test_spread_points__far_from_each_other_by_hand() -> None:
    # The middle is (5, 1); nearest to it is (4, 0), and farthest from that (11, 5). Squared, (9, 0)
    # is 25 from the nearer of both, (0, 0) only 16.
    points = np.array([[0, 0], [1, 0], [4, 0], [9, 0], [11, 5]], np.float32)
    assert spread_points(points, 3).tolist() == [[4, 0], [11, 5], [9, 0]]
    assert spread_points(points, 5) is points
    assert spread_points(points[:0], 2).shape == (0, 2)


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12),
    st.integers(1, 6),
)
def test_spread_points__chosen_from_the_points(points: list[tuple[int, int]], most: int) -> None:
    chosen = spread_points(np.array(points, np.float32), most)
    assert len(chosen) == min(len(points), most)
    assert {tuple(point) for point in chosen.tolist()} <= set(points)


def dataset(*images: WeakImage) -> WeakDataset:
    """Labels of the classes lid, knob and rim."""
    return WeakDataset(Path("l.json"), ("lid", "knob", "rim"), (1, 2, 3), images, ())


def test_check_prompts__boxes_are_missing() -> None:
    labels = dataset(image(BOXES), labelled(*MIXED))
    for supervision in get_args(Supervision)[1:]:
        check_prompts(labels, supervision, "--prompt")
    check_prompts(dataset(image(BOXES)), "box", "--prompt")
    message = (
        r"l\.json: 1 of 5 parts have points but no box, the first a 'knob' of a\.jpg, and --prompt "
        r"box needs the box of each. Use --prompt mixed to .*, or --prompt point\."
    )
    with pytest.raises(ConfigError, match=message):
        check_prompts(labels, "box", "--prompt")


def test_count_thinned__parts_with_too_many_points() -> None:
    many = [[i, i] for i in range(MOST_POINTS + 1)]
    labels = dataset(labelled([None, [0, 0, 5, 5], None], [many, many, many[1:]]))
    assert [count_thinned(labels, s) for s in get_args(Supervision)] == [0, 2, 1]
    assert [count_by_points(labels, s) for s in get_args(Supervision)] == [0, 3, 2]
