"""Pictures with several layers, and what their captions say."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.report.conftest import WrittenReport


def figures(text: str) -> dict[str, str]:
    """The first figure of each image."""
    found: dict[str, str] = {}
    for figure in re.findall(r'<figure class="picture">.*?</figure>', text, re.DOTALL):
        found.setdefault(re.findall(r'alt="([^"]+)"', figure)[0], figure)
    return found


def layers(figure: str) -> dict[str, NDArray[np.uint8]]:
    """Label maps of a figure by kind."""
    found = re.findall(r'data-kind="(\w+)" src="data:image/png;base64,([^"]+)"', figure)
    return {
        kind: np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for kind, data in found
    }


def captions(figure: str) -> list[tuple[str, str]]:
    """Part names and verdicts."""
    return re.findall(r'data-name="([^"]+)">.*?<small>(.*?)</small>', figure)


def test_picture_holds_every_layer(compared: WrittenReport) -> None:
    maps = layers(figures(compared.text)["0.png"])
    assert list(maps) == ["truth", "prediction", "second", "oracle"]
    # Parts of the picture: wheel is 1, door is 2.
    assert (maps["truth"][5:25, 5:25] == 1).all()
    assert np.count_nonzero(maps["truth"]) == 400
    assert (maps["prediction"][5:20, 30:40] == 2).all()
    assert np.count_nonzero(maps["prediction"]) == 150
    assert (maps["second"] == maps["truth"]).all()
    assert np.count_nonzero(maps["oracle"] == 1) == 200


def test_caption_says_what_became_of_each_part(compared: WrittenReport) -> None:
    shown = figures(compared.text)
    assert captions(shown["0.png"]) == [
        ("wheel", "missed → 100"),
        ("door", "invented → \N{EN DASH}"),
    ]
    (name, verdict) = captions(shown["2.png"])[0]
    assert name.startswith("a_name_that")
    assert verdict == "100 → 100"


def test_one_button_for_each_layer(compared: WrittenReport) -> None:
    modes = re.findall(r'data-mode="(\w+)">([^<]+)<', compared.text)
    assert modes == [
        ("photo", "Photo"),
        ("truth", "Truth"),
        ("prediction", "A"),
        ("second", "B"),
        ("oracle", "Oracle"),
        ("compare", "Compare"),
        ("mistakes", "Mistakes"),
    ]
    assert [re.findall(r'data-choice="(\w+)"', compared.text)] == [["left", "right", "of"]]
