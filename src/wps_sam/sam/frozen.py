"""What this library needs of a SAM, whichever one it is."""

import abc
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from wps_sam.errors import ConfigError
from wps_sam.sam.frozen_module import FrozenModule
from wps_sam.sam.mask_reach import cells_in_reach
from wps_sam.sam.position import nearest_position
from wps_sam.sam.preprocess import preprocess_images
from wps_sam.sam.shape_checks import check_pixels, check_prompts

# On a CPU the decoder waits for memory: two prompts at a time are a quarter faster than eight.
_PROMPTS_IN_CPU_CACHE = 2


class DecodedMasks(NamedTuple):
    """What the mask decoder makes of N prompts.

    Attributes:
        low_res_logits: (N, M, h, w) float, mask logits over SAM's whole square, padding included;
            h = w = a quarter of `image_side`. A pixel belongs to the mask where the logit is > 0.
        iou: (N, M) float, SAM's own guess of each mask's IoU; unbounded, usually in 0..1.
    """

    low_res_logits: Tensor
    iou: Tensor


class FrozenSam(FrozenModule, abc.ABC):
    """A Segment Anything Model that never learns.

    Frozen is a property of the type, see `FrozenModule`. Dims: B images, N or P prompts, T prompt
    tokens, D = `embed_dim`, C = `feature_dim`, (h, w) = `embed_hw`. Coordinates are pixels of the
    SAM frame, x right, y down.

    Features are one tensor, so that caches and prompters need not know which SAM made them. The
    first D channels are what a prompter reads. Some mask decoders also want finer maps of the
    image; those follow in further channels, each 2 x 2 or 4 x 4 finer cells laid behind the cell
    they are in (`torch.nn.functional.pixel_unshuffle`). Most SAMs have none: C = D.

    Attributes:
        name: The backbone's name, e.g. "mobile_sam".
        image_side: Side of the SAM frame in pixels.
        embed_hw: (height, width) of the feature map.
        embed_dim: Channels of prompt tokens, and of the features that a prompter reads.
        feature_dim: Channels of the features that `encode` makes and `decode` takes.
        max_prompts_per_chunk: Prompts decoded at once; a chunk of 16 needs about 1 GB at side 1024.
    """

    max_prompts_per_chunk: ClassVar[int] = 16

    def __init__(
        self,
        name: str,
        image_side: int,
        embed_hw: tuple[int, int],
        embed_dim: int,
        finer_dim: int = 0,
    ):
        """Store the facts that other parts read.

        Args:
            name: The backbone's name.
            image_side: Side of the SAM frame in pixels.
            embed_hw: (height, width) of the feature map.
            embed_dim: Channels of prompt tokens, and of the features that a prompter reads.
            finer_dim: Channels behind those, which only the mask decoder reads.
        """
        super().__init__()
        self.name = name
        self.image_side = image_side
        self.embed_hw = embed_hw
        self.embed_dim = embed_dim
        self.feature_dim = embed_dim + finer_dim

    # What an adapter supplies.

    @abc.abstractmethod
    def _encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, side, side) float32 -> (B, C, h, w)."""

    @abc.abstractmethod
    def _embed_boxes(self, boxes_xyxy: Tensor) -> Tensor:
        """(P, 4) float32 -> (P, 2, D): the codes of both corners."""

    @abc.abstractmethod
    def _embed_points(self, points_xy: Tensor, point_labels: Tensor) -> Tensor:
        """(P, K, 2) float32 and (P, K) long -> (P, K + 1, D): the padding point comes last."""

    @abc.abstractmethod
    def share(self, features: Tensor) -> Any:
        """Compute what all prompts of one image share.

        Args:
            features: (C, h, w) float32, from `encode`.

        Returns:
            What `decode_shared` takes; its kind is the adapter's own.
        """

    @abc.abstractmethod
    def decode_shared(
        self, image: Any, tokens: Tensor, *, multimask: bool, reach: Tensor | None = None
    ) -> DecodedMasks:
        """Decode prompts of one image at once; `decode` does it for any number of images.

        Args:
            image: From `share`.
            tokens: (N, T, D) float32.
            multimask: As for `decode`.
            reach: (N, h, w) bool, the cells that masks may reach (`mask_reach.cells_in_reach`);
                logits are `mask_reach.OUTSIDE` elsewhere. None is everywhere.
        """

    @abc.abstractmethod
    def dense_pe(self) -> Tensor:
        """SAM's position code of every feature cell.

        Returns:
            (1, D, h, w) float32.
        """

    @abc.abstractmethod
    def dense_prompt(self, mask_logits: Tensor | None = None) -> Tensor:
        """The dense prompt that SAM adds to the features.

        Args:
            mask_logits: (P, 1, 4h, 4w) float, low-resolution logits of earlier masks over the whole
                SAM frame, or None for "no mask given".

        Returns:
            (P, D, h, w) float32; P = 1 without masks.
        """

    @abc.abstractmethod
    def _position_matrix(self) -> Tensor:
        """(2, D / 2) float32: the random frequencies of SAM's position code."""

    @abc.abstractmethod
    def _label_codes(self) -> tuple[Tensor, Tensor, Tensor]:
        """(D,) each: what SAM adds to a foreground point, a first and a second box corner."""

    # Images.

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Bring images into the SAM frame: resize, normalise, pad right and bottom with zeros.

        Args:
            images: B arrays (H, W, 3) uint8, RGB, original frame, sizes may differ.

        Returns:
            (B, 3, side, side) float32 on this model's device.

        Raises:
            DataError: An array has another shape or dtype.
        """
        return preprocess_images(images, self.image_side, self.device)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """Compute image features.

        Args:
            pixels: (B, 3, side, side) float32 from `preprocess`; B = 0 is legal.

        Returns:
            (B, C, h, w) float32 without gradient.

        Raises:
            ConfigError: `pixels` is not of the side this SAM was built for.
        """
        check_pixels(self.name, self.image_side, pixels)
        if not len(pixels):
            return pixels.new_zeros((0, self.feature_dim, *self.embed_hw))
        return self._encode(pixels).float()

    def for_prompter(self, features: Tensor) -> Tensor:
        """Leave out what only the mask decoder reads.

        Args:
            features: (B, C, h, w) float, from `encode`.

        Returns:
            (B, D, h, w), a view; the features themselves where C = D.
        """
        return features[:, : self.embed_dim] if self.feature_dim > self.embed_dim else features

    # Prompts: the teacher.

    @torch.no_grad()
    def prompt_boxes(self, boxes_xyxy: Tensor) -> Tensor:
        """Turn boxes into prompt tokens, as SAM does with a human's box.

        Args:
            boxes_xyxy: (P, 4) float, xyxy, SAM frame.

        Returns:
            (P, 2, D) float32: first corner, second corner.

        Raises:
            ConfigError: The shape is another one.
        """
        if boxes_xyxy.ndim != 2 or boxes_xyxy.shape[-1] != 4:
            raise ConfigError(
                f"{self.name}.prompt_boxes: found shape {tuple(boxes_xyxy.shape)}, expected (P, 4) "
                "with x1, y1, x2, y2 in the SAM frame."
            )
        with self._full_precision():
            return self._embed_boxes(boxes_xyxy.to(self.device, torch.float32))

    @torch.no_grad()
    def prompt_points(self, points_xy: Tensor, point_labels: Tensor | None = None) -> Tensor:
        """Turn points into prompt tokens, as SAM does with a human's clicks.

        Args:
            points_xy: (P, K, 2) float, (x, y), SAM frame: K points for each of P prompts.
            point_labels: (P, K) integer, 1 = foreground, 0 = background; None = all foreground.

        Returns:
            (P, K + 1, D) float32: SAM appends its "not a point" code.

        Raises:
            ConfigError: A shape is another one.
        """
        if points_xy.ndim != 3 or points_xy.shape[-1] != 2:
            raise ConfigError(
                f"{self.name}.prompt_points: found shape {tuple(points_xy.shape)}, expected "
                "(P, K, 2): K points x, y for each of P prompts in the SAM frame."
            )
        if point_labels is None:
            point_labels = points_xy.new_ones(points_xy.shape[:2])
        if point_labels.shape != points_xy.shape[:2]:
            raise ConfigError(
                f"{self.name}.prompt_points: found labels of shape {tuple(point_labels.shape)} for "
                f"points of shape {tuple(points_xy.shape)}, expected one label (1 or 0) per point."
            )
        with self._full_precision():
            points = points_xy.to(self.device, torch.float32)
            return self._embed_points(points, point_labels.to(self.device, torch.long))

    @torch.no_grad()
    def boxes_from_tokens(self, tokens: Tensor) -> Tensor:
        """Read boxes back from box tokens: the inverse of `prompt_boxes`.

        Each token, less its corner's code, is matched with the nearest position code inside the
        frame. Tokens of the teacher come back to a small fraction of a pixel; those of a prompter,
        which are only close to a code, give the least-squares position.

        Args:
            tokens: (P, T, D) float with T >= 2; the first two are read.

        Returns:
            (P, 4) float32, xyxy, SAM frame, within the frame; corners are not re-ordered.
        """
        _, first_corner, second_corner = self._label_codes()
        codes = tokens[:, :2].float() - torch.stack([first_corner, second_corner])
        return self._positions(codes.reshape(-1, self.embed_dim)).reshape(-1, 4)

    @torch.no_grad()
    def points_from_tokens(self, tokens: Tensor) -> Tensor:
        """Read foreground points back from point tokens: the inverse of `prompt_points`.

        Args:
            tokens: (P, T, D) float; only the first token is read.

        Returns:
            (P, 2) float32, (x, y), SAM frame, within the frame.
        """
        return self._positions(tokens[:, 0].float() - self._label_codes()[0])

    def _positions(self, codes: Tensor) -> Tensor:
        """(N, D) position codes -> (N, 2) pixels of the SAM frame; SAM codes pixel centres."""
        with self._full_precision():
            unit = nearest_position(codes, self._position_matrix())
        return (unit * self.image_side - 0.5).clamp(0, self.image_side)

    # Masks.

    def decode(
        self,
        features: Tensor,
        tokens: Tensor,
        image_index: Tensor,
        multimask: bool = False,
        boxes_xyxy: Tensor | None = None,
    ) -> DecodedMasks:
        """Turn prompt tokens into masks; one call may hold the prompts of several images.

        Runs image by image, in chunks of `max_prompts_per_chunk`. Gradients flow to `tokens` (and
        to `features` if they ask); then several chunks are recomputed in the backward pass, so that
        memory stays bounded there too.

        Args:
            features: (B, C, h, w) float, from `encode`; any float dtype.
            tokens: (N, T, D) float, prompt tokens; N = 0 is legal.
            image_index: (N,) integer, 0..B-1: which image each prompt belongs to.
            multimask: False gives SAM's single mask (M = 1), True its three candidates (M = 3).
            boxes_xyxy: (N, 4) float, SAM frame: the boxes that the tokens stand for. Masks are then
                looked for in and around them only, which is cheaper (`mask_reach`).

        Returns:
            Masks and IoU guesses of the N prompts in the order given.

        Raises:
            ConfigError: Shapes do not fit, or an index names an image that is not there.
        """
        features_chw = (self.feature_dim, *self.embed_hw)
        check_prompts(self.name, features_chw, self.embed_dim, features, tokens, image_index)
        if boxes_xyxy is not None and tuple(boxes_xyxy.shape) != (len(tokens), 4):
            raise ConfigError(
                f"{self.name}.decode: found boxes_xyxy {tuple(boxes_xyxy.shape)} for {len(tokens)} "
                f"prompts, expected ({len(tokens)}, 4): a box for each."
            )
        features = features.to(self.device, torch.float32)
        tokens = tokens.to(self.device, torch.float32)
        image_index = image_index.to(self.device, torch.long)
        if not len(tokens):
            masks, side = 3 if multimask else 1, [4 * size for size in self.embed_hw]
            return DecodedMasks(features.new_zeros(0, masks, *side), features.new_zeros(0, masks))
        needs_gradient = torch.is_grad_enabled() and (
            tokens.requires_grad or features.requires_grad
        )
        size = self.max_prompts_per_chunk
        if self.device.type == "cpu" and not needs_gradient:
            size = min(size, _PROMPTS_IN_CPU_CACHE)
        frugal = needs_gradient and len(tokens) > size
        reach = None
        if boxes_xyxy is not None:
            reach = cells_in_reach(boxes_xyxy.to(self.device), self.embed_hw, self.image_side)
        rows, found = [], []
        for image in torch.unique(image_index).tolist():
            shared = self.share(features[image])
            of_image = torch.nonzero(image_index == image).squeeze(1)
            for chunk in torch.split(of_image, size):
                rows.append(chunk)
                near = None if reach is None else reach[chunk]
                decoded = self._decode_chunk(shared, tokens[chunk], multimask, near, frugal=frugal)
                found.append(decoded)
        order = torch.cat(rows).argsort()
        return DecodedMasks(*(torch.cat(parts)[order] for parts in zip(*found, strict=True)))

    def _decode_chunk(
        self, image: Any, tokens: Tensor, multimask: bool, reach: Tensor | None, *, frugal: bool
    ) -> DecodedMasks:
        """Decode some prompts of one image; frugally, the backward pass computes them again."""
        decode = partial(self.decode_shared, multimask=multimask, reach=reach)
        if not frugal:
            return decode(image, tokens)
        masks: DecodedMasks = checkpoint(decode, image, tokens, use_reentrant=False)
        return masks

    # Where and how it computes.

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def _full_precision(self) -> torch.autocast:
        """Position codes turn through many periods: half precision would move them by pixels."""
        return torch.autocast(self.device.type, enabled=False)
