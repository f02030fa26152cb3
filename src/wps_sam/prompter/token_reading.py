"""What prompt tokens stand for: a box or points. The inverse of the teacher, for validation."""

import torch
from torch import Tensor

from wps_sam.sam.frozen import FrozenSam


def points_of_tokens(sam: FrozenSam, tokens: Tensor) -> Tensor:
    """Read tokens as points.

    The last token is SAM's "not a point" in any point prompt; of the others but the first, those
    nearer to that token than to any point are padding.

    Args:
        sam: Its prompt encoder made the tokens, or taught who did.
        tokens: (P, T, 256) float.

    Returns:
        (P, 2) float32, SAM frame: the middle of the points.
    """
    first = sam.points_from_tokens(tokens)
    total, count = first.clone(), torch.ones(len(first), 1, device=first.device)
    for slot in range(1, tokens.shape[1] - 1):
        token = tokens[:, slot : slot + 1].float()
        points = sam.points_from_tokens(token)
        encoded = sam.prompt_points(points[:, None])
        is_point = _distance(token, encoded[:, :1]) < _distance(token, encoded[:, 1:])
        total += points * is_point[:, None]
        count += is_point[:, None]
    return total / count


def places_of_tokens(sam: FrozenSam, tokens: Tensor) -> Tensor:
    """Read tokens as what they are nearer to, a box or points.

    Args:
        sam: As for `points_of_tokens`.
        tokens: (P, T, 256) float.

    Returns:
        (P, 4) float32, SAM frame: the box, or the middle of the points as a box of zero size.
    """
    two = tokens[:, :2].float()
    boxes = sam.boxes_from_tokens(two)
    from_box = _distance(two, sam.prompt_boxes(boxes))
    first, second = (sam.points_from_tokens(two[:, slot:]) for slot in range(2))
    one = sam.prompt_points(first[:, None])  # a point and the padding
    several = sam.prompt_points(torch.stack([first, second], dim=1))[:, :2]
    from_points = torch.minimum(_distance(two, one), _distance(two, several))
    points = points_of_tokens(sam, tokens).repeat(1, 2)
    return torch.where((from_box <= from_points)[:, None], boxes, points)


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance between prompts (P, T, 256) -> (P,)."""
    distance: Tensor = torch.linalg.vector_norm((a - b).flatten(1), dim=1)
    return distance
