"""The folded mask decoder against the one in transformers, on random weights."""

import pytest
import torch
from torch import Tensor
from transformers import SamMaskDecoderConfig
from transformers.models.sam.modeling_sam import SamMaskDecoder

from wps_sam.sam.folded_decoder import decode_prompts, share_image
from wps_sam.sam.mask_reach import OUTSIDE

HEIGHT, WIDTH, CHANNELS = 6, 10, 64


@pytest.fixture(scope="module")
def decoder() -> SamMaskDecoder:
    """Large random weights, biases and norms too, so that no term is too small to be missed."""
    torch.manual_seed(0)
    config = SamMaskDecoderConfig(
        hidden_size=CHANNELS,
        mlp_dim=96,
        num_attention_heads=4,
        iou_head_hidden_dim=32,
        layer_norm_eps=1e-5,
    )
    model = SamMaskDecoder(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def inputs(prompts: int, tokens: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, dense prompt, position (D, h, w) and tokens (N, T, D)."""
    torch.manual_seed(prompts)
    features, dense, position = torch.randn(3, CHANNELS, HEIGHT, WIDTH)
    return features, dense, position, torch.randn(prompts, tokens, CHANNELS)


def expected(
    decoder: SamMaskDecoder,
    features: Tensor,
    dense: Tensor,
    position: Tensor,
    tokens: Tensor,
    multimask: bool,
) -> tuple[Tensor, Tensor]:
    """What transformers computes, one image a prompt."""
    masks, iou = decoder(
        image_embeddings=features.expand(len(tokens), -1, -1, -1),
        image_positional_embeddings=position.expand(len(tokens), -1, -1, -1),
        sparse_prompt_embeddings=tokens[:, None],
        dense_prompt_embeddings=dense[None],
        multimask_output=multimask,
    )
    return masks[:, 0], iou[:, 0]


@pytest.mark.parametrize("multimask", [False, True])
@pytest.mark.parametrize(("prompts", "tokens"), [(1, 2), (3, 2), (4, 5)])
def test_decode_prompts__same_numbers_as_transformers(
    decoder: SamMaskDecoder, prompts: int, tokens: int, multimask: bool
) -> None:
    features, dense, position, prompt = inputs(prompts, tokens)
    with torch.no_grad():
        masks, iou = expected(decoder, features, dense, position, prompt, multimask)
        image = share_image(decoder.transformer, features, dense, position)
        found = decode_prompts(decoder, image, prompt, (HEIGHT, WIDTH), multimask=multimask)
    assert masks.abs().max() > 1
    assert masks.shape == (prompts, 3 if multimask else 1, 4 * HEIGHT, 4 * WIDTH)
    torch.testing.assert_close(found[0], masks, rtol=1e-4, atol=1e-4 * float(masks.abs().max()))
    torch.testing.assert_close(found[1], iou, rtol=1e-4, atol=1e-4)


def test_decode_prompts__same_gradients_as_transformers(decoder: SamMaskDecoder) -> None:
    gradients = []
    for folded in (False, True):
        features, dense, position, prompt = inputs(3, 2)
        features.requires_grad_()
        prompt.requires_grad_()
        if folded:
            image = share_image(decoder.transformer, features, dense, position)
            masks, _ = decode_prompts(decoder, image, prompt, (HEIGHT, WIDTH), multimask=True)
        else:
            masks, _ = expected(decoder, features, dense, position, prompt, True)
        torch.autograd.backward(masks.sigmoid().mean())
        gradients.append((features.grad, prompt.grad))
    for plain, other in zip(*gradients, strict=True):
        assert plain is not None
        torch.testing.assert_close(other, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))


def test_decode_prompts__scores_whose_exponential_is_no_number(decoder: SamMaskDecoder) -> None:
    features, dense, position, prompt = inputs(2, 2)
    far = 100 * position  # products of tokens and cells in the hundreds: exp(89) overflows
    with torch.no_grad():
        masks, _ = expected(decoder, features, dense, far, prompt, False)
        image = share_image(decoder.transformer, features, dense, far)
        found, _ = decode_prompts(decoder, image, prompt, (HEIGHT, WIDTH), multimask=False)
    assert masks.isfinite().all()
    torch.testing.assert_close(found, masks, rtol=1e-3, atol=1e-3 * float(masks.abs().max()))


@pytest.mark.parametrize("multimask", [False, True])
def test_decode_prompts__within_reach_as_transformers(
    decoder: SamMaskDecoder, multimask: bool
) -> None:
    features, dense, position, prompt = inputs(3, 2)
    reach = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) > 0.7
    reach[1] = False
    with torch.no_grad():
        masks, _ = expected(decoder, features, dense, position, prompt, multimask)
        image = share_image(decoder.transformer, features, dense, position)
        hw = HEIGHT, WIDTH
        found, _ = decode_prompts(decoder, image, prompt, hw, multimask=multimask, reach=reach)
    pixels = reach.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, None].expand_as(masks)
    scale = float(masks.abs().max())
    torch.testing.assert_close(found[pixels], masks[pixels], rtol=1e-4, atol=1e-4 * scale)
    assert (found[~pixels] == OUTSIDE).all()


def test_decode_prompts__no_cell_in_reach(decoder: SamMaskDecoder) -> None:
    features, dense, position, prompt = inputs(2, 2)
    image = share_image(decoder.transformer, features, dense, position)
    reach = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.bool)
    masks, iou = decode_prompts(
        decoder, image, prompt, (HEIGHT, WIDTH), multimask=True, reach=reach
    )
    assert torch.equal(masks, torch.full((2, 3, 4 * HEIGHT, 4 * WIDTH), OUTSIDE))
    assert iou.shape == (2, 3)


@pytest.mark.parametrize("reach", [None, torch.zeros(0, HEIGHT, WIDTH, dtype=torch.bool)])
def test_decode_prompts__no_prompts(decoder: SamMaskDecoder, reach: Tensor | None) -> None:
    features, dense, position, prompt = inputs(0, 2)
    image = share_image(decoder.transformer, features, dense, position)
    hw = HEIGHT, WIDTH
    masks, iou = decode_prompts(decoder, image, prompt, hw, multimask=False, reach=reach)
    assert masks.shape == (0, 1, 4 * HEIGHT, 4 * WIDTH)
    assert iou.shape == (0, 1)
