"""What the frozen SAM reaches when it is given the labelled boxes or points (paper, table 1).

It bounds what a prompter can reach: the classes are the true ones, and so is the place.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from wps_sam.geometry.frames import SamFrame
from wps_sam.images.reading import read_image
from wps_sam.inference.decoding import MaskChoice, decode_tokens, to_prediction
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.sources import ImageToPredict
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.prompter.teacher import Supervision, label_tokens
from wps_sam.sam.frozen import FrozenSam

FeatureSource = Callable[[WeakImage], Tensor]
"""Gives the (256, 64, 64) features of a labelled image."""


def encode_live(sam: FrozenSam) -> FeatureSource:
    """A feature source that reads each image and runs SAM's encoder on it."""

    def features_of(image: WeakImage) -> Tensor:
        pixels = read_image(image.path, (image.height, image.width))
        features: Tensor = sam.encode(sam.preprocess([pixels]))[0]
        return features

    return features_of


@torch.inference_mode()
def oracle_prediction(
    sam: FrozenSam,
    image: WeakImage,
    features: Tensor,
    class_names: tuple[str, ...],
    *,
    prompt: Supervision,
    mask: MaskChoice = "single",
) -> PartPrediction:
    """Let SAM cut out the labelled parts of one image.

    Args:
        sam: Encodes the prompts and decodes the masks.
        image: Boxes, points and classes.
        features: (256, 64, 64) float of any precision and device.
        class_names: C names.
        prompt: The boxes; the points, or the box's centre where a part has none; or the boxes, and
            the points of parts without one.
        mask: Which of SAM's masks to keep.

    Returns:
        A part for each label whose mask is not empty; scores are SAM's own guesses of the IoU.

    Raises:
        ConfigError: `prompt` is `box` and a part has none.
    """
    prompts = label_tokens(sam, image, prompt)
    batch = features[None].to(sam.device, torch.float32)
    (decoded,) = decode_tokens(sam, batch, [prompts], mask)
    return to_prediction(
        decoded.low_res_logits,
        image.class_index,
        decoded.iou.cpu().numpy(),
        SamFrame((image.height, image.width), sam.image_side),
        class_names,
    )


def predict_oracle(
    sam: FrozenSam,
    labels: WeakDataset,
    features_of: FeatureSource,
    journal: PredictionJournal,
    *,
    prompt: Supervision,
    mask: MaskChoice = "single",
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[ImageToPredict]:
    """Let SAM cut out the labelled parts of all images.

    Args:
        sam: As for `oracle_prediction`.
        labels: The images and their weak labels.
        features_of: Where features come from.
        journal: Takes the annotations; images that it has are left out.
        prompt: As for `oracle_prediction`.
        mask: As for `oracle_prediction`.
        on_progress: Told the number of images just finished with.

    Returns:
        The images, for `journal.finish`.

    Raises:
        DataError: An image cannot be read: a score of the others would not be the asked one.
    """
    images = []
    for image in labels.images:
        hw = (image.height, image.width)
        images.append(ImageToPredict(image.image_id, image.file_name, image.path, hw))
        if not journal.has(images[-1]):
            features = features_of(image)
            names = labels.class_names
            found = oracle_prediction(sam, image, features, names, prompt=prompt, mask=mask)
            journal.add(images[-1], found)
        on_progress(1)
    return images
