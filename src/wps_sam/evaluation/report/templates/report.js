"use strict";
(() => {
  const IGNORED = 255;
  const MISTAKES = { right: "--right", missed: "--missed", invented: "--invented", wrong: "--wrong" };
  const state = { mode: "prediction", opacity: 0.55 };
  const style = getComputedStyle(document.documentElement);
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const mistakeColor = Object.fromEntries(
    Object.entries(MISTAKES).map(([name, variable]) => [name, rgb(style.getPropertyValue(variable).trim())]));

  /* Reads the grey values of a label map: 0 background, k = part k - 1 of the picture. */
  function readLabels(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return Uint8Array.from({ length: canvas.width * canvas.height }, (_, at) => pixels[4 * at]);
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
      this.draw();
    }

    isShown(label) {
      return label > 0 && label <= this.parts.length && this.parts[label - 1].getAttribute("aria-pressed") === "true";
    }

    mistake(truth, prediction) {
      if (truth === prediction) return "right";
      if (prediction === 0) return "missed";
      return truth === 0 ? "invented" : "wrong";
    }

    /* Colour of a pixel, or null where the photograph shows through. */
    colorAt(at, column, shown) {
      const truth = this.labels.truth[at];
      const prediction = this.labels.prediction[at];
      if (state.mode === "photo") return null;
      if (truth === IGNORED) return [128, 128, 128];
      if (state.mode === "mistakes") {
        return shown[truth] || shown[prediction] ? mistakeColor[this.mistake(truth, prediction)] : null;
      }
      const isTruth = state.mode === "truth" || (state.mode === "compare" && column < this.split * this.width);
      const label = isTruth ? truth : prediction;
      return shown[label] ? this.colors[label - 1] : null;
    }

    draw() {
      const comparing = state.mode === "compare";
      this.stage.classList.toggle("comparing", comparing);
      this.wipe.hidden = !comparing;
      this.wipe.style.left = `${100 * this.split}%`;
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
      this.tip.textContent = this.describe(this.labels.truth[at], this.labels.prediction[at]);
    }

    describe(truth, prediction) {
      const name = (label) => (label === 0 ? "background" : this.parts[label - 1].dataset.name);
      if (truth === IGNORED) return "ignored region, not scored";
      return truth === prediction ? name(truth) : `truth: ${name(truth)} · predicted: ${name(prediction)}`;
    }
  }

  const pictures = [...document.querySelectorAll(".picture")].map((figure) => new Picture(figure));
  const drawAll = () => pictures.forEach((picture) => picture.draw());

  function setMode(mode) {
    state.mode = mode;
    document.querySelectorAll("[data-mode]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.mode === mode));
    document.querySelectorAll("[data-hint]").forEach((hint) => { hint.hidden = hint.dataset.hint !== mode; });
    drawAll();
  }

  document.querySelectorAll("[data-mode]").forEach((button) => button.addEventListener("click", () => setMode(button.dataset.mode)));
  document.querySelectorAll("[data-group]").forEach((tab) => tab.addEventListener("click", () => {
    document.querySelectorAll("[data-group]").forEach((other) => other.setAttribute("aria-selected", other === tab));
    document.querySelectorAll("[data-pictures]").forEach((group) => { group.hidden = group.dataset.pictures !== tab.dataset.group; });
  }));
  const slider = document.getElementById("opacity");
  if (slider) slider.addEventListener("input", () => { state.opacity = slider.value / 100; drawAll(); });
  setMode(state.mode);
  pictures.forEach((picture) => picture.load());

  /* Sorts a table by the column whose heading is clicked. */
  document.querySelectorAll(".sortable").forEach((table) => {
    table.querySelectorAll("thead th").forEach((heading, column) => heading.addEventListener("click", () => {
      const descending = heading.dataset.order !== "down";
      heading.dataset.order = descending ? "down" : "up";
      const value = (row) => row.children[column].textContent.replace(/,/g, "");
      const compare = (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true });
      const rows = [...table.tBodies[0].rows].sort((a, b) => (descending ? -compare(a, b) : compare(a, b)));
      table.tBodies[0].append(...rows);
    }));
  });
})();
