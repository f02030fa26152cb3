"""What to predict: images from files, folders and patterns, or from a label file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from wps_sam.errors import ConfigError, DataError
from wps_sam.images.reading import list_images
from wps_sam.labels.dataset_file import find_dataset_file
from wps_sam.labels.formats.coco_layouts import ANY_JSON_LAYOUTS
from wps_sam.labels.label_file import LabelFile, LabelImage
from wps_sam.labels.layout import SPLIT_NAMES, Layout
from wps_sam.labels.layouts import LAYOUTS
from wps_sam.labels.open import open_labels

_LABEL_NAMES = ("annotations.json", "_annotations.coco.json")
_LABEL_ENDINGS = (".json", ".yaml", ".yml", ".xml")
# A stray JSON file beside photographs is no label file, whatever one would take it for elsewhere.
_LAYOUTS = tuple(layout for layout in LAYOUTS if layout not in ANY_JSON_LAYOUTS)


@dataclass(frozen=True)
class ImageToPredict:
    """One image.

    Attributes:
        image_id: The label file's id, or the position in the list from 1.
        name: The label file's file_name, or the path relative to the searched folder.
        path: The file; None if a label file names one that is not there.
        expected_hw: (height, width) that a label file states, else None.
        problem: Why there is no path.
    """

    image_id: int | str
    name: str
    path: Path | None
    expected_hw: tuple[int, int] | None = None
    problem: str = ""

    @property
    def stem(self) -> str:
        """Name of the output files without ending: folders stay, but none leads out of the way."""
        parts = [part for part in PurePosixPath(self.name).parts if part not in ("/", "..")]
        kept = PurePosixPath(*parts or [f"image-{self.image_id}"])
        # A drive such as C: is no folder to make.
        return str(kept.with_name(kept.stem)).replace(":", "_")


@dataclass(frozen=True)
class Selection:
    """Which of the labels' images to take.

    Attributes:
        images_dir: Folder of the images, if not beside the labels.
        split: Which split of a data set.
        holdout: Only every N-th image, in the file's order (index % N == N - 1).
    """

    images_dir: Path | None = None
    split: str | None = None
    holdout: int | None = None

    def given(self) -> list[str]:
        """The options that were given, as the command line names them."""
        options = {"--images": self.images_dir, "--split": self.split, "--holdout": self.holdout}
        return [name for name, value in options.items() if value is not None]


class Found(NamedTuple):
    """What was found.

    Attributes:
        images: At least one image; no two would write the same output file.
        by_labels: Whether labels said which these are.
    """

    images: list[ImageToPredict]
    by_labels: bool


def find_images(
    sources: Sequence[str], selection: Selection | None = None, *, limit: int | None = None
) -> Found:
    """Find what to predict.

    A single source that `holds_labels` is read as labels: then ids, names and order are the label
    file's. A missing image of a label file is listed with its `problem`.

    Args:
        sources: Files, folders and patterns; or one label file, data set folder or dataset.yaml.
        selection: Which images of the labels.
        limit: Only the first so many of these.

    Returns:
        The images.

    Raises:
        ConfigError: Options that do not go with the sources, or nothing is left.
        DataError: Nothing found, unsound labels, or two images for one output file.
    """
    selection = selection or Selection()
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be 1 or more; found {limit}.")
    by_labels = len(sources) == 1 and (selection.given() != [] or holds_labels(Path(sources[0])))
    if by_labels:
        images = _hold_out(_from_labels(sources[0], selection), selection.holdout, sources[0])
    else:
        images = _from_files(sources, selection)
    images = images[:limit]
    _refuse_shared_outputs(images)
    return Found(images, by_labels)


def unlisted_images(folder: Path, listed: Sequence[ImageToPredict]) -> list[str]:
    """Find photographs in a data set folder that its labels do not name.

    Args:
        folder: The folder.
        listed: The images that its labels name.

    Returns:
        Names relative to the folder. A PNG named like a listed image is taken for its label map.
    """
    try:
        found = list_images([folder])
    except DataError:  # no image at all: they are elsewhere
        return []
    paths = {image.path.resolve() for image in listed if image.path is not None}
    stems = {PurePosixPath(image.name).stem for image in listed}
    others = [image for image in found if image.path.resolve() not in paths]
    return [
        image.name
        for image in others
        if image.path.suffix.lower() != ".png" or image.path.stem not in stems
    ]


def holds_labels(path: Path) -> bool:
    """Tell labels from photographs.

    Args:
        path: A source as given: a file, a folder, or something that is not there.

    Returns:
        Whether it is read as labels: a `.json` file, a `dataset.yaml` or a folder with one, or
        whatever `wps_sam.labels.layouts` recognises, also if a split is still to be chosen.
    """
    if path.suffix.lower() == ".json":
        return True
    if not path.exists():
        return False
    if find_dataset_file(path) is not None or any(_fits(layout, path) for layout in _LAYOUTS):
        return True
    if not path.is_dir():
        return False
    # What is recognised only by a split has a folder of that name.
    splits = [name for name in SPLIT_NAMES if (path / name).is_dir()]
    return any(_fits(layout, path, split) for split in splits for layout in _LAYOUTS) or any(
        (path / name).is_file() for name in _LABEL_NAMES
    )


def _fits(layout: Layout, path: Path, split: str | None = None) -> bool:
    """Whether a layout recognises a source, even if it cannot tell which labels are meant."""
    try:
        return layout.find(path, split) is not None
    except DataError:
        return True


def _from_files(sources: Sequence[str], selection: Selection) -> list[ImageToPredict]:
    """Images of files, folders and patterns."""
    if selection.given():
        raise ConfigError(
            f"{', '.join(selection.given())} needs one label file or data set as the only "
            f"source; found {len(sources)} sources. Run them one after the other."
        )
    labels = [source for source in sources if Path(source).suffix.lower() in _LABEL_ENDINGS]
    if labels:
        raise ConfigError(
            f"The label file {labels[0]} must be the only source, because it decides ids and names "
            f"of the images; found {len(sources)} sources. Run them one after the other."
        )
    found = list_images(sources)
    return [ImageToPredict(i, image.name, image.path) for i, image in enumerate(found, 1)]


def _from_labels(data: str, selection: Selection) -> list[ImageToPredict]:
    """Images of a label file, in its order; their annotations are not looked at."""
    labels = open_labels(data, images_dir=selection.images_dir, split=selection.split)
    return [_from_record(labels, record) for record in labels.images]


def _from_record(labels: LabelFile, record: LabelImage) -> ImageToPredict:
    """One image record; a missing file becomes its `problem`."""
    expected_hw = None
    if record.height is not None and record.width is not None:
        expected_hw = (record.height, record.width)
    try:
        path = labels.find_image(record)
    except DataError as error:
        return ImageToPredict(record.image_id, record.file_name, None, expected_hw, str(error))
    return ImageToPredict(record.image_id, record.file_name, path, expected_hw)


def _hold_out(images: list[ImageToPredict], every: int | None, source: str) -> list[ImageToPredict]:
    """Every N-th image, as training with the same number leaves out."""
    if every is None:
        return images
    if every < 2:
        raise ConfigError(f"--holdout must be 2 or more; found {every}. Leave it out for all.")
    if every > len(images):
        raise ConfigError(
            f"--holdout {every} leaves nothing to predict: {source} has {len(images)} images. "
            "Choose a smaller number."
        )
    return images[every - 1 :: every]


def _refuse_shared_outputs(images: Sequence[ImageToPredict]) -> None:
    """Raise DataError if two images would write the same file, also where case does not count."""
    users: dict[str, ImageToPredict] = {}
    for image in images:
        other = users.setdefault(image.stem.casefold(), image)
        if other is not image:
            raise DataError(
                f"Images {other.name} ({other.path}) and {image.name} ({image.path}) would write "
                f"the same output {image.stem}.png. Take one kind of image with a pattern such as "
                "'photos/*.jpg', rename one, or run them one after the other with different --out."
            )
