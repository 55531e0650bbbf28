// What changes comes as server-sent events, each with words that the server has made.

import { setNow, showAges } from "./ages.js";

const SILENT_MS = 7000; // the stream says something every two seconds
const AGAIN_MS = 2000;
const shown = new Map(); // the HTML of each alarm's card

export function startStream(tiles, drawFigure, sound) {
  let heardMs = Date.now();
  let openedMs = 0;
  let source = null;

  function open() {
    source?.close();
    openedMs = Date.now();
    source = new EventSource(`/stream?tiles=${encodeURIComponent(tiles)}`);
    source.addEventListener("beat", hear((facts) => {
      setNow(facts.now);
      showTrouble(facts.trouble);
    }));
    source.addEventListener("alarms", hear((facts) => {
      showAlarms(facts.html);
      showTitle(facts.waiting);
      sound(facts.priority, facts.ids);
    }));
    source.addEventListener("tile", hear((facts) => showTile(facts, drawFigure)));
    source.addEventListener("gone", () => location.reload());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) checkLogin();
    });
  }

  function hear(take) {
    return (event) => {
      heardMs = Date.now();
      document.getElementById("lost").hidden = true;
      take(JSON.parse(event.data));
      showAges();
    };
  }

  setInterval(() => {
    if (Date.now() - heardMs < SILENT_MS) return;
    document.getElementById("lost").hidden = false;
    if (Date.now() - openedMs >= SILENT_MS) open(); // a slow answer is waited for
  }, AGAIN_MS);
  window.addEventListener("offline", () => {
    heardMs = 0;
    document.getElementById("lost").hidden = false;
  });
  window.addEventListener("pagehide", () => source?.close());
  open();
}

async function checkLogin() {
  try {
    const answer = await fetch("/api/subjects");
    if (answer.status === 401) location.reload();
  } catch {
    // no connection: the banner says so
  }
}

function showTrouble(trouble) {
  const banner = document.getElementById("trouble");
  banner.hidden = !trouble;
  banner.querySelector("span").textContent = trouble;
}

function showTitle(waiting) {
  const bare = document.title.replace(/^\(\d+\) /, "");
  document.title = waiting ? `(${waiting}) ${bare}` : bare;
}

function showTile(facts, drawFigure) {
  for (const tile of document.querySelectorAll("[data-tile]")) {
    if (tile.dataset.tile !== facts.id) continue;
    const large = tile.classList.contains("large") ? " large" : "";
    tile.className = `tile ${facts.tone}${large}`;
    tile.querySelector(".words").innerHTML = facts.html;
    if (facts.poses) drawFigure(tile.querySelector("canvas"), facts);
  }
}

// Cards that have not changed stay as they are; in the others the focus, open parts and
// a note that is being written are kept.
function showAlarms(html) {
  const list = document.getElementById("alarms");
  if (list === null) return;
  const { only, subject } = list.dataset;
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const cards = [...fresh.content.querySelectorAll(".card")].filter((card) =>
    (!only || card.id === `alarm-${only}`)
    && (!subject || card.querySelector("h2 a").textContent === subject));
  if (only && !cards.length && list.children.length) location.reload();
  const old = new Map([...list.children].map((card) => [card.id, card]));
  const focused = document.activeElement?.id;
  for (const card of cards) {
    const before = old.get(card.id);
    const text = card.outerHTML;
    const isSame = before && shown.get(card.id) === text;
    const isNews = shown.has(card.id) ? !isSame : isBehind(card);
    if (only && isNews && isIdle(list)) location.reload(); // for the history below
    shown.set(card.id, text);
    if (isSame) continue;
    if (before) keepWork(before, card);
    old.set(card.id, card);
    before?.replaceWith(card);
  }
  const next = cards.map((card) => old.get(card.id));
  const isOrdered = next.length === list.children.length
    && next.every((card, place) => list.children[place] === card);
  if (!isOrdered) list.replaceChildren(...next);
  if (focused && document.activeElement?.id !== focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
  const none = document.getElementById("no-alarms");
  if (none) none.hidden = next.length > 0;
}

// The alarm has changed between the making of this page and the stream's first words.
function isBehind(card) {
  return Number(card.dataset.steps) > document.querySelectorAll(".steps > li").length;
}

// Nobody writes a note or looks at the poses.
function isIdle(list) {
  return !list.querySelector("details[open]") && !document.querySelector("#at:enabled");
}

// Carries open parts and a note that is being written over to the new card.
function keepWork(before, card) {
  for (const input of before.querySelectorAll("input[id]")) {
    const same = card.querySelector(`#${CSS.escape(input.id)}`);
    if (same) same.value = input.value;
  }
  for (const summary of before.querySelectorAll("details[open] > summary")) {
    const same = card.querySelector(`#${CSS.escape(summary.id)}`);
    if (same) same.parentElement.open = true;
  }
}
