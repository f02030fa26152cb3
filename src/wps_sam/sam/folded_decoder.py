"""SAM's mask decoder, arranged so that nothing is computed twice and little is computed per cell.

The weights are those of `transformers`' `SamMaskDecoder`, and so are the numbers, up to rounding.
Names are those of Kirillov et al. (2023), section A: two layers in which a few tokens and the
image's cells attend to each other, one last look of the tokens at the image, and masks from a
product of upscaled cells and a vector a mask. Four things make it cheaper:

- What the first layer projects from the image is the same for all prompts of that image.
- Later, a projection of L = 4,096 cells x only serves products with T = 7 to 10 tokens. With
  (t W_q) (x W_k)' = (t W_q W_k') x' and (a (x W_v)) W_o = (a x) (W_v W_o), the tokens are projected
  instead of the cells.
- A transposed convolution with kernel and stride 2 is a linear layer on each cell.
- So cells are upscaled each by itself, and only those that a mask may reach, if that is known.

Dims: N prompts, T tokens (SAM's own five before those of the prompt), L cells, D channels, H heads
of width d, M masks.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.sam.modeling_sam import (
    SamAttention,
    SamMaskDecoder,
    SamTwoWayAttentionBlock,
    SamTwoWayTransformer,
)

from wps_sam.sam.mask_reach import OUTSIDE


class SharedImage(NamedTuple):
    """What all prompts of one image share.

    Attributes:
        cells: (L, D), features plus SAM's dense prompt.
        position: (L, D), position code of each cell.
        keys: (H, d, L), of the first layer's tokens that attend to the image.
        values: (H, L, d), likewise.
        queries: (H, d, L), of the first layer's cells that attend to the tokens.
    """

    cells: Tensor
    position: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor


def share_image(
    transformer: SamTwoWayTransformer, features: Tensor, dense_prompt: Tensor, position: Tensor
) -> SharedImage:
    """Compute what all prompts of one image share.

    Args:
        transformer: The decoder's; holds the weights.
        features: (D, h, w) float32, of the image encoder.
        dense_prompt: (D, h, w) float32.
        position: (D, h, w) float32, position code of each cell.
    """
    first = transformer.layers[0]
    cells = features + dense_prompt
    placed = cells + position
    to_image, to_tokens = first.cross_attn_token_to_image, first.cross_attn_image_to_token
    # Projected as maps, keys and queries come out as (H, d, L): nothing is transposed afterwards.
    return SharedImage(
        cells.permute(1, 2, 0).flatten(0, 1).contiguous(),
        position.permute(1, 2, 0).flatten(0, 1).contiguous(),
        _heads_of_map(to_image, to_image.k_proj, placed),
        _heads_of_map(to_image, to_image.v_proj, cells).transpose(1, 2),
        _heads_of_map(to_tokens, to_tokens.q_proj, placed),
    )


def decode_prompts(
    decoder: SamMaskDecoder,
    image: SharedImage,
    tokens: Tensor,
    embed_hw: tuple[int, int],
    *,
    multimask: bool,
    reach: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Decode prompts of one image.

    Args:
        decoder: Holds the weights.
        image: Of `share_image`.
        tokens: (N, T - 5, D) float32, prompt tokens.
        embed_hw: (h, w) of the features; L = h w.
        multimask: False gives SAM's single mask (M = 1), True its three candidates (M = 3).
        reach: (N, h, w) bool, where masks may lie; `OUTSIDE` elsewhere. None is everywhere.

    Returns:
        Mask logits (N, M, 4h, 4w) and SAM's guesses of their IoU (N, M).
    """
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    prompt = torch.cat([own.expand(tokens.shape[0], -1, -1), tokens], dim=1)
    queries, cells = attend(decoder.transformer, image, prompt)
    chosen = range(1, decoder.num_mask_tokens) if multimask else range(1)
    vectors = [decoder.output_hypernetworks_mlps[i](queries[:, 1 + i]) for i in chosen]
    guesses = decoder.iou_prediction_head(queries[:, 0])[:, chosen.start : chosen.stop]
    if reach is None:
        masks = _masks(decoder, cells, torch.stack(vectors, dim=1))
    else:
        masks = _masks_in_reach(decoder, cells, torch.stack(vectors, dim=1), reach.flatten(1))
    return _as_maps(masks, embed_hw), guesses


