"""An encoder that computes in whole numbers of 8 bits, for OpenVINO."""

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wps_sam.export.graph import Encoder
from wps_sam.export.pieces import EncoderWriter, convert_encoder
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.images.reading import ImageFile, read_image
from wps_sam.sam.frozen import FrozenSam


def quantised_encoder(photographs: Sequence[ImageFile]) -> EncoderWriter:
    """Write encoders whose ranges are measured on photographs such as the model is meant for.

    Args:
        photographs: Read one by one when an encoder is written.

    Returns:
        For `write_pieces`; raises ConfigError if a package is missing, and DataError if a
        photograph cannot be read.
    """

    def write(sam: FrozenSam, folder: Path) -> Any:
        return _quantised(convert_encoder(Encoder(sam), sam, folder), sam, photographs)

    return write


def _quantised(encoder: Any, sam: FrozenSam, photographs: Sequence[ImageFile]) -> Any:
    """Measure the encoder's ranges and exchange its float operations for whole numbers."""
    nncf = extra_package("nncf", EXPORT)
    _fold_constants(encoder)
    dataset = nncf.Dataset(
        photographs, lambda file: sam.preprocess([read_image(file.path)]).numpy()
    )
    with _quiet():
        return nncf.quantize(
            encoder,
            dataset,
            subset_size=len(photographs),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER,
        )


def _fold_constants(model: Any) -> None:
    """Compute in place what follows from weights alone, such as a weight in another shape.

    NNCF looks for weights where they are stored: it leaves those that are transposed first in
    float32, and takes one scale a column of the kernel for those that are reshaped first.
    """
    passes = extra_package("openvino.passes", EXPORT)
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(model)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's progress to itself."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)
