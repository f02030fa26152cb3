"""The dense prompter: a one-stage detector of parts on frozen SAM features.

SAM's own prompt encoder turns its boxes into tokens, so that predictions always lie where SAM's
mask decoder has seen prompts before.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.suppression import suppress_overlaps
from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.prompter.transformer import EncoderLayer, LayerShape
from wps_sam.sam.frozen import FrozenSam

_RARE = -4.0  # first class bias: a cell starts out with probability 0.018 for each class


class DenseOutput(NamedTuple):
    """What the dense prompter emits for a batch of N cells an image.

    Attributes:
        class_logits: (B, N, C) float32, sigmoid gives the probability of each class.
        boxes_xyxy: (B, N, 4) float32, SAM frame.
        cell_centers: (N, 2) float32 x, y in the SAM frame.
    """

    class_logits: Tensor
    boxes_xyxy: Tensor
    cell_centers: Tensor


def _convolution(width_in: int, width_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(16, width_out),
        nn.GELU(),
    )


def sine_position(height: int, width: int, channels: int) -> Tensor:
    """Fixed sine position encoding (Vaswani et al. 2017, over y and x as in DETR).

    Returns:
        (1, height * width, channels) float32.
    """
    quarter = channels // 4
    frequency = 10000 ** (-torch.arange(quarter) / quarter) * 2 * torch.pi
    y = (torch.arange(height) + 0.5)[:, None] / height * frequency
    x = (torch.arange(width) + 0.5)[:, None] / width * frequency
    y = torch.cat([y.sin(), y.cos()], dim=1)[:, None].expand(-1, width, -1)
    x = torch.cat([x.sin(), x.cos()], dim=1)[None].expand(height, -1, -1)
    return torch.cat([y, x], dim=2).reshape(1, height * width, channels)


class DensePrompter(Prompter):
    """Class probabilities and a box for every cell of a 32 x 32 grid."""

    emits_boxes: ClassVar[bool] = True
    position: Tensor

    def __init__(
        self,
        config: DensePrompterConfig,
        num_classes: int,
        *,
        embed_dim: int = 256,
        embed_hw: tuple[int, int] = (64, 64),
        image_side: int = 1024,
    ) -> None:
        """Build with random weights.

        Args:
            config: shape of the network.
            num_classes: C.
            embed_dim: channels of SAM's features.
            embed_hw: (height, width) of SAM's feature map.
            image_side: side of the SAM frame in pixels.
        """
        super().__init__()
        self.config = config
        self.image_side = image_side
        width = config.width
        self.reduce = _convolution(embed_dim, width, stride=2)
        layer = LayerShape(width, config.heads, 2 * width, config.dropout)
        self.context = nn.ModuleList(EncoderLayer(layer) for _ in range(config.context_layers))
        quarter_hw = (-(-embed_hw[0] // 4), -(-embed_hw[1] // 4))
        self.register_buffer("position", sine_position(*quarter_hw, width), persistent=False)
        self.tower = nn.Sequential(
            *(_convolution(width, width) for _ in range(config.tower_layers))
        )
        self.class_branch = _convolution(width, width)
        self.box_branch = _convolution(width, width)
        self.dropout = nn.Dropout2d(config.dropout)
        self.class_head = nn.Conv2d(width, num_classes, 3, padding=1)
        self.box_head = nn.Conv2d(width, 4, 3, padding=1)
        nn.init.normal_(self.class_head.weight, std=0.01)
        nn.init.constant_(_bias(self.class_head), _RARE)
        nn.init.normal_(self.box_head.weight, std=0.01)
        nn.init.constant_(_bias(self.box_head), 1.0)

    def forward(self, features: Tensor) -> DenseOutput:
        """Claim parts.

        Args:
            features: (B, 256, 64, 64) float32, SAM's image features.
        """
        x = self.reduce(features)
        x = self.tower(x + self._context(x))
        class_logits = self.class_head(self.dropout(self.class_branch(x)))
        reach = F.softplus(self.box_head(self.box_branch(x)).float())
        stride = self.image_side / x.shape[-1]
        centers = self._cell_centers(x.shape[-2], x.shape[-1], stride).to(x.device)
        left_top, right_bottom = (reach * stride).flatten(2).transpose(1, 2).split(2, dim=2)
        boxes = torch.cat([centers - left_top, centers + right_bottom], dim=2)
        return DenseOutput(class_logits.flatten(2).transpose(1, 2).float(), boxes, centers)

    def _context(self, x: Tensor) -> Tensor:
        """What the whole image says, at half the grid's resolution, brought back to the grid."""
        coarse = F.avg_pool2d(x, 2, ceil_mode=True)
        hw = coarse.shape[-2:]
        coarse = coarse.flatten(2).transpose(1, 2)
        for layer in self.context:
            coarse = layer(coarse, self.position)
        coarse = coarse.transpose(1, 2).reshape(*coarse.shape[::2], *hw)
        return F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)

    @staticmethod
    def _cell_centers(height: int, width: int, stride: float) -> Tensor:
        """(height * width, 2) float32 x, y in the SAM frame, row by row."""
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride

    def select(
        self, output: DenseOutput, sam: FrozenSam, score_threshold: float
    ) -> list[PartPrompts]:
        """Keep each cell's best class where probable enough, without duplicates.

        Args:
            output: of `forward`.
            sam: encodes the kept boxes as prompt tokens.
            score_threshold: least probability.
        """
        selected = []
        for logits, boxes in zip(output.class_logits, output.boxes_xyxy, strict=True):
            scores, class_index = logits.sigmoid().max(-1)
            boxes = boxes.clamp(0, self.image_side)
            kept = torch.nonzero(scores >= score_threshold).squeeze(1)
            kept = kept[scores[kept].argsort(descending=True, stable=True)]
            winners = suppress_overlaps(
                boxes[kept], scores[kept], class_index[kept], self.config.overlap_limit
            )
            kept = kept[winners]
            selected.append(
                PartPrompts(
                    class_index=class_index[kept],
                    scores=scores[kept],
                    tokens=sam.prompt_boxes(boxes[kept]),
                    boxes_xyxy=boxes[kept],
                )
            )
        return selected


def _bias(layer: nn.Conv2d) -> Tensor:
    """Bias of a layer that is known to have one."""
    if layer.bias is None:
        raise AttributeError("this convolution was built without a bias")
    return layer.bias