def attend(
    transformer: SamTwoWayTransformer, image: SharedImage, prompt: Tensor
) -> tuple[Tensor, Tensor]:
    """Let tokens and one image's cells attend to each other.

    Args:
        transformer: Holds the weights.
        image: Of `share_image`.
        prompt: (N, T, D) float32, the decoder's own tokens and those of the prompts.

    Returns:
        Tokens (N, T, D) and cells (N, L, D) afterwards.
    """
    first, *others = transformer.layers
    queries, cells = _first_layer(first, image, prompt)
    for layer in others:
        queries, cells = _later_layer(layer, image, prompt, queries, cells)
    last_look = _look_at_image(
        transformer.final_attn_token_to_image, queries + prompt, cells + image.position, cells
    )
    return transformer.layer_norm_final_attn(queries + last_look), cells


def _first_layer(
    layer: SamTwoWayAttentionBlock, image: SharedImage, prompt: Tensor
) -> tuple[Tensor, Tensor]:
    """Tokens and cells after the first layer: (N, T, D) and (N, L, D)."""
    length = prompt.shape[1]
    queries = layer.layer_norm1(_self_attention(layer.self_attn, prompt, prompt))

    attention = layer.cross_attn_token_to_image
    asked = _heads(attention, attention.q_proj(queries + prompt).flatten(0, 1))  # (H, N T, d)
    found = (asked * attention.scaling @ image.keys).softmax(-1) @ image.values
    looked = attention.out_proj(torch.unflatten(found.transpose(0, 1), 0, (-1, length)).flatten(2))
    queries = _think(layer, layer.layer_norm2(queries + looked))

    attention = layer.cross_attn_image_to_token
    offered = _heads(attention, attention.k_proj(queries + prompt).flatten(0, 1))  # (H, N T, d)
    scores = offered * attention.scaling @ image.queries
    weights = torch.unflatten(scores, 1, (-1, length)).softmax(2).transpose(0, 1)
    told = _tell_cells(attention, weights, queries)
    return queries, layer.layer_norm4(image.cells + told)


def _later_layer(
    layer: SamTwoWayAttentionBlock,
    image: SharedImage,
    prompt: Tensor,
    queries: Tensor,
    cells: Tensor,
) -> tuple[Tensor, Tensor]:
    """Tokens (N, T, D) and cells (N, L, D) after one more layer."""
    placed = cells + image.position
    thought = _self_attention(layer.self_attn, queries + prompt, queries)
    queries = layer.layer_norm1(queries + thought)
    looked = _look_at_image(layer.cross_attn_token_to_image, queries + prompt, placed, cells)
    queries = _think(layer, layer.layer_norm2(queries + looked))
    told = _listen_to_tokens(layer.cross_attn_image_to_token, queries + prompt, queries, placed)
    return queries, layer.layer_norm4(cells + told)


def _self_attention(attention: SamAttention, query: Tensor, value: Tensor) -> Tensor:
    """Tokens attend to each other; `query` is also the key. (N, T, D) -> (N, T, D)."""
    found = functional.scaled_dot_product_attention(
        _heads(attention, attention.q_proj(query)),
        _heads(attention, attention.k_proj(query)),
        _heads(attention, attention.v_proj(value)),
    )
    mixed: Tensor = attention.out_proj(found.transpose(1, 2).flatten(2))
    return mixed


def _think(layer: SamTwoWayAttentionBlock, queries: Tensor) -> Tensor:
    """The layer's MLP on each token."""
    thought: Tensor = layer.layer_norm3(queries + layer.mlp(queries))
    return thought


def _look_at_image(attention: SamAttention, query: Tensor, placed: Tensor, cells: Tensor) -> Tensor:
    """Tokens (N, T, D) attend to cells (N, L, D); with positions as keys, without as values."""
    length = query.shape[1]
    asked = _heads(attention, attention.q_proj(query)) * attention.scaling
    folded = torch.einsum("nhtd,hdc->nhtc", asked, _by_head(attention, attention.k_proj.weight))
    # The keys' bias adds the same to all scores of a token, which softmax takes out again.
    scores = folded.flatten(1, 2) @ placed.transpose(1, 2)  # (N, H T, L)
    # Softmax in pieces, divided by its sum last: OpenVINO would make product, softmax and product
    # one operation that is half as fast. The undivided sums may pass float16's range.
    weights = scores.sub_(scores.amax(-1, keepdim=True).detach()).exp_()
    seen = (weights @ cells) / weights.sum(-1, keepdim=True)
    seen = torch.unflatten(seen, 1, (-1, length))  # (N, H, T, D)
    values = torch.einsum("nhtc,hdc->nthd", seen, _by_head(attention, attention.v_proj.weight))
    found: Tensor = attention.out_proj(values.flatten(2) + attention.v_proj.bias)
    return found


