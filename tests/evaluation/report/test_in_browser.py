"""The report in Chromium: nothing fails, nothing overflows, every view shows what it says.

A script is added to a copy of the report; it presses what a reader would press and hands what it
sees to the page around it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.images.palette import class_colors

if TYPE_CHECKING:
    from pathlib import Path

    from evaluation.report.conftest import Browser, WrittenReport

pytestmark = pytest.mark.browser

PROBE = """<script>(async () => {
  const seen = {};
  const wait = () => new Promise((done) => setTimeout(done, 10));
  const press = (selector) => document.querySelector(selector).click();
  const pixel = (row, column) => {
    const copy = document.createElement("canvas").getContext("2d");
    copy.drawImage(document.querySelector(".pictures:not([hidden]) canvas"), -column, -row);
    return [...copy.getImageData(0, 0, 1, 1).data];
  };
  while (document.documentElement.dataset.ready !== "yes") await wait();
  try { STEPS } catch (error) { seen.error = String(error); }
  parent.postMessage(seen, "*");
})();</script></body>"""
FRAME = """<!doctype html><body style="margin:0"><iframe src="probed.html#ADDRESS"
  style="width:WIDTHpx;height:900px;border:0"></iframe><pre></pre>
<script>addEventListener("message", (event) => {
  document.querySelector("pre").textContent = JSON.stringify(event.data);
});</script></body>"""
DARK, LIGHT = "--blink-settings=preferredColorScheme=0", "--blink-settings=preferredColorScheme=1"

# Row and column in the wheel of the truth, in its half that the oracle lacks, and in A's door.
WHEEL, HALF, DOOR = "10, 10", "10, 20", "10, 35"
WHEEL_COLOR, DOOR_COLOR = (
    tuple(int(color[at : at + 2], 16) for at in (1, 3, 5)) for color in class_colors(2)
)
MISSED, INVENTED = (0x2F, 0x7D, 0xF6), (0xF5, 0x93, 0x24)


def probe(
    browser: Browser,
    report: WrittenReport,
    steps: str,
    *flags: str,
    width: int = 1280,
    address: str = "",
) -> dict[str, Any]:
    """Run steps in the report within a frame of a width; return what they put into `seen`."""
    folder = report.path.parent
    text = report.text.replace("</body>", PROBE.replace("STEPS", steps))
    (folder / "probed.html").write_text(text, encoding="utf-8")
    page = folder / "frame.html"
    page.write_text(FRAME.replace("ADDRESS", address).replace("WIDTH", str(width)))
    # Pictures are decoded beside the page's clock: on a busy machine it must tick very often.
    document, console = browser.open(
        page, "--dump-dom", "--window-size=1400,1000", *flags, patience_s=1200
    )
    assert console == []
    answer = re.search(r"<pre>(.*?)</pre>", document)
    assert answer is not None
    assert answer.group(1), "The report's pictures were not ready in time."
    seen: dict[str, Any] = json.loads(answer.group(1).replace("&amp;", "&"))
    assert "error" not in seen
    return seen


def is_color(pixel: list[int], color: tuple[int, ...]) -> bool:
    """True for a see-through pixel of the colour; opacity costs a canvas a few levels."""
    return pixel[3] > 0 and max(abs(a - b) for a, b in zip(pixel[:3], color, strict=True)) <= 3


def test_each_mode_shows_its_layer(browser: Browser, compared: WrittenReport) -> None:
    steps = f"""
      for (const mode of ["photo", "truth", "prediction", "second", "oracle", "mistakes"]) {{
        press(`[data-mode=${{mode}}]`);
        const pressed = [...document.querySelectorAll("[data-mode][aria-pressed=true]")];
        const hints = [...document.querySelectorAll("[data-hint]:not([hidden])")];
        seen[mode] = {{
          wheel: pixel({WHEEL}), half: pixel({HALF}), door: pixel({DOOR}),
          pressed: pressed.map((one) => one.dataset.mode),
          hints: hints.map((one) => one.dataset.hint) }};
      }}"""
    seen = probe(browser, compared, steps)
    for mode, view in seen.items():
        assert view["pressed"] == view["hints"] == [mode]
    assert [seen["photo"][place][3] for place in ("wheel", "half", "door")] == [0, 0, 0]
    assert is_color(seen["truth"]["wheel"], WHEEL_COLOR)
    assert seen["truth"]["door"][3] == 0
    assert seen["prediction"]["wheel"][3] == 0
    assert is_color(seen["prediction"]["door"], DOOR_COLOR)
    assert is_color(seen["second"]["half"], WHEEL_COLOR)
    assert is_color(seen["oracle"]["wheel"], WHEEL_COLOR)
    assert seen["oracle"]["half"][3] == 0
    assert is_color(seen["mistakes"]["wheel"], MISSED)
    assert is_color(seen["mistakes"]["door"], INVENTED)


def test_an_address_opens_a_view(browser: Browser, compared: WrittenReport) -> None:
    steps = f"""
      seen.group = document.querySelector("[data-pictures]:not([hidden])").dataset.pictures;
      seen.wheel = pixel({WHEEL}); seen.door = pixel({DOOR});
      const wipe = document.querySelector(".pictures:not([hidden]) .wipe");
      seen.names = [...wipe.children].map((one) => one.textContent);
      document.querySelector("[data-choice=left]").value = "prediction";
      document.querySelector("[data-choice=left]").dispatchEvent(new Event("change"));
      seen.changed = pixel({WHEEL});"""
    address = "group=worst&mode=compare&left=truth&right=prediction"
    seen = probe(browser, compared, steps, address=address)
    assert seen["group"] == "worst"
    assert seen["names"] == ["Truth", "A"]
    # The line is in the middle, between wheel and door.
    assert is_color(seen["wheel"], WHEEL_COLOR)
    assert is_color(seen["door"], DOOR_COLOR)
    assert seen["changed"][3] == 0


def test_parts_are_hidden_and_tables_sorted(browser: Browser, compared: WrittenReport) -> None:
    steps = f"""
      press("[data-mode=truth]");
      press(".pictures:not([hidden]) .part[data-name=wheel]");
      seen.hidden = pixel({WHEEL});
      press(".pictures:not([hidden]) .part[data-name=wheel]");
      seen.shown = pixel({WHEEL});
      const cells = () => document.querySelectorAll("#classes .sortable tbody td:nth-child(2)");
      const column = () => [...cells()].map((cell) => cell.textContent);
      press("#classes .sortable thead th:nth-child(2)"); seen.falling = column();
      press("#classes .sortable thead th:nth-child(2)"); seen.rising = column();"""
    seen = probe(browser, compared, steps)
    assert seen["hidden"][3] == 0
    assert is_color(seen["shown"], WHEEL_COLOR)
    falling = [float(text) for text in seen["falling"]]
    assert falling == sorted(falling, reverse=True)
    assert [float(text) for text in seen["rising"]] == sorted(falling)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_page(
    browser: Browser, compared: WrittenReport, width: int
) -> None:
    steps = """
      document.querySelectorAll("details").forEach((one) => { one.open = true; });
      seen.width = innerWidth; seen.page = document.scrollingElement.scrollWidth;
      seen.loaded = [...document.querySelectorAll("[src], [href]")]
        .map((one) => one.getAttribute("src") || one.getAttribute("href"))
        .filter((address) => !/^(data:|#)/.test(address));"""
    seen = probe(browser, compared, steps, width=width)
    assert seen["width"] == width
    assert seen["page"] <= width
    assert seen["loaded"] == []


@pytest.mark.parametrize("scheme", [DARK, LIGHT])
def test_text_and_plots_follow_dark_mode(
    browser: Browser, compared: WrittenReport, scheme: str
) -> None:
    steps = """
      const style = (selector) => getComputedStyle(document.querySelector(selector));
      seen.page = style("body").backgroundColor; seen.text = style("body").color;
      seen.plot = style("#classes svg text").fill;
      seen.panel = style("#classes").backgroundColor;"""
    seen = probe(browser, compared, steps, scheme)
    light = {
        name: float(np.mean([int(n) for n in re.findall(r"\d+", color)[:3]]))
        for name, color in seen.items()
    }
    sign = 1 if scheme == DARK else -1
    for front in ("text", "plot"):
        for back in ("page", "panel"):
            assert sign * (light[front] - light[back]) > 120


@pytest.mark.parametrize("scheme", [DARK, LIGHT])
def test_screenshot_is_not_blank(
    browser: Browser, compared: WrittenReport, tmp_path: Path, scheme: str
) -> None:
    target = tmp_path / "screenshot.png"
    _, console = browser.open(
        compared.path, f"--screenshot={target}", "--window-size=1280,2600", scheme, patience_s=8
    )
    assert console == []
    pixels = np.asarray(Image.open(target).convert("RGB"))
    # Every band of the page has text or pictures in it.
    for band in np.array_split(pixels, 8):
        assert len(np.unique(band @ np.array([65536, 256, 1]))) > 50
    is_dark = np.median(pixels) < 128
    assert is_dark == (scheme == DARK)
