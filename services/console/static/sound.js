// The sound of alarms that nobody has answered, in bursts as of IEC 60601-1-8: ten
// pulses for high priority, three for medium, two for low. A browser lets a page sound
// only after a click, so the button says that the sound is off until somebody clicks.

const PATTERNS = {
  high: { notes: [0, 0.2, 0.4, 0.75, 0.95, 1.6, 1.8, 2.0, 2.35, 2.55], tone: 740, length: 0.12, everyMs: 6000 },
  medium: { notes: [0, 0.35, 0.7], tone: 587, length: 0.18, everyMs: 12000 },
  low: { notes: [0, 0.4], tone: 440, length: 0.2, everyMs: 25000 },
};
const WANTED = "wardwatch sound";

export function startSound() {
  const sound = new Sound(document.getElementById("sound"));
  return (priority, ids) => sound.set(priority, ids);
}

class Sound {
  constructor(button) {
    this.button = button;
    this.context = null;
    this.priority = "";
    this.timer = null;
    button.hidden = false;
    button.addEventListener("click", () => this.turn(!this.isOn()));
    this.label();
    if (sessionStorage.getItem(WANTED)) this.turn(true);
  }

  isOn() {
    return this.context !== null && this.context.state === "running";
  }

  async turn(on) {
    if (on) {
      this.context ??= new AudioContext();
      this.context.onstatechange = () => this.label();
      await Promise.race([
        this.context.resume(),
        new Promise((done) => setTimeout(done, 500)),
      ]);
      sessionStorage.setItem(WANTED, "on");
    } else {
      await this.context.suspend();
      sessionStorage.removeItem(WANTED);
    }
    this.label();
    this.restart();
  }

  label() {
    const on = this.isOn();
    this.button.dataset.state = on ? "on" : "off";
    this.button.textContent = on ? this.button.dataset.on : this.button.dataset.off;
  }

  set(priority, ids) {
    const key = priority + ids.join();
    if (key === this.key) return;
    this.key = key;
    this.priority = priority;
    this.restart();
  }

  restart() {
    clearInterval(this.timer);
    const pattern = PATTERNS[this.priority];
    if (!pattern || !this.isOn()) return;
    this.burst(pattern);
    this.timer = setInterval(() => this.burst(pattern), pattern.everyMs);
  }

  burst(pattern) {
    const start = this.context.currentTime + 0.05;
    for (const note of pattern.notes) {
      const gain = this.context.createGain();
      gain.connect(this.context.destination);
      gain.gain.setValueAtTime(0, start + note);
      gain.gain.linearRampToValueAtTime(0.5, start + note + 0.02);
      gain.gain.setValueAtTime(0.5, start + note + pattern.length - 0.02);
      gain.gain.linearRampToValueAtTime(0, start + note + pattern.length);
      for (const harmonic of [1, 2, 3, 4]) {
        const voice = this.context.createOscillator();
        voice.frequency.value = pattern.tone * harmonic;
        const share = this.context.createGain();
        share.gain.value = 0.4 / harmonic;
        voice.connect(share).connect(gain);
        voice.start(start + note);
        voice.stop(start + note + pattern.length);
      }
    }
  }
}
