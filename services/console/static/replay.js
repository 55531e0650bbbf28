// What was seen around an alarm: play, pause, and any moment by the slider. It is loaded
// at the first click, because the audit notes that somebody looks.

import { draw } from "./figure.js";

export function startReplay() {
  for (const box of document.querySelectorAll(".replay")) new Replay(box);
}

// What is loaded has the times of its moments, and a function that shows one of them.
const LOADERS = { poses: loadPoses, clip: loadClip };

async function loadPoses(track) {
  const { zones, aspect } = track;
  const show = (canvas, number) =>
    draw(canvas, { people: track.poses[number]?.people ?? [], zones, aspect });
  return { times: track.poses.map((pose) => pose.t), show };
}

async function loadClip(clip) {
  const bitmaps = await Promise.all(clip.pictures.map((picture) => {
    const bytes = Uint8Array.from(atob(picture.webp), (letter) => letter.charCodeAt(0));
    return createImageBitmap(new Blob([bytes], { type: "image/webp" }));
  }));
  const show = (canvas, number) => paint(canvas, bitmaps[number]);
  return { times: clip.pictures.map((picture) => picture.t), show };
}

function paint(canvas, bitmap) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const size = [bitmap.width * scale, bitmap.height * scale];
  context.clearRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (width - size[0]) / 2, (height - size[1]) / 2, ...size);
}

class Replay {
  constructor(box) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.button = box.querySelector("button");
    this.slider = box.querySelector("input");
    this.output = box.querySelector("output");
    this.problem = box.querySelector(".problem");
    this.seen = null;
    this.timer = null;
    this.button.addEventListener("click", () => this.press());
    this.slider.addEventListener("input", () => {
      this.pause();
      this.show();
    });
  }

  async press() {
    if (this.seen === null) await this.load();
    else if (this.timer !== null) this.pause();
    else this.play();
  }

  async load() {
    const { kind, from } = this.box.dataset;
    const { failed, conflict } = this.problem.dataset;
    let text = failed;
    try {
      const answer = await fetch(from);
      if (answer.status === 409) text = conflict;
      if (!answer.ok) throw new Error(answer.statusText);
      this.seen = await LOADERS[kind](await answer.json());
    } catch {
      this.problem.textContent = text;
      this.problem.hidden = false;
      return;
    }
    this.problem.hidden = true;
    this.canvas.hidden = false;
    const { times } = this.seen;
    this.slider.disabled = false;
    this.slider.min = Math.floor(Math.min(...times, 0));
    this.slider.max = Math.ceil(Math.max(...times, 0));
    this.slider.value = Math.max(-5, this.slider.min);
    this.play();
  }

  play() {
    if (Number(this.slider.value) >= Number(this.slider.max)) {
      this.slider.value = this.slider.min;
    }
    let before = performance.now();
    let at = Number(this.slider.value);
    this.button.textContent = this.button.dataset.pause;
    this.timer = setInterval(() => {
      const now = performance.now();
      at += (now - before) / 1000;
      before = now;
      this.slider.value = at;
      this.show();
      if (at >= Number(this.slider.max)) this.pause();
    }, 100);
    this.show();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = this.button.dataset.play;
  }

  show() {
    const at = Number(this.slider.value);
    const number = this.seen.times.filter((time) => time <= at).length - 1;
    this.seen.show(this.canvas, Math.max(0, number));
    const seconds = `${at > 0 ? "+" : ""}${at.toFixed(0)}`;
    const words = this.output.dataset.seconds.replace("{count}", seconds);
    this.output.textContent = words;
    this.slider.setAttribute("aria-valuetext", words);
  }
}
