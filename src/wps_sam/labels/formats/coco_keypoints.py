"""COCO keypoints as points on parts.

A category that names its keypoints ("nose", "left_eye", ...) is an object, and each keypoint is a
part of it: the names become classes and the object's own category becomes none. In a category
without names, the keypoints of an annotation are points on that one part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory

OBJECT = "an object whose keypoints are the parts"
_REMEDY = "Correct the annotation or export the labels again."
_VISIBILITIES = (0, 1, 2)


@dataclass(frozen=True)
class KeypointClasses:
    """Which categories are objects that consist of keypoints.

    Attributes:
        of_category: Object category id -> a category for each of its keypoints, in their order.
    """

    of_category: Mapping[int, Sequence[LabelCategory]] = field(default_factory=dict)

    def add_to(self, categories: Sequence[LabelCategory]) -> list[LabelCategory]:
        """Put the keypoints behind the file's own categories, of which the objects are no class.

        Args:
            categories: All of the file.

        Returns:
            The categories that annotations can have.
        """
        own = [
            c._replace(left_out=OBJECT) if c.category_id in self.of_category else c
            for c in categories
        ]
        return own + [keypoint for named in self.of_category.values() for keypoint in named]


def keypoint_names(path: Path, what: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a category's keypoints, () if it names none.

    Args:
        path: The file, for messages.
        what: How messages name the category.
        record: The category as read.

    Returns:
        The names in the file's order.

    Raises:
        DataError: They are no list of words, or one occurs twice.
    """
    names = record.get("keypoints")
    if names is None or names == []:
        return ()
    if not isinstance(names, list) or not all(isinstance(n, str) and n.strip() for n in names):
        raise DataError(
            f"Label file {path}: {what} has keypoints {str(names)[:60]!r}; expected a list of "
            "names. Correct the category."
        )
    stripped = tuple(name.strip() for name in names)
    if len(set(stripped)) < len(stripped):
        twice = next(name for name in stripped if stripped.count(name) > 1)
        raise DataError(
            f"Label file {path}: {what} names the keypoint {twice!r} twice. Correct the category."
        )
    return stripped


def name_keypoints(
    categories: Sequence[LabelCategory], names: Mapping[int, Sequence[str]]
) -> KeypointClasses:
    """Give each named keypoint a category id behind the file's own.

    Args:
        categories: All of the file.
        names: Category id -> names of its keypoints, () for categories that name none.

    Returns:
        The categories of the keypoints; an object's name is their group.
    """
    next_id = 1 + max((category.category_id for category in categories), default=0)
    found: dict[int, list[LabelCategory]] = {}
    for category in categories:
        for name in names.get(category.category_id, ()):
            found.setdefault(category.category_id, []).append(
                LabelCategory(next_id, name, category.name)
            )
            next_id += 1
    return KeypointClasses(found)


def parse_keypoints(path: Path, record: str, value: Any) -> list[list[float] | None]:
    """The x, y, v triples of an annotation.

    Args:
        path: The file, for messages.
        record: How messages name the annotation.
        value: As read; v is 0 for "not labelled", 1 for "hidden" and 2 for "visible".

    Returns:
        [x, y] of each keypoint in pixels of the original frame, None for those with v = 0; [] if
        the annotation has no keypoints. Hidden ones count: whoever labelled them saw where they
        are.

    Raises:
        DataError: No list of triples of numbers, or another v, as predictions have: their third
            number is a score.
    """
    if value is None or value == []:
        return []
    if not isinstance(value, list) or len(value) % 3:
        found = f"{len(value)} values" if isinstance(value, list) else repr(str(value)[:60])
        raise DataError(
            f"{path}: {record}: keypoints must be a list x, y, v, x, y, v, ...; found {found}. "
            f"{_REMEDY}"
        )
    if any(type(number) is not float and type(number) is not int for number in value):
        raise DataError(
            f"{path}: {record}: keypoints must be numbers x, y, v, x, y, v, ...; found "
            f"{str(value)[:60]!r}. {_REMEDY}"
        )
    for number, v in enumerate(value[2::3]):
        if v not in _VISIBILITIES:
            raise DataError(
                f"{path}: {record}: keypoint {number} has visibility {str(v)[:60]}; expected 0 "
                f"(not labelled), 1 (hidden) or 2 (visible). {_REMEDY}"
            )
    triples = zip(value[0::3], value[1::3], value[2::3], strict=True)
    return [[x, y] if v else None for x, y, v in triples]


def as_parts(
    path: Path,
    annotation: LabelAnnotation,
    record: Mapping[str, Any],
    classes: KeypointClasses,
) -> Iterator[LabelAnnotation]:
    """Turn the `keypoints` and `points` of an annotation into points on parts.

    Args:
        path: The file, for messages.
        annotation: All but its points.
        record: The annotation as read.
        classes: Which categories name keypoints.

    Yields:
        The annotation with its points; or, of an object whose category names keypoints, a part for
        each labelled keypoint, the first one with the object's id. An object without labelled
        keypoints, and a crowd of objects, is passed on: its category becomes no class.

    Raises:
        DataError: Keypoints are broken, are not as many as the category names, or stand beside
            `points`.
    """
    keypoints = parse_keypoints(path, annotation.record, record.get("keypoints"))
    points = record.get("points")
    if keypoints and points is not None:
        raise DataError(
            f"{path}: {annotation.record}: has both 'keypoints' and 'points'. Keep one of them."
        )
    named = classes.of_category.get(annotation.category_id)
    if named is None:
        if keypoints:
            points = [keypoint for keypoint in keypoints if keypoint is not None]
        yield annotation._replace(points=points)
        return
    if keypoints and len(keypoints) != len(named):
        raise DataError(
            f"{path}: {annotation.record}: has {len(keypoints)} keypoints, but its category names "
            f"{len(named)}. {_REMEDY}"
        )
    if annotation.is_crowd or not any(keypoints):
        yield annotation
        return
    annotation_id = annotation.annotation_id
    for keypoint, category in zip(keypoints, named, strict=True):
        if keypoint is not None:
            yield LabelAnnotation(
                record=f"keypoint {category.name!r} of {annotation.record}",
                image=annotation.image,
                category_id=category.category_id,
                points=[keypoint],
                annotation_id=annotation_id,
            )
            annotation_id = None
