"""From prompt tokens to part masks in the original frame; the segmenter and the oracle use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.errors import DataError
from wps_sam.geometry.frames import SamFrame
from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.prediction import PartPrediction
from wps_sam.prompter.token_lengths import same_length
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.upscale import mask_windows

MaskChoice = Literal["single", "best-of-3"]
"""SAM's single mask, or of its three candidates the one it rates best."""

MOST_MASK_BYTES = 700_000_000
"""Masks of one image take this much at most, so that predicting stays within 1.5 GB in all."""


@dataclass(frozen=True)
class DecodedParts:
    """The masks of one image's P prompts.

    Attributes:
        low_res_logits: (P, h, w) float32 over SAM's whole square; in the mask where > 0.
        iou: (P,) float32, SAM's own guess of each mask's IoU.
    """

    low_res_logits: Tensor
    iou: Tensor


@torch.inference_mode()
def decode_tokens(
    sam: FrozenSam,
    features: Tensor,
    prompts: Sequence[Sequence[Tensor]],
    choice: MaskChoice = "single",
    boxes: Sequence[Tensor] | None = None,
) -> list[DecodedParts]:
    """Decode the prompts of several images; those of one length share a call.

    Args:
        sam: Its mask decoder does the work.
        features: (B, 256, h, w) float, one for each image.
        prompts: For each of B images P_b tensors (T, 256) float; P_b may be 0, and T may differ
            from prompt to prompt.
        choice: Which of SAM's masks to keep.
        boxes: For each of B images (P_b, 4) float, SAM frame: the boxes that the tokens stand for,
            where they do; masks are looked for in and around them only (`sam.mask_reach`).

    Returns:
        B results in the same order.
    """
    counts = [len(of_image) for of_image in prompts]
    image_index = torch.repeat_interleave(torch.arange(len(prompts)), torch.tensor(counts))
    side = 4 * sam.embed_hw[0], 4 * sam.embed_hw[1]
    logits = torch.zeros(sum(counts), *side, device=sam.device)
    iou = torch.zeros(sum(counts), device=sam.device)
    boxes_xyxy = None if boxes is None else torch.cat(list(boxes))
    for rows, tokens in same_length([tokens for of_image in prompts for tokens in of_image]):
        images = image_index[rows].to(sam.device)
        near = None if boxes_xyxy is None else boxes_xyxy[rows]
        decoded = sam.decode(features, tokens.to(sam.device), images, choice == "best-of-3", near)
        best = decoded.iou.argmax(1)
        each = torch.arange(len(rows), device=sam.device)
        logits[rows] = decoded.low_res_logits[each, best].to(logits.dtype)
        iou[rows] = decoded.iou[each, best].to(iou.dtype)
    return [
        DecodedParts(*parts)
        for parts in zip(torch.split(logits, counts), torch.split(iou, counts), strict=True)
    ]


@torch.inference_mode()
def to_prediction(
    low_res_logits: Tensor,
    class_index: NDArray[np.int64],
    scores: NDArray[np.float32],
    frame: SamFrame,
    class_names: tuple[str, ...],
) -> PartPrediction:
    """Bring one image's masks into its original frame and drop those without a pixel.

    Args:
        low_res_logits: (P, h, w) float, over SAM's whole square.
        class_index: (P,) int64.
        scores: (P,) float32.
        frame: How the image sits in SAM's square.
        class_names: C names.

    Returns:
        The parts in the same order; `dropped_empty` counts the dropped ones.

    Raises:
        DataError: The masks would take more than `MOST_MASK_BYTES`.
    """
    height, width = frame.original_hw
    _refuse_too_large(len(low_res_logits), frame.original_hw)
    masks = np.zeros((len(low_res_logits), height, width), np.bool_)
    boxes: list[NDArray[np.float32]] = []
    kept: list[int] = []
    for part, (window, top, left) in enumerate(mask_windows(low_res_logits, frame)):
        mask = window.cpu().numpy()
        if mask.any():
            # Rows are filled from the front, so that dropping empty masks needs no copy.
            masks[len(kept), top : top + mask.shape[0], left : left + mask.shape[1]] = mask
            boxes.append(mask_to_box(mask) + np.array([left, top, left, top], np.float32))
            kept.append(part)
    return PartPrediction(
        masks=masks[: len(kept)],
        class_index=class_index[kept],
        class_names=class_names,
        scores=scores[kept],
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        dropped_empty=len(low_res_logits) - len(kept),
    )


def _refuse_too_large(parts: int, original_hw: tuple[int, int]) -> None:
    """Raise DataError if the masks of one image would not fit into memory."""
    needed = parts * original_hw[0] * original_hw[1]
    if needed > MOST_MASK_BYTES:
        raise DataError(
            f"{parts} parts in an image of {original_hw[0]} x {original_hw[1]} pixels (height x "
            f"width) need {needed / 1e9:.1f} GB for their masks, more than the "
            f"{MOST_MASK_BYTES / 1e9:.1f} GB allowed. Raise the score threshold to keep fewer "
            "parts, or make the image smaller; SAM sees 1024 pixels of its longer side."
        )
