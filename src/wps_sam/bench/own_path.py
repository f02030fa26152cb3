"""The path of this library, stage by stage: what `PartSegmenter.predict` does in one go."""

from typing import ClassVar

from torch import Tensor

from wps_sam.bench.stages import PathName, PredictionPath
from wps_sam.geometry.frames import SamFrame
from wps_sam.inference.decoding import to_prediction
from wps_sam.inference.prediction import PartPrediction
from wps_sam.prompter.interface import PartPrompts


class OwnPath(PredictionPath):
    """Encode, decode and enlarge as `wps-sam predict` does."""

    name: ClassVar[PathName] = "ours"

    def encode(self, pixels: Tensor) -> Tensor:
        """See PredictionPath."""
        return self.segmenter.sam.encode(pixels)

    def decode(self, features: Tensor, prompts: PartPrompts) -> Tensor:
        """See PredictionPath."""
        return self.segmenter.decode(features, [prompts])[0].low_res_logits

    def to_prediction(
        self, low_res_logits: Tensor, prompts: PartPrompts, original_hw: tuple[int, int]
    ) -> PartPrediction:
        """See PredictionPath."""
        return to_prediction(
            low_res_logits,
            prompts.class_index.cpu().numpy(),
            prompts.scores.float().cpu().numpy(),
            SamFrame(original_hw, self.segmenter.sam.image_side),
            self.segmenter.class_names,
        )
