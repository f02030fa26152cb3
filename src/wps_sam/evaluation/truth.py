"""True part masks, read from a label file and decoded image by image.

Only evaluation reads masks; training uses `wps_sam.labels`, which cannot hold one. Images and
categories are held in memory; masks go to a temporary file.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.mask_files import is_mask_file, read_mask_file
from wps_sam.evaluation.parts import ImageParts, ScoredImage, ScoredImages
from wps_sam.evaluation.runs import Runs, polygons_to_runs, rle_to_runs, runs_area
from wps_sam.evaluation.scratch import ScratchRows
from wps_sam.evaluation.true_masks import NO_PIXEL, SKIPS_KEPT, TrueMask, collect_true_masks
from wps_sam.labels.categories import without_background
from wps_sam.labels.label_file import LabelFile, LabelImage
from wps_sam.labels.open import open_labels
from wps_sam.labels.quoting import cut
from wps_sam.labels.remarks import Note, Skip, count_notes, count_skips
from wps_sam.labels.repeats import first_repeat


@dataclass(frozen=True, eq=False)
class Truth:
    """True masks of a data set; masks are decoded when asked for.

    Attributes:
        source: The label file.
        class_names: C names in the file's order, background dropped.
        category_ids: The file's ids in the same order.
        supercategories: C names of groups in the same order, "" where the file names none.
        images: Images to score, in the file's order, also those without a part.
        masks: Rows of `TrueMask` by the image's position in `images`; on disk.
        labels: The labels themselves with the images to score, to find the photographs.
        part_unit: What counts as one true part: a `polygon` or, with `keep_groups`, an
            `annotation`. A run-length mask is one part in any case.
        left_out: File names of the file's other images (`holdout`), which are not scored.
        skipped: Reason -> number of records of the images to score that were left out on reading.
        first_skipped: The first few of these records.
        notes: What a reader of the scores should know.
    """

    source: Path
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    supercategories: tuple[str, ...]
    images: Sequence[ScoredImage] = field(repr=False)
    masks: ScratchRows = field(repr=False)
    labels: LabelFile = field(repr=False)
    part_unit: str = "polygon"
    left_out: tuple[str, ...] = field(default=(), repr=False)
    skipped: Mapping[str, int] = field(default_factory=dict)
    first_skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()

    def skip_counts(self) -> dict[str, int]:
        """How many records were left out, by reason, most frequent first.

        Parts without a pixel are counted once `parts` has decoded their image.
        """
        counts = Counter(self.skipped)
        counts[NO_PIXEL] = sum(self._empty_parts.values())
        return {reason: count for reason, count in counts.most_common() if count}

    def parts(self, index: int) -> ImageParts:
        """Decode the parts of one image.

        Args:
            index: Position in `images`.

        Returns:
            The parts and the ignored regions, original frame. A part that covers no pixel, such as
            a polygon outside the image, is left out: nothing could find it.

        Raises:
            DataError: A mask is damaged or has another size than the image.
        """
        image, position = self.images[index], range(len(self.images))[index]
        masks = [TrueMask(*row) for row in self.masks.rows(position)]
        decoded = [(mask, self._runs(image, mask)) for mask in masks]
        whole = [(mask, runs) for mask, runs in decoded if not mask.is_ignored]
        scored = [(mask, runs) for mask, runs in whole if runs_area(runs)]
        if len(whole) > len(scored):
            self._empty_parts[position] = len(whole) - len(scored)
        return ImageParts(
            hw=image.hw,
            class_index=np.array([self._class_of[m.category_id] for m, _ in scored], np.int64),
            runs=tuple(runs for _, runs in scored),
            scores=np.zeros(len(scored)),
            ignored=tuple(runs for mask, runs in decoded if mask.is_ignored),
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
        return self.labels.find_image(self.labels.images[index])

    @cached_property
    def _class_of(self) -> dict[int, int]:
        """Class index by category id."""
        return {category_id: index for index, category_id in enumerate(self.category_ids)}

    @cached_property
    def _empty_parts(self) -> dict[int, int]:
        """Number of parts without a pixel by image position, of the images decoded so far."""
        return {}

    def _runs(self, image: ScoredImage, mask: TrueMask) -> Runs:
        """Decode one annotation; errors name it."""
        try:
            if isinstance(mask.segmentation, Mapping):
                if is_mask_file(mask.segmentation):
                    return read_mask_file(mask.segmentation, image.hw)
                return rle_to_runs(mask.segmentation, image.hw)
            return polygons_to_runs(mask.segmentation, image.hw)
        except DataError as error:
            raise DataError(
                f"{self.source}: {mask.record}: {str(error).rstrip('.')}. Correct the annotation "
                "or export the file again."
            ) from error


def open_truth(
    data: str | Path,
    *,
    images_dir: str | Path | None = None,
    split: str | None = None,
    holdout: int | None = None,
    keep_groups: bool = False,
    classes: str | Path | None = None,
) -> Truth:
    """Open a truth with masks; finds files as `wps_sam.labels.open_weak_labels` does.

    A true part is what training counts as one: each polygon of an annotation (two wheels), unless
    `keep_groups`. Scores that count parts depend on it. Scores that count pixels do not, but
    for one detail: where polygons of an annotation overlap other parts, each is painted by its
    own area. Memory grows with the images of the file, not with its masks.

    Args:
        data: A COCO file, or a folder in a known layout.
        images_dir: Where the photographs are, if not in one of the usual places.
        split: Which part of a folder with several, such as `val`.
        holdout: Score only every `holdout`-th image, in the file's order (index % N == N - 1),
            which is the share that training with the same number leaves out.
        keep_groups: Make one part of all polygons of an annotation.
        classes: A class map file (`wps_sam.labels.class_map`).

    Returns:
        The truth; masks are decoded later, image by image.

    Raises:
        DataError: The file cannot be read or is no sound COCO file (see `load_coco`), has boxes
            but no masks, or there is no room for the masks in the temporary folder.
        ConfigError: `holdout` is below 2 or larger than the number of images.
    """
    weak = open_labels(
        data, images_dir=images_dir, split=split, classes=classes, keep_groups=keep_groups
    )
    return read_truth(weak, holdout=holdout, keep_groups=weak.keep_groups)


def read_truth(weak: LabelFile, *, holdout: int | None = None, keep_groups: bool = False) -> Truth:
    """Read the true masks of labels that are open already.

    Args:
        weak: The labels; where they keep masks apart (`LabelFile.truth`), those are read.
        holdout: As for `open_truth`.
        keep_groups: As for `open_truth`.

    Returns:
        The truth.

    Raises:
        DataError: As for `open_truth`.
        ConfigError: As for `open_truth`.
    """
    labels = weak if weak.truth is None else weak.truth()
    _refuse_repeated_names(labels)
    kept, left_out = _choose_images(labels, holdout)
    found = collect_true_masks(labels, kept, keep_groups=keep_groups)
    categories, _, dropping = without_background(labels.path, labels.categories, found.used)
    for reason, count in count_skips(labels.skipped).items():
        found.skipped[reason] += count
    return Truth(
        source=labels.path,
        class_names=tuple(category.name for category in categories),
        category_ids=tuple(category.category_id for category in categories),
        supercategories=tuple(category.supercategory for category in categories),
        images=ScoredImages(_scored_image(labels, image) for image in kept),
        masks=found.rows,
        part_unit="annotation" if keep_groups else "polygon",
        left_out=tuple(image.file_name for image in left_out),
        skipped=dict(found.skipped),
        first_skipped=(*labels.skipped[:SKIPS_KEPT], *found.first_skipped)[:SKIPS_KEPT],
        notes=(
            *_note_texts((*labels.notes, *dropping)),
            *found.notes(),
        ),
        labels=labels.choose(image.index for image in kept) if left_out else labels,
    )


def _note_texts(notes: Sequence[Note]) -> Iterator[str]:
    """Notes as sentences; the same thing that was done many times is told once."""
    first = {note.text: note for note in reversed(notes)}
    for text, count in count_notes(notes).items():
        more = f" (and {count - 1} more)" if count > 1 else ""
        yield f"{first[text].record}{more} {text}."


def _scored_image(labels: LabelFile, image: LabelImage) -> ScoredImage:
    """Name and size of an image; a size that the labels lack is read from the image file."""
    return ScoredImage(image.image_id, image.file_name, *labels.image_hw(image))


def _refuse_repeated_names(labels: LabelFile) -> None:
    """Raise DataError if two images have one file name, by which predictions are matched."""
    repeated = first_repeat(lambda: (image.file_name for image in labels.images))
    if repeated is not None:
        raise DataError(
            f"{labels.path} has several images with the file name {cut(str(repeated))}. "
            "Predictions are matched by file_name: put the folder into it."
        )


def _choose_images(
    labels: LabelFile, holdout: int | None
) -> tuple[Sequence[LabelImage], Sequence[LabelImage]]:
    """Return the images to score and the others."""
    if holdout is None:
        return labels.images, ()
    if not 2 <= holdout <= len(labels.images):
        raise ConfigError(
            f"holdout must be from 2 to the number of images, {len(labels.images)} in "
            f"{labels.path}; found {holdout}. It scores every holdout-th image."
        )
    kept = [image for i, image in enumerate(labels.images) if i % holdout == holdout - 1]
    left_out = [image for i, image in enumerate(labels.images) if i % holdout != holdout - 1]
    return kept, left_out
