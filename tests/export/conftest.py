"""Small models with random weights, and the files that are made of them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import SamConfig

from wps_sam.export import check_pictures
from wps_sam.export.graph import PartGraph
from wps_sam.export.onnx_file import OnnxFile, write_onnx
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.prompter.interface import Prompter
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.query.model import QueryPrompter
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.heads import FrozenSamHeads

CLASS_NAMES = ("lid", "knob [left]", "Räder")
DENSE = DensePrompterConfig(
    width=16,
    context_layers=1,
    heads=2,
    tower_layers=1,
    second_looks=10,
    detail_width=16,
    refinement_width=16,
)
QUERY = QueryPrompterConfig(
    num_queries=6, encoder_layers=1, decoder_layers=1, width=16, heads=2, feedforward=16
)


class TinySam(FrozenSamHeads):
    """Side 128, features (32, 8, 8): SAM's own heads, but small, so that tracing is quick."""

    def __init__(self) -> None:
        super().__init__(
            "tiny_sam",
            SamConfig(
                vision_config={"num_pos_feats": 16, "num_hidden_layers": 1},
                prompt_encoder_config={"hidden_size": 32, "image_size": 128},
                mask_decoder_config={
                    "hidden_size": 32,
                    "mlp_dim": 32,
                    "num_hidden_layers": 1,
                    "num_attention_heads": 2,
                    "iou_head_depth": 2,
                    "iou_head_hidden_dim": 16,
                },
            ),
        )
        self.encoder = nn.Conv2d(3, 32, 16, stride=16)
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.encoder(pixels)
        return features


@pytest.fixture(scope="session")
def tiny_sam() -> FrozenSam:
    torch.manual_seed(2)
    return TinySam()


def segmenter_with(sam: FrozenSam, prompter: Prompter, score_threshold: float) -> PartSegmenter:
    return PartSegmenter(
        sam,
        prompter,
        class_names=CLASS_NAMES,
        category_ids=(4, 5, 9),
        score_threshold=score_threshold,
    )


@pytest.fixture(scope="session")
def dense_segmenter(tiny_sam: FrozenSam) -> PartSegmenter:
    """The class in the middle is prompted with points too, the others with the box alone."""
    torch.manual_seed(5)
    prompter = DensePrompter(DENSE, 3, embed_dim=32, embed_hw=(8, 8), image_side=128)
    with torch.no_grad():  # scores that spread, and boxes that differ
        for head in (prompter.propose.class_head, prompter.refine.class_head):
            torch.nn.init.normal_(head.weight, std=0.5)
            assert head.bias is not None
            torch.nn.init.zeros_(head.bias)
        torch.nn.init.normal_(prompter.propose.box_head.weight, std=0.3)
        prompter.clicked.copy_(torch.tensor([False, True, False]))
    return segmenter_with(tiny_sam, prompter, 0.5)


@pytest.fixture(scope="session")
def query_segmenter(tiny_sam: FrozenSam) -> PartSegmenter:
    torch.manual_seed(1)
    prompter = QueryPrompter(QUERY, 3, embed_dim=32, embed_hw=(8, 8))
    return segmenter_with(tiny_sam, prompter, 0.2)


@pytest.fixture(scope="session")
def dense_onnx(dense_segmenter: PartSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dense model's file, made once: that takes seconds."""
    path = tmp_path_factory.mktemp("export") / "dense.onnx"
    graph = PartGraph(dense_segmenter, dense_segmenter.score_threshold).eval()
    write_onnx(graph, path, {"class_names": '["lid"]', "made_by": "a test"})
    return path


@pytest.fixture(scope="session")
def dense_file(dense_onnx: Path) -> OnnxFile:
    return OnnxFile(dense_onnx)


@pytest.fixture
def exact_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that resize to side 128 without rounding: a network with random weights would make
    much of one grey level.
    """
    sizes = {"landscape": (96, 128), "portrait": (256, 192), "small": (96, 96)}
    monkeypatch.setattr(check_pictures, "SIZES_HW", sizes)
