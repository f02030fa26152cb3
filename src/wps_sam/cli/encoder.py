"""What commands encode photographs with, and the cache that goes with it."""

from pathlib import Path
from typing import Literal

from wps_sam.embeddings.build import ImageEncoder
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
from wps_sam.sam.frozen import FrozenSam

EncoderRuntime = Literal["pytorch", "openvino-bf16"]


def open_encoder(runtime: EncoderRuntime, sam: FrozenSam) -> ImageEncoder:
    """Choose what makes features.

    Returns:
        The SAM itself for PyTorch.

    Raises:
        ConfigError: The runtime does not know this SAM or its device.
    """
    if runtime == "pytorch":
        return sam
    from wps_sam.export.encoder import Bfloat16OpenvinoEncoder

    return Bfloat16OpenvinoEncoder(sam)


def open_cache(root: Path | None, runtime: EncoderRuntime, sam: FrozenSam) -> EmbeddingCache:
    """Open the cache of the features that a runtime makes.

    Args:
        root: Folder of all caches; None takes the default.
        runtime: What makes them.
        sam: Of which SAM.

    Returns:
        The cache.

    Raises:
        CacheError: Its folder cannot be made, or is of other features.
    """
    numbers: Literal["float32", "bfloat16"] = "float32" if runtime == "pytorch" else "bfloat16"
    return EmbeddingCache(root or default_cache_root(), Fingerprint.of(sam, numbers))
