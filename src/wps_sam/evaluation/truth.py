"""True part masks, read from a COCO file and decoded image by image.

Only evaluation reads masks; training uses `wps_sam.labels`, which cannot hold one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.parts import ImageParts, ScoredImage
from wps_sam.evaluation.runs import Runs, polygons_to_runs, rle_to_runs
from wps_sam.geometry.masks import MIN_POLYGON_VALUES
from wps_sam.labels.coco_json import (
    CocoFile,
    CocoImage,
    describe_annotation,
    find_image,
    image_hw,
    load_coco,
)
from wps_sam.labels.layouts import locate_labels
from wps_sam.labels.weak_labels import Skip

SHORT_POLYGON = "polygon with fewer than 3 points"
NO_MASK = "annotation without a mask"
DROPPED_CATEGORY = "annotation of a category that is no part"


@dataclass(frozen=True)
class TrueMask:
    """One annotation, mask still encoded.

    Attributes:
        record: How messages name it, such as `annotation 17 of image 3 (a.jpg)`.
        class_index: Index into the truth's classes.
        segmentation: Polygons (flat lists, original frame) or a COCO RLE.
        is_ignored: True for a crowd region, whose pixels are not scored.
    """

    record: str
    class_index: int
    segmentation: Sequence[Sequence[float]] | Mapping[str, Any]
    is_ignored: bool


@dataclass(frozen=True)
class Truth:
    """True masks of a data set; masks are decoded when asked for.

    Attributes:
        source: The COCO file.
        class_names: C names in the file's order, background dropped.
        category_ids: The file's ids in the same order.
        images: Images to score, in the file's order, also those without a part.
        masks: For each image, in the order of `images`, its annotations.
        left_out: File names of the file's other images (`holdout`), which are not scored.
        skipped: Records of the images to score that were left out.
        notes: What a reader of the scores should know.
        coco_images: The file's own records of `images`, to find the photographs.
        images_dir: Where the caller said the photographs are.
    """

    source: Path
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[ScoredImage, ...]
    masks: tuple[tuple[TrueMask, ...], ...]
    left_out: tuple[str, ...] = ()
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    coco_images: tuple[CocoImage, ...] = ()
    images_dir: Path | None = None

    def skip_counts(self) -> dict[str, int]:
        """How many records were left out, by reason, most frequent first."""
        return dict(Counter(skip.reason for skip in self.skipped).most_common())

    def parts(self, index: int) -> ImageParts:
        """Decode the parts of one image.

        Args:
            index: Position in `images`.

        Returns:
            The parts and the ignored regions, original frame.

        Raises:
            DataError: A mask is damaged or has another size than the image.
        """
        image = self.images[index]
        scored = [mask for mask in self.masks[index] if not mask.is_ignored]
        ignored = [mask for mask in self.masks[index] if mask.is_ignored]
        return ImageParts(
            hw=image.hw,
            class_index=np.array([mask.class_index for mask in scored], np.int64),
            runs=tuple(self._runs(image, mask) for mask in scored),
            scores=np.zeros(len(scored)),
            ignored=tuple(self._runs(image, mask) for mask in ignored),
        )

    def image_path(self, index: int) -> Path:
        """Find the photograph of one image.

        Args:
            index: Position in `images`.

        Returns:
            Its path.

        Raises:
            DataError: There is no such file; the message lists the tried paths.
        """
        return find_image(self.source, self.coco_images[index], self.images_dir)

    def _runs(self, image: ScoredImage, mask: TrueMask) -> Runs:
        """Decode one annotation; errors name it."""
        try:
            if isinstance(mask.segmentation, Mapping):
                return rle_to_runs(mask.segmentation, image.hw)
            return polygons_to_runs(mask.segmentation, image.hw)
        except DataError as error:
            raise DataError(
                f"{self.source}: {mask.record}: {error}. Correct the annotation or export the file "
                "again."
            ) from error


def open_truth(
    data: str | Path,
    *,
    images_dir: str | Path | None = None,
    split: str | None = None,
    holdout: int | None = None,
) -> Truth:
    """Open a truth with masks; finds files as `wps_sam.labels.open_weak_labels` does.

    Args:
        data: A COCO file, or a folder in a known layout.
        images_dir: Where the photographs are, if not in one of the usual places.
        split: Which part of a folder with several, such as `val`.
        holdout: Score only every `holdout`-th image, in the file's order (index % N == N - 1),
            which is the share that training with the same number leaves out.

    Returns:
        The truth; masks are decoded later, image by image.

    Raises:
        DataError: The file cannot be read, or has boxes but no masks.
        ConfigError: `holdout` is below 2 or larger than the number of images.
    """
    source = locate_labels(data, split=split)
    if source.label_format != "coco":
        raise DataError(
            f"{source.path} is in the format {source.label_format}, from which true masks cannot "
            "be read yet. Convert it to COCO with polygons or run-length masks."
        )
    coco = load_coco(source.path)
    _refuse_repeated_names(coco)
    kept, left_out = _choose_images(coco, holdout)
    masks, skipped = _read_masks(coco, kept)
    folder = source.images_dir if images_dir is None else Path(images_dir)
    return Truth(
        source=coco.path,
        class_names=tuple(category.name for category in coco.categories),
        category_ids=tuple(category.category_id for category in coco.categories),
        images=tuple(_scored_image(coco, image, folder) for image in kept),
        masks=masks,
        left_out=tuple(image.file_name for image in left_out),
        skipped=tuple(skipped),
        notes=tuple(f"{note.record} {note.text}." for note in coco.notes),
        coco_images=tuple(kept),
        images_dir=folder,
    )


def _scored_image(coco: CocoFile, image: CocoImage, images_dir: Path | None) -> ScoredImage:
    """Name and size of an image; a size that the record lacks is read from the image file."""
    if image.height is None or image.width is None:
        height, width = image_hw(image, find_image(coco.path, image, images_dir))
    else:
        height, width = image.height, image.width
    return ScoredImage(image.image_id, image.file_name, height, width)


def _refuse_repeated_names(coco: CocoFile) -> None:
    """Raise DataError if two images have one file name, by which predictions are matched."""
    counts = Counter(image.file_name for image in coco.images)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise DataError(
            f"{coco.path} has {len(repeated)} file names that stand for several images, such as "
            f"{repeated[0]}. Predictions are matched by file_name: put the folder into it."
        )


def _choose_images(coco: CocoFile, holdout: int | None) -> tuple[list[CocoImage], list[CocoImage]]:
    """Return the images to score and the others."""
    if holdout is None:
        return coco.images, []
    if not 2 <= holdout <= len(coco.images):
        raise ConfigError(
            f"holdout must be from 2 to the number of images, {len(coco.images)} in {coco.path}; "
            f"found {holdout}. It scores every holdout-th image."
        )
    kept = [image for i, image in enumerate(coco.images) if i % holdout == holdout - 1]
    left_out = [image for i, image in enumerate(coco.images) if i % holdout != holdout - 1]
    return kept, left_out


def _read_masks(
    coco: CocoFile, images: Sequence[CocoImage]
) -> tuple[tuple[tuple[TrueMask, ...], ...], list[Skip]]:
    """Collect the annotations of the chosen images; return them and what was left out.

    Raises:
        DataError: No annotation has a mask, but some have boxes.
    """
    by_image: dict[int | str, list[TrueMask]] = {image.image_id: [] for image in images}
    image_of = {image.image_id: image for image in images}
    class_of = coco.class_of_category()
    skipped: list[Skip] = []
    for position, annotation in enumerate(coco.annotations):
        image = image_of.get(annotation["image_id"])
        if image is None:
            continue
        record = describe_annotation(annotation, position, image)
        class_index = class_of.get(annotation["category_id"])
        if class_index is None:
            skipped.append(Skip(record, DROPPED_CATEGORY))
            continue
        segmentation = _segmentation(coco.path, record, annotation, skipped)
        if segmentation is not None:
            is_crowd = bool(annotation.get("iscrowd"))
            mask = TrueMask(record, class_index, segmentation, is_crowd)
            by_image[image.image_id].append(mask)
    without_mask = sum(skip.reason == NO_MASK for skip in skipped)
    if without_mask and not any(by_image.values()):
        raise DataError(
            f"{coco.path} has {without_mask} annotations with boxes but no masks (`segmentation`) "
            "in the images to score. mIoU, mACC, pixel accuracy and every other score here "
            "compare pixels, which boxes cannot give. Give a truth file with polygons or "
            "run-length masks; boxes alone are enough for training and prediction."
        )
    return tuple(tuple(by_image[image.image_id]) for image in images), skipped


def _segmentation(
    source: Path, record: str, annotation: Mapping[str, Any], skipped: list[Skip]
) -> Sequence[Sequence[float]] | Mapping[str, Any] | None:
    """Return an annotation's usable polygons or its RLE; None, counted, if it has neither."""
    segmentation = annotation.get("segmentation")
    if not segmentation:
        skipped.append(Skip(record, NO_MASK))
        return None
    if isinstance(segmentation, Mapping):
        return segmentation
    if not isinstance(segmentation, list):
        raise DataError(
            f"{source}: {record}: segmentation must be a list of polygons or an object with size "
            f"and counts; found {type(segmentation).__name__}. Correct the annotation."
        )
    is_flat = all(isinstance(value, int | float) for value in segmentation)
    polygons = [segmentation] if is_flat else segmentation
    if not all(isinstance(polygon, list) for polygon in polygons):
        raise DataError(
            f"{source}: {record}: each polygon must be a flat list x0, y0, x1, y1, ...; found "
            f"{str(segmentation)[:80]}. Correct the annotation."
        )
    usable = [polygon for polygon in polygons if len(polygon) >= MIN_POLYGON_VALUES]
    skipped += [Skip(record, SHORT_POLYGON)] * (len(polygons) - len(usable))
    return usable or None
