"""What commands encode photographs with, and the cache that goes with it."""

from pathlib import Path
from typing import Literal

from wps_sam.embeddings.bfloat16 import Bfloat16Encoder
from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.fingerprint import EncoderNumbers, Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
from wps_sam.sam.frozen import FrozenSam

EncoderRuntime = Literal["pytorch", "pytorch-bf16", "openvino-bf16"]

_NUMBERS: dict[EncoderRuntime, EncoderNumbers] = {
    "pytorch": "float32",
    "pytorch-bf16": "bfloat16 by PyTorch",
    "openvino-bf16": "bfloat16",
}


def named_encoder(name: object) -> EncoderRuntime:
    """What a run folder says its features were made with; `pytorch` if it is no encoder's name."""
    return next((runtime for runtime in _NUMBERS if runtime == name), "pytorch")


def open_encoder(runtime: EncoderRuntime, sam: FrozenSam) -> ImageEncoder:
    """Choose what makes features.

    Returns:
        The SAM itself for PyTorch in float32.

    Raises:
        ConfigError: The runtime does not know this SAM or its device.
    """
    if runtime == "pytorch":
        return sam
    if runtime == "pytorch-bf16":
        return Bfloat16Encoder(sam)
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
    return EmbeddingCache(root or default_cache_root(), Fingerprint.of(sam, _NUMBERS[runtime]))
