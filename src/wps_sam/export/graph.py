"""The whole way of a picture as one module: what `PartSegmenter.predict` does, for a graph.

It is made of three pieces, so that one of them, the encoder, can be written in another precision.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.export.candidates import Candidates, PromptGroup, candidate_finder
from wps_sam.export.masks import enlarged, tight_boxes
from wps_sam.export.picture import to_sam_frame
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import cells_in_reach


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


class ToSamFrame(nn.Module):
    """First piece: picture to pixels in SAM's frame."""

    def __init__(self, side: int) -> None:
        """Remember the side of the SAM frame in pixels."""
        super().__init__()
        self.side = side

    def forward(self, image: Tensor) -> Tensor:
        """(H, W, 3) uint8, RGB, original frame -> (1, 3, side, side) float32."""
        return to_sam_frame(image, self.side)


class Encoder(nn.Module):
    """Second piece: SAM's encoder."""

    def __init__(self, sam: FrozenSam) -> None:
        """Take a SAM, which is not copied."""
        super().__init__()
        self.sam = sam

    def forward(self, pixels: Tensor) -> Tensor:
        """(1, 3, side, side) float32 -> (1, D, h, w) float32."""
        return self.sam.encode(pixels)


class MaskDecoding(nn.Module):
    """SAM's mask decoder; a subclass may compute in other numbers."""

    def __init__(self, sam: FrozenSam) -> None:
        """Take a SAM, which is not copied."""
        super().__init__()
        self.sam = sam

    def forward(self, image: Any, tokens: Tensor, reach: Tensor | None) -> Tensor:
        """Decode the parts of one picture.

        Args:
            image: Of `FrozenSam.share`.
            tokens: (N, T, D) float32.
            reach: (N, h, w) bool, as for `FrozenSam.decode_shared`.

        Returns:
            (N, 4h, 4w) float32 logits over SAM's square.
        """
        masks = self.sam.decode_shared(image, tokens, multimask=False, reach=reach)
        return masks.low_res_logits[:, 0]


class _Decoded(NamedTuple):
    """Candidates that were decoded, best first.

    Attributes:
        rows: (D,) int64, which candidates.
        is_part: (D,) bool.
        logits: (D, 4h, 4w) float32.
    """

    rows: Tensor
    is_part: Tensor
    logits: Tensor


class PartFinder(nn.Module):
    """Third piece: prompter, suppression, mask decoder and enlarging."""

    def __init__(
        self, segmenter: PartSegmenter, score_threshold: float, decoding: MaskDecoding
    ) -> None:
        """Take a segmenter's models; see `PartGraph`."""
        super().__init__()
        self.sam = segmenter.sam
        self.decoding = decoding
        self.find = candidate_finder(segmenter.prompter, segmenter.sam, score_threshold)

    def forward(self, image: Tensor, features: Tensor) -> GraphOutput:
        """Find the parts of one picture.

        Args:
            image: (H, W, 3) uint8, of which only the size matters here.
            features: (1, D, h, w) float32.
        """
        candidates = self.find(features)
        decoded = self._decode(features, candidates)
        masks = enlarged(decoded.logits, image.shape[0], image.shape[1], self.sam.image_side) > 0
        kept = torch.nonzero(decoded.is_part & masks.flatten(1).any(1))[:, 0]
        masks, rows = masks[kept], decoded.rows[kept]
        return GraphOutput(
            masks, candidates.class_index[rows], candidates.scores[rows], tight_boxes(masks)
        )

    def _decode(self, features: Tensor, candidates: Candidates) -> _Decoded:
        """Decode the parts of all groups, and put them in order."""
        image, reach = self.sam.share(features[0]), None
        if candidates.boxes_xyxy is not None:
            reach = cells_in_reach(candidates.boxes_xyxy, self.sam.embed_hw, self.sam.image_side)
        found = [
            self._decode_group(image, group, candidates.is_part, reach)
            for group in candidates.groups
        ]
        if len(found) == 1:
            return found[0]
        joined = _Decoded(*(torch.cat(parts) for parts in zip(*found, strict=True)))
        order = joined.rows.topk(joined.rows.shape[0], largest=False).indices
        return _Decoded(*(values[order] for values in joined))

    def _decode_group(
        self, image: Any, group: PromptGroup, is_part: Tensor, reach: Tensor | None
    ) -> _Decoded:
        """Decode the parts of one group; reach is (N, h, w) bool, of all candidates.

        Of a group without a part the first candidate is decoded all the same and marked as no part:
        not every runtime can compute with nothing.
        """
        chosen = group.members & is_part
        is_first = torch.arange(chosen.shape[0]) == 0
        rows = torch.nonzero(chosen | (is_first & ~chosen.any()))[:, 0]
        tokens = group.tokens[rows]
        # Tracing cannot know how many there are, only that there is one.
        torch._check(tokens.shape[0] >= 1)  # type: ignore[no-untyped-call]  # torch has no annotation
        logits = self.decoding(image, tokens, None if reach is None else reach[rows])
        return _Decoded(rows, chosen[rows], logits)


class PartGraph(nn.Module):
    """Picture in, parts out, in operations that runtimes have."""

    def __init__(
        self,
        segmenter: PartSegmenter,
        score_threshold: float,
        decoding: MaskDecoding | None = None,
    ) -> None:
        """Take a segmenter's models; nothing is copied.

        Args:
            segmenter: On the CPU.
            score_threshold: Least score of a part, 0 to 1.
            decoding: In the place of the SAM's own mask decoder.

        Raises:
            ConfigError: The segmenter's prompter cannot be exported.
        """
        super().__init__()
        self.to_sam_frame = ToSamFrame(segmenter.sam.image_side)
        self.encoder = Encoder(segmenter.sam)
        decoding = MaskDecoding(segmenter.sam) if decoding is None else decoding
        self.part_finder = PartFinder(segmenter, score_threshold, decoding)

    def forward(self, image: Tensor) -> GraphOutput:
        """Find the parts of one picture.

        Args:
            image: (H, W, 3) uint8, RGB, original frame.
        """
        found: GraphOutput = self.part_finder(image, self.encoder(self.to_sam_frame(image)))
        return found
