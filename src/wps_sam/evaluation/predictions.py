"""Read a `predictions.json` and check every record, without any model.

The format is COCO with run-length masks and scores:
`{"info": {...}, "images": [{id, file_name, height, width}], "categories": [{id, name}],
"annotations": [{id, image_id, category_id, segmentation: {size, counts}, bbox, area, score}]}`.
Only images and categories are held in memory; masks go to a temporary file.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wps_sam.errors import DataError, PredictionError
from wps_sam.evaluation.parts import ImageParts, ImagePositions, ScoredImage, ScoredImages
from wps_sam.evaluation.prediction_records import (
    ORDER,
    REMEDY,
    PredictedMask,
    check_unique,
    parse_category,
    parse_image,
    parse_mask,
)
from wps_sam.evaluation.runs import rle_to_runs
from wps_sam.evaluation.scratch import ScratchRows
from wps_sam.json_stream import JsonDocument, JsonError, open_json


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """All predictions of a file, masks still encoded.

    Attributes:
        source: The file.
        class_names: Names in the file's order.
        category_ids: The file's ids in the same order.
        images: Every image that was predicted, also those without a part.
        masks: Rows of `PredictedMask` by the image's position in `images`; on disk.
        info: The file's own `info`: what made it, with which settings; empty where there is none.
    """

    source: Path
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: Sequence[ScoredImage] = field(repr=False)
    masks: ScratchRows = field(repr=False)
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def parts(self, index: int) -> ImageParts:
        """Decode the parts of one image.

        Args:
            index: Position in `images`.

        Returns:
            The parts; `class_index` refers to this file's `class_names`.

        Raises:
            PredictionError: A mask is damaged or has another size than the image.
        """
        image = self.images[index]
        masks = [PredictedMask(*row) for row in self.masks.rows(range(len(self.images))[index])]
        runs = []
        for mask in masks:
            try:
                runs.append(rle_to_runs(mask.rle, image.hw))
            except DataError as error:
                raise PredictionError(
                    f"{self.source}: {mask.record} of image {image.file_name}: "
                    f"{str(error).rstrip('.')}. {REMEDY}"
                ) from error
        return ImageParts(
            hw=image.hw,
            class_index=np.array([mask.class_index for mask in masks], np.int64),
            runs=tuple(runs),
            scores=np.array([mask.score for mask in masks], np.float64),
        )


def read_predictions(path: str | Path) -> PredictionFile:
    """Read and check a prediction file; memory grows with its images, not with its masks.

    Args:
        path: The `predictions.json`.

    Returns:
        The predictions; masks are decoded later, image by image.

    Raises:
        PredictionError: The file is missing, is not JSON or not of this format, or a record is
            incomplete, doubled, refers to nothing, or has no finite score.
        DataError: There is no room for the masks in the temporary folder.
    """
    source = Path(path)
    categories, images = _read_head(source)
    check_unique(source, "category id", lambda: (number for number, _ in categories))
    check_unique(source, "category name", lambda: (name for _, name in categories))
    check_unique(source, "image id", lambda: (image.image_id for image in images))
    check_unique(source, "image file_name", lambda: (image.file_name for image in images))
    masks, info = _read_rest(source, [number for number, _ in categories], images)
    return PredictionFile(
        source=source,
        class_names=tuple(name for _, name in categories),
        category_ids=tuple(number for number, _ in categories),
        images=images,
        masks=masks,
        info=info,
    )


def _read_head(source: Path) -> tuple[list[tuple[int, str]], ScoredImages]:
    """Read categories (id and name) and images; the file is left once both were met."""
    categories: list[tuple[int, str]] | None = None
    images: ScoredImages | None = None
    with _open_predictions(source) as document:
        for key, value in document.members():
            if key == "images":
                records = _elements(source, key, value)
                images = ScoredImages(parse_image(source, record) for record in records)
            elif key == "categories":
                categories = [parse_category(source, r) for r in _elements(source, key, value)]
            if images is not None and categories is not None:
                return categories, images
    raise _no_list(source, "images" if images is None else "categories", None)


def _read_rest(
    source: Path, category_ids: list[int], images: ScoredImages
) -> tuple[ScratchRows, dict[str, Any]]:
    """Check every annotation and put it to the masks of its image; also read `info`."""
    class_of_id = {number: index for index, number in enumerate(category_ids)}
    positions = ImagePositions(images)
    masks, is_found, info = ScratchRows(), False, dict[str, Any]()
    with _open_predictions(source) as document:
        for key, value in document.members():
            if key == "info" and isinstance(value, dict):
                info = value
            if key != "annotations":
                continue
            is_found = True
            for position, record in enumerate(_elements(source, key, value)):
                image_id, mask = parse_mask(source, record, position, class_of_id)
                index = positions.find(image_id)
                if index is None:
                    raise PredictionError(
                        f"{source}: {mask.record} belongs to image {image_id!r}, which is not in "
                        f"the file's {len(images)} images. {REMEDY}"
                    )
                masks.append(index, tuple(mask))
    if not is_found:
        raise _no_list(source, "annotations", None)
    return masks, info


@contextmanager
def _open_predictions(source: Path) -> Iterator[JsonDocument]:
    """Open a prediction file that holds an object; errors say what is wrong with the file."""
    try:
        with open_json(source) as document:
            if document.kind == "list":
                raise PredictionError(
                    f"{source} is a bare list (COCO's results format), which does not say which "
                    "images were predicted nor what the classes are called. Expected an object "
                    f"with images, categories and annotations. {REMEDY}"
                )
            if document.kind != "dict":
                raise _no_list(source, "images", None)
            yield document
    except FileNotFoundError as error:
        raise PredictionError(
            f"No prediction file at {source}. Make one with `wps-sam predict RUN SOURCE --out "
            f"DIR`. {ORDER}"
        ) from error
    except (OSError, JsonError) as error:
        raise PredictionError(f"{source} cannot be read as JSON: {error}. {REMEDY}") from error


def _elements(source: Path, key: str, value: Any) -> Iterator[Any]:
    """The elements of a list; PredictionError if it is none."""
    if not isinstance(value, Iterator):
        raise _no_list(source, key, value)
    return value


def _no_list(source: Path, key: str, found: Any) -> PredictionError:
    """The error for a list that is missing or something else."""
    return PredictionError(
        f"{source} is not a prediction file: expected an object with the lists images, "
        f"categories and annotations; {key} is {type(found).__name__}. {REMEDY}"
    )
