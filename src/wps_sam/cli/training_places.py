"""Which labels `wps-sam train` learns from and validates on, and `data check` looks at."""

from pathlib import Path

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.errors import ConfigError
from wps_sam.labels.open import split_names
from wps_sam.labels.split_roles import training_split, validation_split


def training_places(
    training: LabelPlace,
    *,
    val: Path | None,
    val_images: Path | None,
    val_split: str | None,
    holdout: int | None,
) -> tuple[LabelPlace, LabelPlace | None]:
    """Choose the splits where the user named none.

    Args:
        training: What the user gave; without a split, the one called train is taken, if there is,
            also where it is the only one.
        val: Validation labels; without them and without `holdout`, the split called val of the
            same data set is taken, if the training split was chosen here too.
        val_images: As for `validation_place`.
        val_split: As for `validation_place`.
        holdout: Validate on every N-th training image.

    Returns:
        Where to learn from, and where to validate, None for nowhere.

    Raises:
        ConfigError: `val` and `holdout` are both given.
    """
    if val is not None and holdout is not None:
        raise ConfigError("--val and --holdout both say what to validate on; give one of them.")
    own = split_names(training.data) if training.split is None else ()
    chosen = training_split(own)
    training = training._replace(split=training.split or chosen)
    validation = None
    if holdout is not None:
        validation = training._replace(holdout=holdout)
    elif val is not None:
        validation = validation_place(training, val, images=val_images, split=val_split)
    elif chosen is not None and (split := validation_split(own)) is not None:
        validation = training._replace(split=split)
    if chosen is not None:
        _announce(chosen, validation)
    return training, validation


def validation_place(
    training: LabelPlace, val: Path, *, images: Path | None, split: str | None
) -> LabelPlace:
    """Where other labels to validate on are.

    Args:
        training: Where the training labels are; the validation labels are read in the same way.
        val: The validation labels.
        images: Folder of their images; without it that of the training images, if one was named.
        split: Which of their splits; without it the one called val, if there is.

    Returns:
        The place.
    """
    return training._replace(
        data=val,
        images=images or training.images,
        split=split or validation_split(split_names(val)),
    )


def _announce(split: str, validation: LabelPlace | None) -> None:
    """Say what was chosen for the user."""
    text = f"training on the split {split}"
    if validation is not None and validation.holdout is None and validation.split is not None:
        text += f", validating on the split {validation.split}"
    console.print(escape(text))
