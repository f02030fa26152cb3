"""Pseudo-mask training: SAM cuts the training boxes out, and a per-pixel head learns these masks.

The head sees the same frozen features as the prompters (paper, table 5, trains MaskFormer so).
"""

from collections.abc import Sequence
from functools import cache as remember

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.rivals.training import SeenImages, train_network
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.geometry.frames import SamFrame
from wps_sam.geometry.masks import mask_to_box, paint_semantic
from wps_sam.inference.decoding import decode_tokens
from wps_sam.inference.prediction import PartPrediction
from wps_sam.labels.weak_labels import WeakImage
from wps_sam.prompter.teacher import label_tokens
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.upscale import masks_to_original
from wps_sam.training.job import LabelledFeatures
from wps_sam.training.recipes import OptimiserConfig

_IGNORED = -100  # what F.cross_entropy leaves out
_OPTIMISER = OptimiserConfig(
    kind="adamw",
    learning_rate=1e-3,
    weight_decay=1e-2,
    warmup_steps=100,
    gradient_norm_limit=5.0,
)


def _block(width_in: int, width_out: int, dilation: int = 1) -> nn.Sequential:
    """A 3x3 convolution with group norm."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, padding=dilation, dilation=dilation, bias=False),
        nn.GroupNorm(16, width_out),
        nn.GELU(),
    )


class PixelHead(nn.Module):
    """Convolutions at 64 x 64, two of them dilated for context, then up to 128 and 256.

    Attributes:
        class_names: C names.
        image_side: Side of the SAM frame in pixels.
    """

    def __init__(self, class_names: Sequence[str], sam: FrozenSam) -> None:
        """Build with random weights."""
        super().__init__()
        self.class_names = tuple(class_names)
        self.image_side = sam.image_side
        self.layers = nn.Sequential(
            _block(sam.embed_dim, 256),
            _block(256, 256, dilation=2),
            _block(256, 256, dilation=4),
            nn.ConvTranspose2d(256, 96, 2, stride=2),
            _block(96, 64),
            nn.ConvTranspose2d(64, 32, 2, stride=2),
            _block(32, 32),
            nn.Conv2d(32, len(class_names) + 1, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, 256, 64, 64) -> logits (B, C + 1, 256, 256), SAM frame; 0 is background."""
        logits: Tensor = self.layers(features)
        return logits

    @torch.inference_mode()
    def predict_features(self, features: Tensor, original_hw: tuple[int, int]) -> PartPrediction:
        """Give each pixel its likeliest class; one mask a class that has any pixel.

        Args:
            features: (256, 64, 64) float of any precision and device.
            original_hw: (height, width) of the image in pixels.

        Returns:
            The parts, original frame, best score first; a score is the class's mean probability
            over its mask.
        """
        device = next(self.parameters()).device
        logits = self(features[None].to(device, torch.float32))[0]
        logits = masks_to_original(logits, SamFrame(original_hw, self.image_side))
        probability, label_map = logits.softmax(0).max(0)
        found = label_map.unique()  # type: ignore[no-untyped-call]  # torch has no annotation
        found = found[found > 0]
        masks = label_map == found[:, None, None]
        scores = (probability * masks).sum((1, 2)) / masks.sum((1, 2))
        order = scores.argsort(descending=True, stable=True)
        cut = masks[order].cpu().numpy()
        return PartPrediction(
            masks=cut,
            class_index=(found[order] - 1).cpu().numpy(),
            class_names=self.class_names,
            scores=scores[order].cpu().numpy(),
            boxes_xyxy=np.array([mask_to_box(mask) for mask in cut], np.float32).reshape(-1, 4),
        )


def pseudo_label_map(sam: FrozenSam, image: WeakImage, features: Tensor) -> Tensor:
    """Let SAM cut an image's boxes out, single mask, and paint them with the smaller part on top.

    Args:
        sam: The frozen SAM.
        image: Every part has a box.
        features: (256, h, w) float.

    Returns:
        (4h, 4w) int16 on the CPU, SAM frame: 0 is background, k is class k - 1; padding is -100.
    """
    batch = features[None].to(sam.device, torch.float32)
    (cut,) = decode_tokens(sam, batch, [label_tokens(sam, image, "box")])
    masks = (cut.low_res_logits > 0).cpu().numpy()
    side = 4 * sam.embed_hw[0]
    painted = paint_semantic(masks, image.class_index, (side, side)).astype(np.int16)
    height, width = SamFrame((image.height, image.width), side).resized_hw
    painted[height:] = _IGNORED
    painted[:, width:] = _IGNORED
    return torch.from_numpy(painted)


def train_pixel_head(
    sam: FrozenSam,
    cache: EmbeddingCache,
    train_views: Sequence[LabelledFeatures],
    num_classes: int,
    steps: int,
    seed: int,
    *,
    batch_size: int = 4,
) -> PixelHead:
    """Train the head on SAM's masks of the boxes; no other mask is read.

    Args:
        sam: Cuts the boxes out, each when its image first comes; training happens on its device.
        cache: Holds the features.
        train_views: As for `training.fit.fit`; every part has a box.
        num_classes: C.
        steps: Optimiser steps.
        seed: Of weights, order and views.
        batch_size: Images a step; the `strong` recipe's.

    Returns:
        The trained head.

    Raises:
        ConfigError: A part has no box.
        ValueError: The labels have another number of classes.
    """
    names = train_views[0].labels.class_names
    if len(names) != num_classes:
        raise ValueError(f"{len(names)} class names for {num_classes} classes")
    torch.manual_seed(seed)
    head = PixelHead(names, sam).to(sam.device)
    seen = SeenImages.of(train_views)

    @remember
    def label_map(position: int) -> Tensor:
        return pseudo_label_map(sam, seen.labels[position], cache.read(seen.keys[position]))

    def loss_of(features: Tensor, positions: list[int]) -> Tensor:
        wanted = torch.stack([label_map(position) for position in positions])
        return F.cross_entropy(head(features), wanted.to(sam.device).long(), ignore_index=_IGNORED)

    train_network(
        head, loss_of, _OPTIMISER, cache, seen, steps=steps, batch_size=batch_size, seed=seed
    )
    return head
