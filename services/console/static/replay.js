// The poses around an alarm: play, pause, and any moment by the slider.

import { draw } from "./figure.js";

export function startReplay() {
  for (const box of document.querySelectorAll(".replay")) new Replay(box);
}

class Replay {
  constructor(box) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.button = box.querySelector("button");
    this.slider = box.querySelector("input");
    this.output = box.querySelector("output");
    this.track = null;
    this.timer = null;
    this.button.addEventListener("click", () => this.press());
    this.slider.addEventListener("input", () => {
      this.pause();
      this.show();
    });
  }

  async press() {
    if (this.track === null) await this.load();
    else if (this.timer !== null) this.pause();
    else this.play();
  }

  async load() {
    try {
      const answer = await fetch(this.box.dataset.poses);
      if (!answer.ok) throw new Error(answer.statusText);
      this.track = await answer.json();
    } catch {
      this.box.querySelector(".problem").hidden = false;
      return;
    }
    const times = this.track.poses.map((pose) => pose.t);
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
    const earlier = this.track.poses.filter((pose) => pose.t <= at);
    const pose = earlier.at(-1) ?? this.track.poses[0];
    const { zones, aspect } = this.track;
    draw(this.canvas, { people: pose?.people ?? [], zones, aspect });
    const seconds = `${at > 0 ? "+" : ""}${at.toFixed(0)}`;
    const words = this.output.dataset.seconds.replace("{count}", seconds);
    this.output.textContent = words;
    this.slider.setAttribute("aria-valuetext", words);
  }
}
