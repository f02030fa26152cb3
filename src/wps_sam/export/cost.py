"""What a file of lower precision costs: its masks against the model's, on photographs."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from wps_sam.errors import ExportError
from wps_sam.evaluation.confusion import ConfusionCounts
from wps_sam.evaluation.metrics import class_means, class_scores
from wps_sam.export.check_pictures import CheckPicture
from wps_sam.export.graph_file import GraphFile
from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.segmenter import PartSegmenter

AGREEMENT_LIMIT = 0.7
"""Least mIoU of a file's masks with the model's. Two trainings of one recipe that differ in their
seed only agree to about 0.75 on photographs of cars: below that a file is another model."""


@dataclass(frozen=True)
class PrecisionCost:
    """How far a file of lower precision is from its model.

    Attributes:
        photographs: How many were compared.
        miou: Mean over the classes that either finds of intersection over union, with the model's
            label maps as truth; pixels are summed over all photographs.
        pixel_agreement: Share of all pixels with the same label.
        parts: How many parts the model finds.
        file_parts: How many the file finds.
        seconds: Median seconds of the model for a photograph, in PyTorch.
        file_seconds: Likewise of the file.
    """

    photographs: int
    miou: float
    pixel_agreement: float
    parts: int
    file_parts: int
    seconds: float
    file_seconds: float


def check_shapes(
    segmenter: PartSegmenter, file: GraphFile, pictures: Iterable[CheckPicture]
) -> None:
    """Let a file cut pictures of several sizes: its masks must have theirs, and tight boxes.

    Args:
        segmenter: The model, for its classes.
        file: The loaded file.
        pictures: To cut.

    Raises:
        ExportError: They have not.
    """
    for picture in pictures:
        found = file.run(picture.image).as_prediction(segmenter.class_names)
        boxes = np.array([mask_to_box(mask) for mask in found.masks]).reshape(-1, 4)
        if found.original_hw != picture.image.shape[:2] or not (boxes == found.boxes_xyxy).all():
            raise ExportError(
                f"The exported file gives masks of {found.original_hw} pixels and boxes "
                f"{found.boxes_xyxy.tolist()} for picture {picture.name!r} of "
                f"{picture.image.shape[:2]}; expected the picture's size, and the boxes "
                f"{boxes.tolist()}. The file was deleted. Export with --precision 32, and report "
                "this message."
            )


def measure_cost(
    segmenter: PartSegmenter,
    file: GraphFile,
    photographs: Iterable[CheckPicture],
    score_threshold: float,
) -> PrecisionCost:
    """Let model and file cut photographs, and compare their label maps.

    Args:
        segmenter: The model, on the CPU.
        file: The loaded file.
        photographs: Such as the ranges were not measured on.
        score_threshold: The file's own.

    Returns:
        The cost.

    Raises:
        ExportError: The masks agree so little that the file is of no use, or there are none.
    """
    counts = ConfusionCounts(len(segmenter.class_names))
    number = parts = file_parts = 0
    seconds: list[float] = []
    file_seconds: list[float] = []
    for photograph in photographs:
        number += 1
        start = time.perf_counter()
        expected = segmenter.predict(photograph.image, score_threshold=score_threshold)
        between = time.perf_counter()
        found = file.run(photograph.image).as_prediction(segmenter.class_names)
        seconds.append(between - start)
        file_seconds.append(time.perf_counter() - between)
        counts.add(expected.semantic, found.semantic)
        parts += len(expected)
        file_parts += len(found)
    means = class_means(class_scores(counts.matrix, segmenter.class_names))
    miou = means.miou_true_or_predicted_classes
    if means.miou is None or miou is None:
        raise ExportError(
            f"The model finds no part in any of {number} photographs, so that nothing can be said "
            "about the file; nothing was written. Give photographs with parts: --calibrate FOLDER."
        )
    cost = PrecisionCost(
        photographs=number,
        miou=miou,
        pixel_agreement=float(np.trace(counts.matrix) / counts.matrix.sum()),
        parts=parts,
        file_parts=file_parts,
        seconds=median(seconds),
        file_seconds=median(file_seconds),
    )
    if cost.miou < AGREEMENT_LIMIT:
        raise ExportError(
            f"The exported file agrees with the model to an mIoU of {cost.miou:.3f} only, on "
            f"{number} photographs; expected {AGREEMENT_LIMIT} or more. The file was deleted. "
            "Calibrate it on more photographs, and such as the model is meant for, or export it "
            "with --precision 32."
        )
    return cost
