"""The labels of one data set as every format's reader gives them.

Annotations keep COCO's form whatever the format was: `weak_reading` makes weak labels of them and
`wps_sam.evaluation.truth` true masks, so that both check and count in one place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from wps_sam.errors import DataError
from wps_sam.images.reading import image_size
from wps_sam.labels.quoting import cut
from wps_sam.labels.remarks import Note, Skip


class LabelCategory(NamedTuple):
    """One category.

    Attributes:
        category_id: Its id in the file.
        name: Its name.
        supercategory: The name of its group, "" if none.
        left_out: Why it becomes no class, such as "left out by the class map", "" if it does
            become one; its annotations are left out too.
    """

    category_id: int
    name: str
    supercategory: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class LabelImage:
    """One image record.

    Attributes:
        image_id: The file's own id.
        file_name: As in the file, with forward slashes; predictions are matched by it.
        height: Pixels, or None if the labels do not say.
        width: Pixels, or None if the labels do not say.
        index: Position in the file, from 0.
        path_hint: Another name to look for the image under, with forward slashes, or None.
    """

    image_id: int | str
    file_name: str
    height: int | None
    width: int | None
    index: int
    path_hint: str | None = None


class LabelAnnotation(NamedTuple):
    """One labelled part, as COCO would have it. Values are as read: whoever uses one checks it.

    Attributes:
        record: How messages name it, such as "annotation 17 of image 3 (a.jpg)".
        image: The image it belongs to.
        category_id: Id of a category of the file.
        bbox: [left, top, width, height] in pixels of the original frame, or None.
        segmentation: Polygons (flat lists x0, y0, x1, y1, ... in pixels of the original frame), a
            COCO run-length mask, or a mapping that says in which file the mask is (see
            `wps_sam.evaluation.mask_files`); None without a mask. Only polygons matter to weak
            labels, and of these only the extent.
        points: [[x, y], ...] in pixels of the original frame, all on the part; None without points.
        is_crowd: Whether it is one region around many parts, which is neither learnt nor scored.
        annotation_id: The file's own id, or None.
    """

    record: str
    image: LabelImage
    category_id: int
    bbox: Any = None
    segmentation: Any = None
    points: Any = None
    is_crowd: bool = False
    annotation_id: int | str | None = None


@dataclass(frozen=True, eq=False)
class LabelFile:
    """The labels of one file or folder. Images and categories are held, annotations stream past.

    Attributes:
        path: The label file, or the folder of label files.
        label_format: Key of the reader, such as "coco".
        images: In the file's order; file names and ids are unique.
        categories: In the file's order, also those that are no part; ids and names are unique.
        read_annotations: Goes through the annotations in the file's order, as often as it is
            called. Each annotation's image and category are of this file.
        find_image: Path of an image's file; DataError lists the tried paths.
        left_right: Pairs of class names (left, right) that a mirrored image swaps, as the user
            wrote them; None finds them by the names (`sides.find_pairs`).
        keep_groups: Whether the data set says that all polygons of an annotation are one part.
        supervision: What the data set says to learn from: "box", "point" or "mixed"; None if it
            does not say.
        notes: What the reader changed and why; complete once the annotations were gone through.
        skipped: What the reader itself left out.
        truth: Opens the labels that hold the true masks, where these are kept apart from the weak
            labels (PartImageNet: boxes in JSON, masks in PNG); None where they are the same.
        truth_place: Where those are, to say so without opening them; None if `truth` is.
    """

    path: Path
    label_format: str
    images: Sequence[LabelImage]
    categories: Sequence[LabelCategory]
    read_annotations: Callable[[], Iterable[LabelAnnotation]]
    find_image: Callable[[LabelImage], Path]
    left_right: Sequence[tuple[str, str]] | None = None
    keep_groups: bool = False
    supervision: Literal["box", "point", "mixed"] | None = None
    notes: Sequence[Note] = ()
    skipped: Sequence[Skip] = ()
    truth: Callable[[], "LabelFile"] | None = None
    truth_place: Path | None = None

    def annotations(self) -> Iterator[LabelAnnotation]:
        """Go through the annotations, one in memory at a time.

        Yields:
            Each annotation, in the file's order.

        Raises:
            DataError: The file is broken from here on.
        """
        yield from self.read_annotations()

    def image_hw(self, image: LabelImage) -> tuple[int, int]:
        """Size of an image: what the labels say, else what the image file's header says.

        Args:
            image: One of `images`.

        Returns:
            (height, width) in pixels of the original frame.

        Raises:
            DataError: The image file is needed and is missing or cannot be read.
        """
        if image.height is not None and image.width is not None:
            return image.height, image.width
        return image_size(self.find_image(image))

    def choose(self, positions: Iterable[int]) -> Self:
        """The same labels with only some of the images.

        Args:
            positions: Positions in `images`, in the wanted order.

        Returns:
            Labels with these images and their annotations.

        Raises:
            DataError: A position does not exist.
        """
        kept: dict[int, LabelImage] = {}
        for position in positions:
            if not 0 <= position < len(self.images):
                raise DataError(
                    f"{self.path} has images 0 to {len(self.images) - 1}; there is no image "
                    f"{position}."
                )
            kept[position] = replace(self.images[position], index=len(kept))

        def read_annotations() -> Iterator[LabelAnnotation]:
            for annotation in self.read_annotations():
                image = kept.get(annotation.image.index)
                if image is not None:
                    yield annotation._replace(image=image)

        truth = self.truth
        names = [image.file_name for image in kept.values()]
        return replace(
            self,
            images=list(kept.values()),
            read_annotations=read_annotations,
            truth=None if truth is None else lambda: truth().choose_names(names),
        )

    def choose_names(self, file_names: Iterable[str]) -> Self:
        """The same labels with only the images of these file names, in this order.

        Raises:
            DataError: There is no image with such a name.
        """
        position = {image.file_name: i for i, image in enumerate(self.images)}
        wanted = list(file_names)
        missing = [name for name in wanted if name not in position]
        if missing:
            raise DataError(
                f"{self.path} has no image {cut(missing[0])} ({len(missing)} of {len(wanted)} "
                "images are missing). Add their labels, or leave these images out."
            )
        return self.choose(position[name] for name in wanted)
