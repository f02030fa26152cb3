"""First stage: every cell of a 32 x 32 grid proposes a part: a probability a class, and a box."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.layers import bias_of, convolution, sine_position
from wps_sam.prompter.transformer import EncoderLayer, LayerShape

RARE = -4.0  # first class bias: a cell starts out with probability 0.018 for each class


class Proposals(NamedTuple):
    """What N cells propose.

    Attributes:
        class_logits: (B, N, C) float32, sigmoid gives the probability of each class.
        boxes_xyxy: (B, N, 4) float32, SAM frame.
        cell_centers: (N, 2) float32 x, y in the SAM frame.
        scene: (B, W, n, n) float, what the cells know of the picture; N = n * n.
    """

    class_logits: Tensor
    boxes_xyxy: Tensor
    cell_centers: Tensor
    scene: Tensor


class ProposalNetwork(nn.Module):
    """SAM's features, reduced to a grid, with a view of the whole picture for each cell."""

    position: Tensor

    def __init__(
        self,
        config: DensePrompterConfig,
        num_classes: int,
        embed_dim: int,
        embed_hw: tuple[int, int],
        image_side: int,
    ) -> None:
        """Build with random weights; arguments as for `DensePrompter`."""
        super().__init__()
        self.image_side = image_side
        width = config.width
        self.reduce = convolution(embed_dim, width, stride=2)
        layer = LayerShape(width, config.heads, 2 * width, config.dropout)
        self.context = nn.ModuleList(EncoderLayer(layer) for _ in range(config.context_layers))
        quarter_hw = (-(-embed_hw[0] // 4), -(-embed_hw[1] // 4))
        self.register_buffer("position", sine_position(*quarter_hw, width), persistent=False)
        self.tower = nn.Sequential(*(convolution(width, width) for _ in range(config.tower_layers)))
        self.class_branch = convolution(width, width)
        self.box_branch = convolution(width, width)
        self.dropout = nn.Dropout2d(config.dropout)
        self.class_head = nn.Conv2d(width, num_classes, 3, padding=1)
        self.box_head = nn.Conv2d(width, 4, 3, padding=1)
        nn.init.normal_(self.class_head.weight, std=0.01)
        nn.init.constant_(bias_of(self.class_head), RARE)
        nn.init.normal_(self.box_head.weight, std=0.01)
        nn.init.constant_(bias_of(self.box_head), 1.0)

    def forward(self, features: Tensor) -> Proposals:
        """Propose parts.

        Args:
            features: (B, 256, 64, 64) float32, SAM's image features.
        """
        x = self.reduce(features)
        x = self.tower(x + self._context(x))
        class_logits = self.class_head(self.dropout(self.class_branch(x)))
        reach = F.softplus(self.box_head(self.box_branch(x)).float())
        stride = self.image_side / x.shape[-1]
        centers = cell_centers(x.shape[-2], x.shape[-1], stride).to(x.device)
        left_top, right_bottom = (reach * stride).flatten(2).transpose(1, 2).split(2, dim=2)
        boxes = torch.cat([centers - left_top, centers + right_bottom], dim=2)
        return Proposals(class_logits.flatten(2).transpose(1, 2).float(), boxes, centers, x)

    def _context(self, x: Tensor) -> Tensor:
        """What the whole image says, at half the grid's resolution, brought back to the grid."""
        coarse = F.avg_pool2d(x, 2, ceil_mode=True)
        hw = coarse.shape[-2:]
        coarse = coarse.flatten(2).transpose(1, 2)
        for layer in self.context:
            coarse = layer(coarse, self.position)
        coarse = coarse.transpose(1, 2).reshape(*coarse.shape[::2], *hw)
        return F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)


def cell_centers(height: int, width: int, stride: float) -> Tensor:
    """(height * width, 2) float32 x, y in the SAM frame, row by row."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride


@torch.no_grad()
def strongest_cells(proposals: Proposals, count: int, slope_weight: float) -> Tensor:
    """Cells that are worth a second look.

    A cell whose neighbour is surer of the same class is no peak (Zhou et al., Objects as Points,
    2019) and mostly means the same part, so it counts less.

    Args:
        proposals: Of the first stage.
        count: K.
        slope_weight: What the probability of a cell that is no peak is multiplied by.

    Returns:
        (B, K) int64 positions among the N cells, surest first; K is N if there are fewer.
    """
    probability = proposals.class_logits.sigmoid()
    score, of_class = probability.max(-1)
    height, width = proposals.scene.shape[-2:]
    grid = probability.transpose(1, 2).reshape(-1, probability.shape[2], height, width)
    around = F.max_pool2d(grid, 3, stride=1, padding=1).flatten(2).transpose(1, 2)
    is_peak = around.gather(2, of_class[..., None]).squeeze(2) <= score
    strength = torch.where(is_peak, score, slope_weight * score)
    best: Tensor = strength.topk(min(count, score.shape[1]), dim=1).indices
    return best
