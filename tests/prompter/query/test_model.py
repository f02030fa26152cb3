"""The paper's prompter: shapes, size, and what it selects."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.query.model import QueryOutput, QueryPrompter
from wps_sam.sam.frozen import FrozenSam

SMALL = QueryPrompterConfig(
    num_queries=4, encoder_layers=1, decoder_layers=1, width=16, heads=2, feedforward=16
)


def small(embed_dim: int = 8, embed_hw: tuple[int, int] = (16, 16)) -> QueryPrompter:
    """A quick prompter for two classes."""
    torch.manual_seed(0)
    return QueryPrompter(SMALL, 2, embed_dim=embed_dim, embed_hw=embed_hw).eval()


@pytest.mark.parametrize(
    "hw", [(16, 16), (15, 17), (1, 1), (5, 64)], ids=["even", "odd", "one cell", "oblong"]
)
def test_forward__shapes(hw: tuple[int, int]) -> None:
    output = small(embed_hw=hw)(torch.randn(3, 8, *hw))
    assert output.class_logits.shape == (3, 4, 3)
    assert output.tokens.shape == (3, 4, 2, 8)
    assert output.class_logits.dtype == output.tokens.dtype == torch.float32


def test_forward__more_tokens_for_several_points() -> None:
    model = QueryPrompter(replace(SMALL, tokens_per_part=4), 2, embed_dim=8, embed_hw=(16, 16))
    assert model(torch.randn(3, 8, 16, 16)).tokens.shape == (3, 4, 4, 8)


def test_forward__images_of_a_batch_do_not_mix() -> None:
    model, features = small(), torch.randn(3, 8, 16, 16)
    together, alone = model(features), model(features[1:2])
    torch.testing.assert_close(together.class_logits[1:2], alone.class_logits)
    torch.testing.assert_close(together.tokens[1:2], alone.tokens)


def test_forward__depends_on_where_things_are() -> None:
    model, features = small(), torch.randn(1, 8, 16, 16)
    assert not torch.allclose(model(features).tokens, model(features.flip(-1)).tokens)


def test_parameters__of_the_paper_configuration() -> None:
    # Width 256, 18 classes, 64 x 64 features, so 16 x 16 = 256 cells after two halvings.
    half = 9 * 256 * 256 + 256 + 2 * 256  # 3x3 convolution with bias, and its GroupNorm
    attention = 4 * (256 * 256 + 256)  # query, key, value, output
    feedforward = 256 * 1024 + 1024 + 1024 * 256 + 256
    norm = 2 * 256
    encoder_layer = attention + feedforward + 2 * norm
    decoder_layer = 2 * attention + feedforward + 3 * norm
    transformer = 6 * encoder_layer + 6 * decoder_layer + norm
    embeddings = 256 * 256 + 25 * 256  # of cells and of queries
    class_head = 256 * 19 + 19
    token_head = 256 * 512 + 512 + 512 * 2 * 256 + 2 * 256
    expected = 2 * half + transformer + embeddings + class_head + token_head
    model = QueryPrompter(QueryPrompterConfig(), 18)
    assert sum(weight.numel() for weight in model.parameters()) == expected == 12_711_955


BOXES = torch.tensor([[10.0, 20, 60, 80], [100.0, 90, 180, 140], [0.0, 0, 255, 255]])


def planted(sam: FrozenSam, probabilities: list[list[float]]) -> QueryOutput:
    """One image whose queries say these classes and emit the teacher's tokens of BOXES."""
    logits = torch.tensor([probabilities]).log()
    return QueryOutput(logits, sam.prompt_boxes(BOXES)[None])


def test_select__drops_no_part_and_orders_by_score(toy_sam: FrozenSam) -> None:
    model = small(256)
    output = planted(toy_sam, [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]])
    (found,) = model.select(output, toy_sam, 0.0)
    assert found.class_index.tolist() == [1, 0]
    torch.testing.assert_close(found.scores, torch.tensor([0.8, 0.5]))
    torch.testing.assert_close(torch.stack(found.tokens), output.tokens[0, [2, 0]])
    assert len(found) == 2


def test_select__the_box_comes_back_from_the_teachers_tokens(toy_sam: FrozenSam) -> None:
    output = planted(toy_sam, [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.6, 0.3, 0.1]])
    (found,) = small(256).select(output, toy_sam, 0.0)
    torch.testing.assert_close(found.boxes_xyxy, BOXES, atol=0.05, rtol=0)


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 2), (0.5, 2), (0.51, 1), (0.9, 0)])
def test_select__threshold(toy_sam: FrozenSam, threshold: float, kept: int) -> None:
    # Three equal numbers would leave the winner open; powers of two make 0.5 exact.
    output = planted(toy_sam, [[0.5, 0.25, 0.25], [0.0625, 0.0625, 0.875], [0.125, 0.75, 0.125]])
    exact = output._replace(class_logits=output.class_logits.double())
    (found,) = small(256).select(exact, toy_sam, threshold - 1e-6 if threshold else 0.0)
    assert len(found) == kept
    assert [tokens.shape for tokens in found.tokens] == [(2, 256)] * kept
    assert found.boxes_xyxy.shape == (kept, 4)


def test_select__a_wrong_class_above_the_threshold_is_still_no_part(toy_sam: FrozenSam) -> None:
    # 0.45 would pass the threshold, but no part is more probable.
    output = planted(toy_sam, [[0.45, 0.05, 0.5]] * 3)
    assert len(small(256).select(output, toy_sam, 0.4)[0]) == 0


def test_select__each_image_its_own(toy_sam: FrozenSam) -> None:
    first = planted(toy_sam, [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]])
    second = planted(toy_sam, [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
    both = QueryOutput(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
    found = small(256).select(both, toy_sam, 0.0)
    assert [len(one) for one in found] == [1, 2]
    assert sorted_rows(found[1].boxes_xyxy) == sorted_rows(BOXES[1:])


def sorted_rows(boxes: Tensor) -> list[list[int]]:
    """Boxes in whole pixels, in an order of their own."""
    return sorted(boxes.round().int().tolist())
