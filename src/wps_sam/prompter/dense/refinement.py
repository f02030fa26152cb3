"""Second stage: look at each proposed box closely, correct it, and classify it anew.

The idea is that of Faster R-CNN (Ren et al., 2015): a cell of the grid sees a place, the second
stage sees a box: 7 x 7 samples of SAM's features at full resolution, from inside the box and just
around it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.layers import convolution

SAMPLES = 7
"""Samples along each side of a box."""

SURROUNDINGS = 1.3
"""Side of the sampled region, in sides of the box."""

SMALLEST_SIDE = 8.0
"""Pixels of the SAM frame; a smaller box is looked at, and corrected, as if it were so large."""

_FIRST_BIAS = -3.0  # a box starts out with probability 0.05 for each class


class BoxRefinement(nn.Module):
    """Corrects boxes and classifies what is in them."""

    def __init__(
        self, config: DensePrompterConfig, num_classes: int, embed_dim: int, image_side: int
    ) -> None:
        """Build with random weights; arguments as for `DensePrompter`."""
        super().__init__()
        self.image_side = image_side
        self.detail = convolution(embed_dim, config.detail_width, size=1)
        seen = config.detail_width * SAMPLES * SAMPLES + config.width
        hidden = config.refinement_width
        self.layers = nn.Sequential(
            nn.Linear(seen, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
        )
        self.class_head = nn.Linear(hidden, num_classes)
        self.box_head = nn.Linear(hidden, 4)
        nn.init.constant_(self.class_head.bias, _FIRST_BIAS)
        nn.init.normal_(self.box_head.weight, std=0.001)
        nn.init.zeros_(self.box_head.bias)

    def forward(self, features: Tensor, scene: Tensor, boxes_xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Look at boxes.

        Args:
            features: (B, 256, 64, 64) float32, SAM's image features.
            scene: (B, W, n, n) float, what the first stage knows; read at the box's centre.
            boxes_xyxy: (B, K, 4) float32, SAM frame; no gradient flows to them.

        Returns:
            Class logits (B, K, C) float32 and corrected boxes (B, K, 4) float32, SAM frame.
        """
        center = (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2
        size = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=SMALLEST_SIDE)
        inside = self._sample(self.detail(features), self._places(center, size))
        around = self._sample(scene, center[:, :, None])
        hidden = self.layers(torch.cat([inside, around], dim=2))
        shift, scale = self.box_head(hidden).float().split(2, dim=2)
        center, size = center + shift * size, size * scale.clamp(-1, 1).exp()
        boxes = torch.cat([center - size / 2, center + size / 2], dim=2)
        return self.class_head(hidden).float(), boxes

    def _places(self, center: Tensor, size: Tensor) -> Tensor:
        """Where boxes (B, K) are sampled: (B, K, 49, 2) x, y in the SAM frame."""
        step = (torch.arange(SAMPLES, device=center.device) + 0.5) / SAMPLES - 0.5
        y, x = torch.meshgrid(step, step, indexing="ij")
        offset = torch.stack([x, y], dim=-1).reshape(-1, 2) * SURROUNDINGS
        return center[:, :, None] + offset * size[:, :, None]

    def _sample(self, grid: Tensor, places_xy: Tensor) -> Tensor:
        """Bilinear samples of (B, D, h, w) at (B, K, S, 2), SAM frame -> (B, K, D * S)."""
        sampled = F.grid_sample(grid, places_xy / self.image_side * 2 - 1, align_corners=False)
        return sampled.permute(0, 2, 1, 3).flatten(2)
