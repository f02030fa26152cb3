"""RepViT-SAM (Wang et al. 2023): a convolutional encoder before SAM's own heads."""

from collections.abc import Collection, Mapping

from torch import Tensor
from transformers import SamConfig

from wps_sam.sam.adapter import Adapter
from wps_sam.sam.checkpoint_names import rename_heads
from wps_sam.sam.heads import FrozenSamHeads
from wps_sam.sam.neck import Neck
from wps_sam.sam.repvit import RepVit, RepVitShape
from wps_sam.sam.weights_file import load_exactly

NAME = "repvit_sam"
# RepViT-M2.3, whose last step keeps 1/16 of the side, so that features have SAM's size.
SHAPE = RepVitShape((80, 160, 320, 640), (6, 6, 34, 2), (2, 2, 1), normed_centre=False)
# Counters of batch norms.
_UNUSED_NAMES = (r"image_encoder\..*\.num_batches_tracked",)


class RepVitEncoder(RepVit):
    """RepViT and SAM's neck."""

    def __init__(self) -> None:
        """Build the encoder with random weights."""
        super().__init__(SHAPE)
        self.neck = Neck(SHAPE.widths[-1])

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode images.

        Args:
            pixels: (B, 3, S, S) float32, normalised, S a multiple of 16.

        Returns:
            (B, 256, S / 16, S / 16) float32, contiguous.
        """
        features: Tensor = self.neck(self.stage_maps(pixels)[-1])
        return features.contiguous()


class RepVitSam(FrozenSamHeads):
    """RepViT-SAM for images of side 1024."""

    def __init__(self) -> None:
        """Build the model with random weights, frozen."""
        super().__init__(NAME, SamConfig())
        self.image_encoder = RepVitEncoder()
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam."""
        features: Tensor = self.image_encoder(pixels)
        return features


def is_repvit_sam(names: Collection[str]) -> bool:
    """Whether a checkpoint with these parameter names is a RepViT-SAM."""
    return "image_encoder.features.0.0.c.weight" in names


def build_repvit_sam(weights: Mapping[str, Tensor], source: str) -> RepVitSam:
    """Build RepViT-SAM from a checkpoint's weights.

    Args:
        weights: Official parameter name -> float32 tensor.
        source: The file, for messages.

    Returns:
        The frozen model on the CPU.

    Raises:
        CheckpointError: A parameter is missing, unknown or of another shape.
    """
    sam = RepVitSam()
    load_exactly(sam, rename_heads(weights), source, ignored=_UNUSED_NAMES)
    return sam


ADAPTER = Adapter(
    family="RepViT-SAM",
    recognises=is_repvit_sam,
    build=build_repvit_sam,
)
