"""Read a `predictions.json` and check every record, without any model.

The format is COCO with run-length masks and scores:
`{"info": {...}, "images": [{id, file_name, height, width}], "categories": [{id, name}],
"annotations": [{id, image_id, category_id, segmentation: {size, counts}, bbox, area, score}]}`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wps_sam.errors import DataError, PredictionError
from wps_sam.evaluation.parts import ImageParts, ScoredImage
from wps_sam.evaluation.runs import rle_to_runs

_REMEDY = "Write the file again with `wps-sam predict`."


@dataclass(frozen=True)
class PredictedMask:
    """One predicted part as the file holds it.

    Attributes:
        record: How messages name it, such as `annotation 17`.
        class_index: Index into the file's own classes.
        rle: COCO RLE, original frame.
        score: Confidence; finite.
    """

    record: str
    class_index: int
    rle: Mapping[str, Any]
    score: float


@dataclass(frozen=True)
class PredictionFile:
    """All predictions of a file, masks still encoded.

    Attributes:
        source: The file.
        class_names: Names in the file's order.
        category_ids: The file's ids in the same order.
        images: Every image that was predicted, also those without a part.
        masks: For each image, in the order of `images`, its predicted masks.
    """

    source: Path
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[ScoredImage, ...]
    masks: tuple[tuple[PredictedMask, ...], ...]

    def parts(self, index: int) -> ImageParts:
        """Decode the parts of one image.

        Args:
            index: Position in `images`.

        Returns:
            The parts; `class_index` refers to this file's `class_names`.

        Raises:
            PredictionError: A mask is damaged or has another size than the image.
        """
        image, masks = self.images[index], self.masks[index]
        runs = []
        for mask in masks:
            try:
                runs.append(rle_to_runs(mask.rle, image.hw))
            except DataError as error:
                raise PredictionError(
                    f"{self.source}: {mask.record} of image {image.file_name}: {error}. {_REMEDY}"
                ) from error
        return ImageParts(
            hw=image.hw,
            class_index=np.array([mask.class_index for mask in masks], np.int64),
            runs=tuple(runs),
            scores=np.array([mask.score for mask in masks], np.float64),
        )


def read_predictions(path: str | Path) -> PredictionFile:
    """Read and check a prediction file.

    Args:
        path: The `predictions.json`.

    Returns:
        The predictions; masks are decoded later, image by image.

    Raises:
        PredictionError: The file is missing, is not JSON or not of this format, or a record is
            incomplete, doubled, refers to nothing, or has no finite score.
    """
    source = Path(path)
    content = _load(source)
    categories = [_category(source, record) for record in content["categories"]]
    images = [_image(source, record) for record in content["images"]]
    _check_unique(source, "category id", [number for number, _ in categories])
    _check_unique(source, "category name", [name for _, name in categories])
    _check_unique(source, "image id", [image.image_id for image in images])
    _check_unique(source, "image file_name", [image.file_name for image in images])
    class_of_id = {number: index for index, (number, _) in enumerate(categories)}
    masks: dict[int | str, list[PredictedMask]] = {image.image_id: [] for image in images}
    for position, record in enumerate(content["annotations"]):
        image_id, mask = _mask(source, record, position, class_of_id)
        if image_id not in masks:
            raise PredictionError(
                f"{source}: {mask.record} belongs to image {image_id!r}, which is not in the "
                f"file's {len(images)} images. {_REMEDY}"
            )
        masks[image_id].append(mask)
    return PredictionFile(
        source=source,
        class_names=tuple(name for _, name in categories),
        category_ids=tuple(number for number, _ in categories),
        images=tuple(images),
        masks=tuple(tuple(masks[image.image_id]) for image in images),
    )


def _load(source: Path) -> dict[str, Any]:
    """Read the JSON and check that it has the three lists."""
    try:
        content = json.loads(source.read_bytes())
    except FileNotFoundError as error:
        raise PredictionError(
            f"No prediction file at {source}. Make one with `wps-sam predict RUN SOURCE --out DIR`."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PredictionError(f"{source} cannot be read as JSON: {error}. {_REMEDY}") from error
    if isinstance(content, list):
        raise PredictionError(
            f"{source} is a bare list (COCO's results format), which does not say which images "
            "were predicted nor what the classes are called. Expected an object with images, "
            f"categories and annotations. {_REMEDY}"
        )
    for key in ("images", "categories", "annotations"):
        found = content.get(key) if isinstance(content, dict) else None
        if not isinstance(found, list):
            raise PredictionError(
                f"{source} is not a prediction file: expected an object with the lists images, "
                f"categories and annotations; {key} is {type(found).__name__}. {_REMEDY}"
            )
    result: dict[str, Any] = content
    return result


def _category(source: Path, record: Any) -> tuple[int, str]:
    """Return the id and name of a category record."""
    try:
        return int(record["id"]), str(record["name"]).strip()
    except (KeyError, TypeError, ValueError) as error:
        raise PredictionError(
            f"{source}: a category needs id (a whole number) and name; found {record!r}. {_REMEDY}"
        ) from error


def _image(source: Path, record: Any) -> ScoredImage:
    """Check an image record."""
    try:
        image_id, file_name = record["id"], str(record["file_name"]).replace("\\", "/")
        height, width = int(record["height"]), int(record["width"])
    except (KeyError, TypeError, ValueError) as error:
        raise PredictionError(
            f"{source}: an image needs id, file_name, height and width; found {record!r}. {_REMEDY}"
        ) from error
    if not isinstance(image_id, int | str) or min(height, width) < 1:
        raise PredictionError(
            f"{source}: an image needs a number or text as id and a size of at least 1 x 1; found "
            f"{record!r}. {_REMEDY}"
        )
    return ScoredImage(image_id, file_name, height, width)


def _mask(
    source: Path, record: Any, position: int, class_of_id: Mapping[int, int]
) -> tuple[int | str, PredictedMask]:
    """Check an annotation record; return its image id and the mask."""
    if not isinstance(record, dict):
        raise PredictionError(
            f"{source}: record {position} of annotations is no object; found {record!r}. {_REMEDY}"
        )
    name = f"annotation {record.get('id', f'number {position + 1}')}"
    image_id, category_id = record.get("image_id"), record.get("category_id")
    if not isinstance(image_id, int | str):
        raise PredictionError(
            f"{source}: {name} needs image_id (a number or text); found {image_id!r}. {_REMEDY}"
        )
    if not isinstance(category_id, int) or category_id not in class_of_id:
        raise PredictionError(
            f"{source}: {name} has category_id {category_id!r}, which is not one of the file's "
            f"categories {sorted(class_of_id)}. {_REMEDY}"
        )
    if not isinstance(record.get("segmentation"), dict):
        raise PredictionError(
            f"{source}: {name} needs a run-length mask, segmentation: {{size, counts}}; found "
            f"{type(record.get('segmentation')).__name__}. {_REMEDY}"
        )
    score = _score(source, name, record)
    return image_id, PredictedMask(name, class_of_id[category_id], record["segmentation"], score)


def _score(source: Path, name: str, record: Mapping[str, Any]) -> float:
    """Return the record's score, or raise PredictionError unless it is a finite number."""
    score = record.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score):
        return float(score)
    raise PredictionError(
        f"{source}: {name} needs a score, a finite number; found "
        f"{repr(score) if 'score' in record else 'no score'}. Without scores the order of "
        f"overlapping masks is not known. {_REMEDY}"
    )


def _check_unique(source: Path, what: str, values: Sequence[Any]) -> None:
    """Raise PredictionError when a value occurs twice."""
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise PredictionError(f"{source}: {what} {value!r} occurs more than once. {_REMEDY}")
        seen.add(value)
