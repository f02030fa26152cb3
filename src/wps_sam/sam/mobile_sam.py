"""MobileSAM: a TinyViT encoder before SAM's own prompt encoder and mask decoder."""

from collections.abc import Collection, Mapping
from importlib.resources import as_file, files

from torch import Tensor
from transformers import SamConfig

from wps_sam.sam.adapter import Adapter
from wps_sam.sam.checkpoint_names import rename_heads
from wps_sam.sam.heads import FrozenSamHeads
from wps_sam.sam.tiny_vit import TinyViT
from wps_sam.sam.weights_file import load_exactly, read_weights

NAME = "mobile_sam"
# The official mobile_sam.pt also holds TinyViT's classifier head, which MobileSAM never runs, index
# tables that follow from the window size, and counters of batch norms.
UNUSED_NAMES = (
    r"image_encoder\.(norm_head|head)\.(weight|bias)",
    r"image_encoder\..*\.attention_bias_idxs",
    r"image_encoder\..*\.num_batches_tracked",
)


class MobileSam(FrozenSamHeads):
    """MobileSAM for images of side 1024."""

    def __init__(self) -> None:
        """Build the model with random weights, frozen."""
        super().__init__(NAME, SamConfig())
        self.image_encoder = TinyViT()
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam."""
        features: Tensor = self.image_encoder(pixels)
        return features


def is_mobile_sam(names: Collection[str]) -> bool:
    """Whether a checkpoint with these parameter names is a MobileSAM."""
    is_tiny_vit = "image_encoder.patch_embed.seq.0.c.weight" in names
    # The smallest SAM-HQ has this encoder too, but further parts that must not be dropped.
    return is_tiny_vit and "mask_decoder.hf_token.weight" not in names


def build_mobile_sam(weights: Mapping[str, Tensor], source: str) -> MobileSam:
    """Build MobileSAM from a checkpoint's weights.

    Args:
        weights: Official parameter name -> float32 tensor.
        source: The file, for messages.

    Returns:
        The frozen model on the CPU.

    Raises:
        CheckpointError: A parameter is missing, unknown or of another shape.
    """
    sam = MobileSam()
    load_exactly(sam, rename_heads(weights), source, ignored=UNUSED_NAMES)
    return sam


def load_bundled_mobile_sam(name: str = NAME) -> MobileSam:
    """Load the MobileSAM that comes with the package; see weights/README.md for its origin.

    Args:
        name: The name that was asked for; only "mobile_sam" exists.

    Returns:
        The frozen model on the CPU, float32.
    """
    with as_file(files("wps_sam.sam") / "weights" / f"{name}.safetensors") as path:
        return build_mobile_sam(read_weights(path), str(path))


ADAPTER = Adapter(
    family="MobileSAM",
    names=(NAME,),
    load_named=load_bundled_mobile_sam,
    recognises=is_mobile_sam,
    build=build_mobile_sam,
)
