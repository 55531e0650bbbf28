// Ages that go on counting: <time datetime data-age>.

const FRESH_MS = 10_000;
let aheadMs = 0; // of the server's clock before this browser's

export function setNow(isoTime) {
  aheadMs = Date.parse(isoTime) - Date.now();
}

export function showAges() {
  const now = Date.now() + aheadMs;
  for (const time of document.querySelectorAll("time[data-age]")) {
    const ageMs = now - Date.parse(time.dateTime);
    const { fresh } = time.dataset;
    const words = fresh && ageMs < FRESH_MS ? fresh : ageOf(ageMs);
    if (time.textContent !== words) time.textContent = words;
  }
}

export function startAges() {
  showAges();
  setInterval(showAges, 1000);
}

function ageOf(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const words = document.body.dataset;
  const units = [[86400, words.day, 2], [3600, words.hour, 2], [60, words.minute, 1]];
  for (const [length, text, least] of units) {
    if (seconds >= least * length) return spoken(text, Math.floor(seconds / length));
  }
  return spoken(words.second, seconds);
}

function spoken(text, count) {
  return document.body.dataset.ago.replace("{span}", text.replace("{count}", count));
}
