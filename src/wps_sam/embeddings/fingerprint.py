"""What makes a cached embedding stale: any field here that differs."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from wps_sam.sam.frozen import FrozenSam

# Raise when preprocessing, an encoder or the file layout changes what is stored.
EMBEDDING_CODE_VERSION = 1

EncoderNumbers = Literal["float32", "bfloat16", "bfloat16 by PyTorch"]
"""What an encoder computes in; `bfloat16` alone is OpenVINO's."""


@dataclass(frozen=True)
class Fingerprint:
    """Identity of one way of turning photographs into features.

    Attributes:
        sam_name: for people; two SAMs of one name differ in `weights`.
        weights: sha256 of SAM's parameters.
        preprocessing: resize, normalisation and padding, in words.
        dtype: number type of the stored features, and of computing them if not float32.
        code_version: `EMBEDDING_CODE_VERSION` of the program that stored them.
    """

    sam_name: str
    weights: str
    preprocessing: str
    dtype: str
    code_version: int

    @classmethod
    def of(cls, sam: FrozenSam, numbers: EncoderNumbers = "float32") -> "Fingerprint":
        """Fingerprint the embeddings of a SAM, and the numbers that its encoder computed in."""
        return cls(
            sam_name=sam.name,
            weights=sam.fingerprint,
            preprocessing=f"longest side {sam.image_side}, SAM mean and std, zero pad right bottom",
            dtype="float16" if numbers == "float32" else f"float16, computed in {numbers}",
            code_version=EMBEDDING_CODE_VERSION,
        )

    def digest(self) -> str:
        """Sixteen hex digits that name this fingerprint's folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