def _listen_to_tokens(
    attention: SamAttention, key: Tensor, value: Tensor, placed: Tensor
) -> Tensor:
    """Cells with their positions (N, L, D) attend to tokens (N, T, D) -> (N, L, D)."""
    offered = _heads(attention, attention.k_proj(key)) * attention.scaling  # (N, H, T, d)
    folded = torch.einsum("nhtd,hdc->nhtc", offered, _by_head(attention, attention.q_proj.weight))
    constant = torch.einsum("nhtd,hd->nht", offered, _by_head(attention, attention.q_proj.bias))
    scores = torch.baddbmm(
        constant.flatten(1)[..., None], folded.flatten(1, 2), placed.transpose(1, 2)
    )
    weights = torch.unflatten(scores, 1, (-1, key.shape[1])).softmax(2)
    return _tell_cells(attention, weights, value)


def _tell_cells(attention: SamAttention, weights: Tensor, value: Tensor) -> Tensor:
    """What cells get from tokens: weights (N, H, T, L), values from (N, T, D) -> (N, L, D)."""
    values = _heads(attention, attention.v_proj(value))
    to_cells = torch.unflatten(attention.out_proj.weight, 1, (attention.num_attention_heads, -1))
    folded = torch.einsum("nhtd,chd->nhtc", values, to_cells).flatten(1, 2)  # (N, H T, D)
    return torch.baddbmm(attention.out_proj.bias, weights.flatten(1, 2).transpose(1, 2), folded)


def _masks(decoder: SamMaskDecoder, cells: Tensor, vectors: Tensor) -> Tensor:
    """Products of cells (N, L, D), upscaled, with vectors (N, M, D / 8) -> (N, L 4 4, M)."""
    return _upscaled(decoder, cells) @ vectors.transpose(1, 2)


def _masks_in_reach(
    decoder: SamMaskDecoder, cells: Tensor, vectors: Tensor, reach: Tensor
) -> Tensor:
    """The same where (N, L) is True; `OUTSIDE` elsewhere."""
    count, length = reach.shape
    reached = reach.flatten().nonzero()[:, 0]  # R of the N L cells
    pixels = _upscaled(decoder, cells.flatten(0, 1)[reached][None])  # (1, R 4 4, D / 8)
    pixels = torch.unflatten(pixels[0], 0, (-1, 16))
    found = pixels @ vectors[reached // length].transpose(1, 2)  # (R, 4 4, M)
    everywhere = found.new_full((count * length, *found.shape[1:]), OUTSIDE)
    return everywhere.index_copy(0, reached, found).reshape(count, length * 16, vectors.shape[1])


def _upscaled(decoder: SamMaskDecoder, cells: Tensor) -> Tensor:
    """Turn each cell into 4 x 4 pixels: (N, L, D) -> (N, L 4 4, D / 8)."""
    norm = decoder.upscale_layer_norm
    half = _split_cells(decoder.upscale_conv1, cells)
    half = functional.layer_norm(half, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return functional.gelu(_split_cells(decoder.upscale_conv2, functional.gelu(half)))


def _as_maps(masks: Tensor, embed_hw: tuple[int, int]) -> Tensor:
    """(N, L 4 4, M), each cell's pixels together -> (N, M, 4h, 4w)."""
    (height, width), (count, _, kinds) = embed_hw, masks.shape
    # A cell's quarters, and theirs: row and column, then row and column.
    by_place = masks.reshape(count, height, width, 2, 2, 2, 2, kinds)
    by_row = by_place.permute(0, 7, 1, 3, 5, 2, 4, 6)
    return by_row.reshape(count, kinds, 4 * height, 4 * width)


def _split_cells(layer: nn.ConvTranspose2d, cells: Tensor) -> Tensor:
    """Turn each cell into four by a transposed convolution: (N, L, C) -> (N, L 4, c)."""
    if layer.bias is None:
        raise AttributeError("SAM's transposed convolutions have a bias")
    weight = layer.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 c, C)
    split = functional.linear(cells, weight, layer.bias.repeat(4))
    return torch.unflatten(split, 2, (4, -1)).flatten(1, 2)


def _heads(attention: SamAttention, projected: Tensor) -> Tensor:
    """(..., R, H d) -> (..., H, R, d)."""
    heads = attention.num_attention_heads
    return torch.unflatten(projected, -1, (heads, -1)).transpose(-3, -2)


def _heads_of_map(attention: SamAttention, projection: nn.Linear, cells: Tensor) -> Tensor:
    """Project each cell of a map: (D, h, w) -> (H, d, L)."""
    projected = torch.addmm(projection.bias[:, None], projection.weight, cells.flatten(1))
    return torch.unflatten(projected, 0, (attention.num_attention_heads, -1))


def _by_head(attention: SamAttention, weight: Tensor) -> Tensor:
    """(H d, ...) -> (H, d, ...)."""
    return torch.unflatten(weight, 0, (attention.num_attention_heads, -1))
