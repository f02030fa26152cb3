"""Predictions as shapes to write: each mask becomes one outline."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.predictions import PredictionFile
from wps_sam.geometry.masks import rle_to_mask
from wps_sam.writing.outlines import join_rings, trace_rings
from wps_sam.writing.shapes import ImageShapes, ShapeRecord, extent_of
from wps_sam.writing.writer import JOINED, WriteRemarks


def predicted_images(
    predictions: PredictionFile, photographs: Mapping[str, Path | None], remarks: WriteRemarks
) -> Iterator[ImageShapes]:
    """Go through the images of a prediction file, one in memory at a time.

    Args:
        predictions: The file.
        photographs: File name -> the image's path.
        remarks: Takes the count of masks whose holes or pieces were joined.

    Yields:
        Each image with its parts: outline, the box around it, score; pixels of the original frame.

    Raises:
        PredictionError: A mask is damaged or has another size than its image.
    """
    for index, image in enumerate(predictions.images):
        shapes = _shapes(predictions.parts(index), predictions, image.file_name, remarks)
        path = photographs.get(image.file_name)
        yield ImageShapes(image.image_id, image.file_name, image.hw, shapes, path)


def _shapes(
    parts: ImageParts, predictions: PredictionFile, file_name: str, remarks: WriteRemarks
) -> tuple[ShapeRecord, ...]:
    """The parts of one image, in the file's order."""
    shapes = []
    for number, runs in enumerate(parts.runs):
        rings = trace_rings(rle_to_mask({"size": parts.hw, "counts": runs}))
        if not rings:
            continue  # predict leaves out and counts masks without a pixel
        if len(rings) > 1:
            remarks.note(f"part {number} of {file_name}", JOINED)
        outline = join_rings(rings)
        class_index = int(parts.class_index[number])
        shapes.append(
            ShapeRecord(
                class_index=class_index,
                class_name=predictions.class_names[class_index],
                box_xyxy=extent_of((outline,)),
                polygons=(outline,),
                score=float(parts.scores[number]),
            )
        )
    return tuple(shapes)
