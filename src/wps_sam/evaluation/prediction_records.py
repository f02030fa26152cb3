"""The records of a prediction file, checked one by one."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from wps_sam.errors import PredictionError
from wps_sam.evaluation.parts import ScoredImage
from wps_sam.labels.repeats import first_repeat

REMEDY = "Write the file again with `wps-sam predict`."

ORDER = (
    "Predictions come first, then the truth, as in `wps-sam evaluate PREDICTIONS TRUTH`; --oracle "
    "takes predictions too."
)


class PredictedMask(NamedTuple):
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


def parse_category(source: Path, record: Any) -> tuple[int, str]:
    """Return the id and name of a category record."""
    try:
        return _whole_number(record["id"]), str(record["name"]).strip()
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise PredictionError(
            f"{source}: a category needs id (a whole number) and name; found {record!r}. {REMEDY}"
        ) from error


def parse_image(source: Path, record: Any) -> ScoredImage:
    """Check an image record."""
    try:
        image_id, file_name = record["id"], str(record["file_name"]).replace("\\", "/")
        height, width = _whole_number(record["height"]), _whole_number(record["width"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise PredictionError(
            f"{source}: an image needs id, file_name, height and width; found {record!r}. {REMEDY} "
            f"If it is a label file: {ORDER}"
        ) from error
    if type(image_id) not in (int, str) or min(height, width) < 1:
        raise PredictionError(
            f"{source}: an image needs a number or text as id and a size of at least 1 x 1; found "
            f"{record!r}. {REMEDY}"
        )
    return ScoredImage(image_id, file_name, height, width)


def parse_mask(
    source: Path, record: Any, position: int, class_of_id: Mapping[int, int]
) -> tuple[int | str, PredictedMask]:
    """Check an annotation record; return its image id and the mask."""
    if not isinstance(record, dict):
        raise PredictionError(
            f"{source}: record {position} of annotations is no object; found {record!r}. {REMEDY}"
        )
    name = f"annotation {record.get('id', f'number {position + 1}')}"
    image_id, category_id = record.get("image_id"), record.get("category_id")
    # JSON's true is an int to Python, and equal to 1.
    if isinstance(image_id, bool) or not isinstance(image_id, int | str):
        raise PredictionError(
            f"{source}: {name} needs image_id (a number or text); found {image_id!r}. {REMEDY}"
        )
    if type(category_id) is not int or category_id not in class_of_id:
        raise PredictionError(
            f"{source}: {name} has category_id {category_id!r}, which is not one of the file's "
            f"categories {sorted(class_of_id)}. {REMEDY}"
        )
    if not isinstance(record.get("segmentation"), dict):
        raise PredictionError(
            f"{source}: {name} needs a run-length mask, segmentation: {{size, counts}}; found "
            f"{type(record.get('segmentation')).__name__}. {_remedy(source, record)}"
        )
    score = _score(source, name, record)
    return image_id, PredictedMask(name, class_of_id[category_id], record["segmentation"], score)


def _score(source: Path, name: str, record: Mapping[str, Any]) -> float:
    """Return the record's score, or raise PredictionError unless it is a finite number."""
    score = record.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool):
        with suppress(OverflowError):  # a whole number too large for a float is not finite either
            if math.isfinite(score):
                return float(score)
    raise PredictionError(
        f"{source}: {name} needs a score, a finite number; found "
        f"{repr(score) if 'score' in record else 'no score'}. Without scores the order of "
        f"overlapping masks is not known. {_remedy(source, record)}"
    )


def _remedy(source: Path, record: Mapping[str, Any]) -> str:
    """What to do about an annotation; one without a score may come from a label file."""
    if "score" in record:
        return REMEDY
    what = "polygons" if isinstance(record.get("segmentation"), list) else "no scores"
    return f"{source} looks like a label file, which has {what}. {ORDER}"


def _whole_number(value: Any) -> int:
    """The value as an int; TypeError for true and false, which Python would take for 1 and 0."""
    if isinstance(value, bool):
        raise TypeError("a truth value is no number")
    return int(value)


def check_unique(source: Path, what: str, values: Callable[[], Iterable[Hashable]]) -> None:
    """Raise PredictionError when a value occurs twice.

    Args:
        source: The file, for the message.
        what: What the values are, such as `image id`.
        values: Gives all values, each time it is asked.
    """
    value = first_repeat(values)
    if value is not None:
        raise PredictionError(f"{source}: {what} {value!r} occurs more than once. {REMEDY}")
