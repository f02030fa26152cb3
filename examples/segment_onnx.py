"""Cut a photograph into named parts with an exported file: no PyTorch and no wps_sam needed.

    pip install numpy onnxruntime pillow
    python segment_onnx.py parts.onnx photo.jpg --out found

writes found/photo.png (a label map: 0 is background, k is class k - 1) and found/photo.json (a list
of parts). The file itself says what its classes are called.
"""

import argparse
import colorsys
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def main() -> None:
    """Read the command line, cut the photograph, write two files."""
    parser = argparse.ArgumentParser(description="Cut a photograph into named parts.")
    parser.add_argument("model", type=Path, help="made by: wps-sam export RUN --out FILE.onnx")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--out", type=Path, default=Path("found"), help="folder to write to")
    options = parser.parse_args()

    session = onnxruntime.InferenceSession(options.model, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    names, ids = json.loads(about["class_names"]), json.loads(about["category_ids"])

    # The file expects upright pixels; cameras often store a turned picture and a note about it.
    photo = ImageOps.exif_transpose(Image.open(options.photo)).convert("RGB")
    masks, class_index, scores, boxes = session.run(None, {"image": np.asarray(photo)})

    options.out.mkdir(parents=True, exist_ok=True)
    label_map = paint(masks, class_index, scores)
    colored(label_map, len(names)).save(options.out / f"{options.photo.stem}.png")
    parts = list_parts(masks, class_index, scores, boxes, names, ids)
    text = json.dumps(parts, indent=1, ensure_ascii=False)
    (options.out / f"{options.photo.stem}.json").write_text(text, encoding="utf-8")
    print(f"{len(parts)} parts: {', '.join(part['name'] for part in parts)}")


def paint(masks: np.ndarray, class_index: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Lay masks (K, H, W) over one another, the smaller on top -> (H, W), 0 is background."""
    label_map = np.zeros(masks.shape[1:], np.uint8)
    areas = masks.sum(axis=(1, 2))
    for part in np.lexsort((scores, -areas)):
        label_map[masks[part]] = class_index[part] + 1
    return label_map


def colored(label_map: np.ndarray, num_classes: int) -> Image.Image:
    """Give each class a colour of its own; the pixels stay class numbers."""
    palette = [0, 0, 0]
    for number in range(num_classes):
        hue = number * 0.618 % 1.0  # the golden ratio keeps neighbours apart
        palette += [round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.7, 0.95)]
    picture = Image.fromarray(label_map)
    picture.putpalette(palette)
    return picture


def list_parts(
    masks: np.ndarray,
    class_index: np.ndarray,
    scores: np.ndarray,
    boxes: np.ndarray,
    names: list[str],
    ids: list[int],
) -> list[dict[str, Any]]:
    """One record a part, best score first; boxes are x1, y1, x2, y2 in pixels."""
    return [
        {
            "name": names[index],
            "category_id": ids[index],
            "score": round(float(score), 4),
            "box_xyxy": box.tolist(),
            "pixels": int(mask.sum()),
        }
        for mask, index, score, box in zip(masks, class_index, scores, boxes, strict=True)
    ]


if __name__ == "__main__":
    main()
