"""The whole way of a picture as one module: what `PartSegmenter.predict` does, for a graph."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.export.candidates import Candidates, PromptGroup, candidate_finder
from wps_sam.export.masks import enlarged, tight_boxes
from wps_sam.export.picture import to_sam_frame
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.sam.frozen import FrozenSam


class GraphOutput(NamedTuple):
    """The K parts found in one picture, best score first; K may be 0.

    Attributes:
        masks: (K, H, W) bool, original frame.
        class_index: (K,) int64.
        scores: (K,) float32.
        boxes: (K, 4) float32, xyxy, original frame, tight around each mask.
    """

    masks: Tensor
    class_index: Tensor
    scores: Tensor
    boxes: Tensor


class PartGraph(nn.Module):
    """Picture in, parts out, in operations that runtimes have."""

    def __init__(self, segmenter: PartSegmenter, score_threshold: float) -> None:
        """Take a segmenter's models; nothing is copied.

        Args:
            segmenter: On the CPU.
            score_threshold: Least score of a part, 0 to 1.

        Raises:
            ConfigError: The segmenter's prompter cannot be exported.
        """
        super().__init__()
        self.sam = segmenter.sam
        self.find = candidate_finder(segmenter.prompter, segmenter.sam, score_threshold)

    def forward(self, image: Tensor) -> GraphOutput:
        """Find the parts of one picture.

        Args:
            image: (H, W, 3) uint8, RGB, original frame.
        """
        features = self.sam.encode(to_sam_frame(image, self.sam.image_side))
        candidates = self.find(features)
        decoded = _decode(self.sam, features, candidates)
        masks = enlarged(decoded.logits, image.shape[0], image.shape[1], self.sam.image_side) > 0
        kept = torch.nonzero(decoded.is_part & masks.flatten(1).any(1))[:, 0]
        masks, rows = masks[kept], decoded.rows[kept]
        return GraphOutput(
            masks, candidates.class_index[rows], candidates.scores[rows], tight_boxes(masks)
        )


class _Decoded(NamedTuple):
    """Candidates that were decoded, best first.

    Attributes:
        rows: (D,) int64, which candidates.
        is_part: (D,) bool.
        logits: (D, h, w) float32.
    """

    rows: Tensor
    is_part: Tensor
    logits: Tensor


def _decode(sam: FrozenSam, features: Tensor, candidates: Candidates) -> _Decoded:
    """Decode the parts of all groups, and put them in order."""
    image = sam.share(features[0])
    found = [_decode_group(sam, image, group, candidates.is_part) for group in candidates.groups]
    if len(found) == 1:
        return found[0]
    joined = _Decoded(*(torch.cat(parts) for parts in zip(*found, strict=True)))
    order = joined.rows.topk(joined.rows.shape[0], largest=False).indices
    return _Decoded(*(values[order] for values in joined))


def _decode_group(sam: FrozenSam, image: Any, group: PromptGroup, is_part: Tensor) -> _Decoded:
    """Decode the parts of one group.

    Of a group without a part the first candidate is decoded all the same and marked as no part: not
    every runtime can compute with nothing.
    """
    chosen = group.members & is_part
    is_first = torch.arange(chosen.shape[0]) == 0
    rows = torch.nonzero(chosen | (is_first & ~chosen.any()))[:, 0]
    tokens = group.tokens[rows]
    # Tracing cannot know how many there are, only that there is one.
    torch._check(tokens.shape[0] >= 1)  # type: ignore[no-untyped-call]  # torch has no annotation
    masks = sam.decode_shared(image, tokens, multimask=False)
    return _Decoded(rows, chosen[rows], masks.low_res_logits[:, 0])
