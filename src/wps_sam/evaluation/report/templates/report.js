"use strict";
(() => {
  const IGNORED = 255;
  const IGNORED_COLOR = [128, 128, 128];
  const MISTAKES = { right: "--right", missed: "--missed", invented: "--invented", wrong: "--wrong" };
  const LAYERS = ["truth", "prediction", "second", "oracle"];
  const state = { mode: "prediction", left: "truth", right: "prediction", of: "prediction", opacity: 0.55 };
  const style = getComputedStyle(document.documentElement);
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const mistakeColor = Object.fromEntries(
    Object.entries(MISTAKES).map(([name, variable]) => [name, rgb(style.getPropertyValue(variable).trim())]));

  const labelOf = (kind) => document.querySelector(`[data-mode="${kind}"]`).textContent;

  /* Reads the grey values of a label map: 0 background, k = part k - 1 of the picture. */
  function readLabels(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const labels = new Uint8Array(canvas.width * canvas.height);
    for (let at = 0; at < labels.length; at += 1) labels[at] = pixels[4 * at];
    return labels;
  }

  class Picture {
    constructor(figure) {
      this.stage = figure.querySelector(".stage");
      this.canvas = figure.querySelector("canvas");
      this.wipe = figure.querySelector(".wipe");
      this.tip = figure.querySelector(".tip");
      this.parts = [...figure.querySelectorAll(".part")];
      this.colors = this.parts.map((part) => rgb(part.dataset.color));
      this.width = this.canvas.width;
      this.split = 0.5;
      this.focus = -1;
      this.labels = null;
      this.images = [...figure.querySelectorAll(".labels")];
      this.parts.forEach((part, index) => {
        part.addEventListener("click", () => {
          part.setAttribute("aria-pressed", part.getAttribute("aria-pressed") !== "true");
          this.draw();
        });
        part.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") { this.focus = index; this.draw(); } });
        part.addEventListener("pointerleave", () => { if (this.focus !== -1) { this.focus = -1; this.draw(); } });
      });
      this.stage.addEventListener("pointermove", (event) => this.pointerMoved(event));
      this.stage.addEventListener("pointerdown", (event) => this.pointerMoved(event));
      this.stage.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    }

    async load() {
      await Promise.all(this.images.map((image) => image.decode()));
      this.labels = Object.fromEntries(this.images.map((image) => [image.dataset.kind, readLabels(image)]));
      if (this.isVisible()) this.draw();
    }

    isVisible() { return this.stage.offsetParent !== null; }

    isShown(label) {
      return label > 0 && label <= this.parts.length && this.parts[label - 1].getAttribute("aria-pressed") === "true";
    }

    mistake(truth, prediction) {
      if (truth === prediction) return "right";
      if (prediction === 0) return "missed";
      return truth === 0 ? "invented" : "wrong";
    }

    /* The layer that a column of pixels shows. */
    layerAt(column) {
      if (state.mode !== "compare") return state.mode;
      return column < this.split * this.width ? state.left : state.right;
    }

    /* Colour of a pixel, or null where the photograph shows through. */
    colorAt(at, column, shown) {
      const truth = this.labels.truth[at];
      if (state.mode === "photo") return null;
      if (truth === IGNORED) return IGNORED_COLOR;
      if (state.mode === "mistakes") {
        const prediction = this.labels[state.of][at];
        return shown[truth] || shown[prediction] ? mistakeColor[this.mistake(truth, prediction)] : null;
      }
      const label = this.labels[this.layerAt(column)][at];
      return shown[label] ? this.colors[label - 1] : null;
    }

    draw() {
      const comparing = state.mode === "compare";
      this.stage.classList.toggle("comparing", comparing);
      this.wipe.hidden = !comparing;
      this.wipe.style.left = `${100 * this.split}%`;
      this.wipe.children[0].textContent = labelOf(state.left);
      this.wipe.children[1].textContent = labelOf(state.right);
      if (!this.labels) return;
      const context = this.canvas.getContext("2d");
      const picture = context.createImageData(this.width, this.canvas.height);
      const data = picture.data;
      const shown = Array.from({ length: 256 }, (_, label) => this.isShown(label));
      const strength = 255 * state.opacity;
      let left = null;
      let above = new Array(this.width).fill(null);
      for (let at = 0, column = 0; at < this.labels.truth.length; at += 1, column += 1) {
        if (column === this.width) { column = 0; left = null; }
        const color = this.colorAt(at, column, shown);
        const isEdge = at >= this.width && column > 0 && (color !== left || color !== above[column]);
        const edgeColor = color || left || above[column];
        left = color;
        above[column] = color;
        const paint = isEdge && state.opacity > 0 ? edgeColor : color;
        if (!paint) continue;
        const isDimmed = this.focus >= 0 && state.mode !== "mistakes" && paint !== this.colors[this.focus];
        data[4 * at] = paint[0];
        data[4 * at + 1] = paint[1];
        data[4 * at + 2] = paint[2];
        data[4 * at + 3] = (isEdge ? Math.min(255, strength + 110) : strength) * (isDimmed ? 0.2 : 1);
      }
      context.putImageData(picture, 0, 0);
    }

    pointerMoved(event) {
      const box = this.stage.getBoundingClientRect();
      const x = Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width));
      const y = Math.min(0.999, Math.max(0, (event.clientY - box.top) / box.height));
      if (state.mode === "compare") {
        this.split = x;
        this.draw();
      }
      if (!this.labels) return;
      const at = Math.floor(y * this.canvas.height) * this.width + Math.floor(x * this.width);
      this.tip.hidden = false;
      this.tip.textContent = this.describe(at);
    }

    describe(at) {
      const name = (label) => (label === 0 ? "background" : this.parts[label - 1].dataset.name);
      const kinds = LAYERS.filter((kind) => kind in this.labels);
      const labels = kinds.map((kind) => this.labels[kind][at]);
      if (labels[0] === IGNORED) return "ignored region, not scored";
      if (labels.every((label) => label === labels[0])) return name(labels[0]);
      return kinds.map((kind, which) => `${labelOf(kind)}: ${name(labels[which])}`).join(" · ");
    }
  }

  const pictures = [...document.querySelectorAll(".picture")].map((figure) => new Picture(figure));
  const drawAll = () => pictures.filter((picture) => picture.isVisible()).forEach((picture) => picture.draw());
  const press = (attribute, key, aria) => document.querySelectorAll(`[data-${attribute}]`).forEach(
    (button) => button.setAttribute(aria, button.dataset[attribute] === key));

  function setMode(mode) {
    state.mode = mode;
    press("mode", mode, "aria-pressed");
    document.querySelectorAll("[data-hint]").forEach((hint) => { hint.hidden = hint.dataset.hint !== mode; });
    drawAll();
  }

  function setGroup(key) {
    press("group", key, "aria-selected");
    document.querySelectorAll("[data-pictures]").forEach((group) => { group.hidden = group.dataset.pictures !== key; });
    drawAll();
  }

  const selects = [...document.querySelectorAll("[data-choice]")];
  function readChoices() {
    selects.forEach((select) => { state[select.dataset.choice] = select.value; });
    drawAll();
  }

  /* An address may name a view, such as report.html#group=worst&mode=compare&left=truth&right=oracle. */
  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const exists = (attribute) => document.querySelector(`[data-${attribute}="${CSS.escape(wanted.get(attribute) || "")}"]`);
    if (exists("group")) setGroup(wanted.get("group"));
    if (exists("mode")) setMode(wanted.get("mode"));
    selects.forEach((select) => {
      const option = [...select.options].find((one) => one.value === wanted.get(select.dataset.choice));
      if (option) select.value = option.value;
    });
    readChoices();
  }

  async function loadAll() {
    const hidden = pictures.filter((picture) => !picture.isVisible());
    await Promise.all(pictures.filter((picture) => picture.isVisible()).map((picture) => picture.load()));
    await Promise.all(hidden.map((picture) => picture.load()));
    document.documentElement.dataset.ready = "yes";
  }

  document.querySelectorAll("[data-mode]").forEach((button) => button.addEventListener("click", () => setMode(button.dataset.mode)));
  document.querySelectorAll("[data-group]").forEach((tab) => tab.addEventListener("click", () => setGroup(tab.dataset.group)));
  selects.forEach((select) => select.addEventListener("change", readChoices));
  const slider = document.getElementById("opacity");
  if (slider) slider.addEventListener("input", () => { state.opacity = slider.value / 100; drawAll(); });
  window.addEventListener("hashchange", readAddress);
  window.addEventListener("beforeprint", () => pictures.forEach((picture) => picture.draw()));
  if (pictures.length) {
    setMode(state.mode);
    readAddress();
    loadAll();
  }

  /* Compares two cells: numbers by value, with n/a below all of them; else as words. */
  function compareCells(a, b) {
    const [x, y] = [a, b].map((text) => Number.parseFloat(text.replace(/,/g, "")));
    if (Number.isNaN(x) && Number.isNaN(y)) return a.localeCompare(b, undefined, { numeric: true });
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? -1 : 1;
    return x - y;
  }

  function sortBy(table, headings, column) {
    const heading = headings[column];
    const descending = heading.ariaSort !== "descending";
    headings.forEach((other) => { other.ariaSort = null; });
    heading.ariaSort = descending ? "descending" : "ascending";
    const cell = (row) => row.children[column].textContent;
    const rows = [...table.tBodies[0].rows].sort((a, b) => compareCells(cell(a), cell(b)) * (descending ? -1 : 1));
    table.tBodies[0].append(...rows);
  }

  /* A table is sorted by the column whose heading is clicked, or on which Enter is pressed. */
  document.querySelectorAll(".sortable").forEach((table) => {
    const headings = [...table.querySelectorAll("thead th")];
    headings.forEach((heading, column) => {
      heading.tabIndex = 0;
      heading.addEventListener("click", () => sortBy(table, headings, column));
      heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sortBy(table, headings, column); });
    });
  });
})();
