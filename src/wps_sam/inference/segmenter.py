"""A trained run, ready to cut images into named parts."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.geometry.frames import SamFrame
from wps_sam.inference.decoding import DecodedParts, decode_tokens, to_prediction
from wps_sam.inference.device import pick_device
from wps_sam.inference.interface import ImageInput
from wps_sam.inference.pixels import as_pixels
from wps_sam.inference.prediction import PartPrediction
from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.prompter.store import load_info, load_prompter
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.weights_hash import frozen_parameters_hash

_GPU_BATCH = 8


class PartSegmenter:
    """Cuts images into named part masks: frozen SAM, prompter, SAM's mask decoder.

    Attributes:
        sam: The frozen SAM.
        prompter: The trained prompter, in eval mode, on SAM's device.
        class_names: C names, in class order.
        category_ids: C ids that the classes had in the label file.
        score_threshold: Least score of a part where a call gives no other.
    """

    def __init__(
        self,
        sam: FrozenSam,
        prompter: Prompter,
        *,
        class_names: Sequence[str],
        category_ids: Sequence[int] | None = None,
        score_threshold: float,
    ) -> None:
        """Join models that are already in memory; `load` does it from a run folder.

        Args:
            sam: The frozen SAM that the prompter was trained with.
            prompter: Moved to SAM's device and put in eval mode.
            class_names: C names.
            category_ids: C ids; None numbers the classes from 1.
            score_threshold: From 0 to 1.

        Raises:
            ConfigError: The threshold is outside 0 to 1, or an id is missing.
        """
        self.sam = sam
        self.prompter = prompter.to(sam.device).eval()
        self.class_names = tuple(class_names)
        ids = range(1, len(self.class_names) + 1) if category_ids is None else category_ids
        self.category_ids = tuple(ids)
        if len(self.category_ids) != len(self.class_names):
            raise ConfigError(
                f"Found {len(self.category_ids)} category ids for {len(self.class_names)} class "
                "names; expected one each."
            )
        self.score_threshold = checked_threshold(score_threshold)

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        sam: str | Path | FrozenSam | None = None,
        device: str = "auto",
    ) -> Self:
        """Load a trained run.

        Args:
            run: The folder that `wps-sam train --out` made.
            sam: Name or path of the SAM, or one already in memory; None takes the run's own.
            device: `auto` takes CUDA, then MPS, then the CPU; a SAM in memory stays where it is.

        Returns:
            The segmenter.

        Raises:
            CheckpointError: The run is missing or damaged, or belongs to another SAM.
            ConfigError: `sam` or `device` means nothing here.
        """
        folder = Path(run)
        info = load_info(folder)
        if isinstance(sam, FrozenSam):
            model = sam if device == "auto" else sam.to(pick_device(device))
        elif sam is not None:
            model = load_sam(sam, device=pick_device(device))
        else:
            model = _load_own_sam(folder, info.sam_source, pick_device(device))
        return cls(
            model,
            load_prompter(folder, model, info),
            class_names=info.class_names,
            category_ids=info.category_ids,
            score_threshold=info.score_threshold,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 hex over all weights and the class names."""
        parts = (self.sam.fingerprint, frozen_parameters_hash(self.prompter), *self.class_names)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def sam_name(self) -> str:
        """Name of the SAM."""
        return self.sam.name

    @property
    def sam_fingerprint(self) -> str:
        """SHA-256 hex of the SAM's weights."""
        return self.sam.fingerprint

    @property
    def images_a_call(self) -> int:
        """How many images an encoder call had best be given: several help on a GPU only."""
        return 1 if self.sam.device.type == "cpu" else _GPU_BATCH

    def predict(self, image: ImageInput, *, score_threshold: float | None = None) -> PartPrediction:
        """Find the parts of one image.

        Args:
            image: A file, a Pillow image or (H, W, 3) uint8 RGB.
            score_threshold: Least score, 0 to 1; None takes the run's.

        Returns:
            The parts, in the frame of the image as given; of a file, after its EXIF orientation.

        Raises:
            DataError: The image cannot be read, is no (H, W, 3) uint8 array, or has so many parts
                and pixels that the masks would not fit into memory (`decoding.MOST_MASK_BYTES`).
            ConfigError: The threshold is outside 0 to 1.
        """
        return self.predict_batch([image], score_threshold=score_threshold)[0]

    def predict_many(
        self,
        images: Iterable[ImageInput],
        *,
        batch_size: int = 1,
        score_threshold: float | None = None,
    ) -> Iterator[PartPrediction]:
        """Find the parts of any number of images, a few at a time.

        Args:
            images: As for `predict`; read only when their turn comes.
            batch_size: Images an encoder call; more than 1 helps on a GPU only.
            score_threshold: As for `predict`.

        Yields:
            One result for each image, in order.

        Raises:
            DataError, ConfigError: As for `predict`.
        """
        if batch_size < 1:
            raise ConfigError(f"batch_size must be 1 or more; found {batch_size}.")
        waiting = iter(images)
        while batch := list(islice(waiting, batch_size)):
            yield from self.predict_batch(batch, score_threshold=score_threshold)

    @torch.inference_mode()
    def predict_batch(
        self, images: Sequence[ImageInput], *, score_threshold: float | None = None
    ) -> list[PartPrediction]:
        """Find the parts of several images in one encoder call and one decoder call.

        Args:
            images: As for `predict`; sizes may differ. All are in memory at once.
            score_threshold: As for `predict`.

        Returns:
            One result for each image, in order.

        Raises:
            DataError, ConfigError: As for `predict`.
        """
        threshold = self.threshold_of(score_threshold)
        if not images:
            return []
        pixels = [as_pixels(image, index) for index, image in enumerate(images)]
        features = self.sam.encode(self.sam.preprocess(pixels))
        return self._from_features(features, [image.shape[:2] for image in pixels], threshold)

    @torch.inference_mode()
    def predict_features(
        self,
        features: Tensor,
        original_hw: tuple[int, int],
        *,
        score_threshold: float | None = None,
    ) -> PartPrediction:
        """Find the parts of an image whose features are at hand, as from the embedding cache.

        Args:
            features: (C, h, w) float of any precision and device, from this SAM's encoder;
                (256, 64, 64) for MobileSAM.
            original_hw: (height, width) of the image in pixels.
            score_threshold: As for `predict`.

        Returns:
            The parts, original frame.

        Raises:
            ConfigError: The features have another shape, or the threshold is outside 0 to 1.
            DataError: The size is below one pixel, or the masks would not fit into memory.
        """
        expected = (self.sam.feature_dim, *self.sam.embed_hw)
        if tuple(features.shape) != expected:
            raise ConfigError(
                f"Found features of shape {tuple(features.shape)}, expected {expected} as "
                f"{self.sam.name} makes them for one image."
            )
        batch = features[None].to(self.sam.device, torch.float32)
        return self._from_features(batch, [original_hw], self.threshold_of(score_threshold))[0]

    def _from_features(
        self, features: Tensor, sizes_hw: Sequence[tuple[int, ...]], threshold: float
    ) -> list[PartPrediction]:
        """Prompt, decode and bring to the original frame; features are (B, 256, 64, 64)."""
        selected = self.prompter.select(
            self.prompter(self.sam.for_prompter(features)), self.sam, threshold
        )
        decoded = self.decode(features, selected)
        return [
            to_prediction(
                parts.low_res_logits,
                prompts.class_index.cpu().numpy(),
                prompts.scores.float().cpu().numpy(),
                SamFrame((hw[0], hw[1]), self.sam.image_side),
                self.class_names,
            )
            for prompts, parts, hw in zip(selected, decoded, sizes_hw, strict=True)
        ]

    def decode(self, features: Tensor, prompts: Sequence[PartPrompts]) -> list[DecodedParts]:
        """Decode what the prompter selected.

        Args:
            features: (B, C, h, w) float32, one for each image.
            prompts: Of `Prompter.select`, one for each image.

        Returns:
            One for each image, parts in the same order.
        """
        tokens = [of_image.tokens for of_image in prompts]
        # Only of a prompter that emits boxes is it known where the masks can be.
        boxes = [of_image.boxes_xyxy for of_image in prompts] if self.prompter.emits_boxes else None
        return decode_tokens(self.sam, features, tokens, boxes=boxes)

    def threshold_of(self, wanted: float | None) -> float:
        """The threshold of a call that asks for `wanted`; None takes the run's.

        Raises:
            ConfigError: It is outside 0 to 1.
        """
        return self.score_threshold if wanted is None else checked_threshold(wanted)


def checked_threshold(threshold: float) -> float:
    """A threshold that a user gave.

    Raises:
        ConfigError: It is outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ConfigError(
            f"The score threshold must be from 0 to 1; found {threshold}. Scores are probabilities."
        )
    return float(threshold)


def _load_own_sam(run: Path, source: str, device: torch.device) -> FrozenSam:
    """Load the SAM that a run names, which may have been a path on another machine."""
    try:
        return load_sam(source, device=device)
    except (ConfigError, CheckpointError) as error:
        raise CheckpointError(
            f"{run / 'config.json'}: the SAM it was trained with, {source!r}, cannot be loaded: "
            f"{error} If the weights are somewhere else now, name them with --sam (in Python: "
            "sam=...)."
        ) from error
