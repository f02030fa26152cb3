"""Refuse what SAM's encoder and mask decoder would only fail on deep inside, or silently take."""

from torch import Tensor

from wps_sam.errors import ConfigError


def check_pixels(name: str, side: int, pixels: Tensor) -> None:
    """Check what an encoder is given.

    Args:
        name: Of the SAM, for the message.
        side: Of the SAM frame, in pixels.
        pixels: Should be (B, 3, side, side).

    Raises:
        ConfigError: The shape is another one.
    """
    if pixels.ndim != 4 or tuple(pixels.shape[1:]) != (3, side, side):
        raise ConfigError(
            f"{name}.encode: found pixels of shape {tuple(pixels.shape)}, expected "
            f"(B, 3, {side}, {side}). Make them with preprocess(images)."
        )


def check_prompts(
    name: str,
    features_chw: tuple[int, int, int],
    embed_dim: int,
    features: Tensor,
    tokens: Tensor,
    image_index: Tensor,
) -> None:
    """Check what a mask decoder is given.

    Args:
        name: Of the SAM, for the message.
        features_chw: (C, h, w) of one image.
        embed_dim: D of a token.
        features: Should be (B, C, h, w).
        tokens: Should be (N, T, D).
        image_index: Should be (N,) integer, 0..B-1.

    Raises:
        ConfigError: Shapes do not fit, or an index names an image that is not there.
    """
    if (
        features.ndim != 4
        or tuple(features.shape[1:]) != features_chw
        or tokens.ndim != 3
        or tokens.shape[-1] != embed_dim
        or image_index.shape != tokens.shape[:1]
    ):
        channels, height, width = features_chw
        raise ConfigError(
            f"{name}.decode: found features {tuple(features.shape)}, tokens "
            f"{tuple(tokens.shape)}, image_index {tuple(image_index.shape)}, expected features "
            f"(B, {channels}, {height}, {width}), tokens (N, T, {embed_dim}), image_index (N,)."
        )
    if len(tokens) and not 0 <= int(image_index.min()) <= int(image_index.max()) < len(features):
        raise ConfigError(
            f"{name}.decode: found image_index {int(image_index.min())} to "
            f"{int(image_index.max())} for {len(features)} images, expected 0 to "
            f"{len(features) - 1}."
        )
