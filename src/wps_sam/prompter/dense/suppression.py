"""One box a part: of overlapping boxes only the most probable one stays."""

import torch
from torch import Tensor


def suppress_overlaps(
    boxes_xyxy: Tensor, scores: Tensor, class_index: Tensor, overlap_limit: float
) -> Tensor:
    """Class-wise non-maximum suppression (by `supervision`).

    Args:
        boxes_xyxy: (N, 4) any frame.
        scores: (N,), highest first.
        class_index: (N,) int64; boxes of different classes never suppress each other.
        overlap_limit: IoU above which the lower score goes.

    Returns:
        (K,) int64 positions that stay, highest score first.
    """
    if len(scores) == 0:
        return torch.zeros(0, dtype=torch.long, device=scores.device)
    from supervision import box_non_max_suppression  # slow to import, needed only here

    table = torch.cat([boxes_xyxy, scores[:, None], class_index[:, None].float()], dim=1)
    stays = box_non_max_suppression(table.detach().float().cpu().numpy(), overlap_limit)
    return torch.nonzero(torch.from_numpy(stays)).squeeze(1).to(scores.device)
