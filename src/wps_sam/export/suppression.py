"""One box a part, without a loop whose length depends on the data.

The twin of `prompter.dense.suppression`: the same boxes stay.
"""

import torch
from torch import Tensor

from wps_sam.prompter.overlap import iou


def boxes_that_stay(boxes_xyxy: Tensor, class_index: Tensor, overlap_limit: float) -> Tensor:
    """Class-wise non-maximum suppression.

    A box stays if no better box that stays overlaps it. Whether a box stays is settled once it is
    for all better ones; each round settles at least the next box, so that N rounds settle all.

    Args:
        boxes_xyxy: (N, 4) float32 any frame, highest score first.
        class_index: (N,) int64; boxes of different classes never suppress each other.
        overlap_limit: IoU above which the lower score goes.

    Returns:
        (N,) bool.
    """
    count = boxes_xyxy.shape[0]
    is_better = torch.ones(count, count).tril(-1) > 0
    same_class = class_index[:, None] == class_index
    overlaps = iou(boxes_xyxy[:, None], boxes_xyxy) > overlap_limit
    drops = (is_better & same_class & overlaps).float()
    stays = torch.ones(count)
    for _ in range(count):
        stays = torch.relu(1 - drops @ stays)  # 1 where none drops it, else 0
    return stays > 0
