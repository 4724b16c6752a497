// Reading by keyboard: j k, [ ], p, d, s, y, Enter, / and ?. Everything stays a link or a button for the mouse as well.

const STOP = "[data-stop], .turn";
const stops = () => [...document.querySelectorAll(STOP)].filter((one) => one.getClientRects().length > 0);
let here = null;

function current() {
  if (here && here.isConnected) return here;
  if (here && here.id) here = document.getElementById(here.id);
  if (here) return here;
  const target = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  return target ? target.closest(STOP) : null;
}

function go(stop) {
  if (!stop) return;
  document.querySelectorAll(".here").forEach((one) => one.classList.remove("here"));
  here = stop;
  stop.classList.add("here");
  stop.tabIndex = -1;
  stop.focus({ preventScroll: true });
  stop.scrollIntoView({ block: "nearest" });
}

function step(direction, fits = () => true) {
  const all = stops();
  const place = all.indexOf(current());
  const ahead = direction > 0 ? all.slice(place + 1) : all.slice(0, Math.max(place, 0)).reverse();
  go(ahead.find(fits));
}

function phase(direction) {
  const phases = [...document.querySelectorAll("[data-phase]")];
  const stop = current();
  const place = phases.findIndex((one) => stop && one.contains(stop));
  const next = phases[place < 0 ? 0 : place + direction];
  if (next) go(next.querySelector(STOP));
}

function say(text) {
  const line = document.getElementById("live-status");
  line.textContent = text;
  setTimeout(() => { if (line.textContent === text) line.textContent = ""; }, 2500);
}

async function copy(stop) {
  const link = stop && (stop.dataset.link || stop.dataset.href || (stop.id && "#" + stop.id));
  if (!link) return;
  try {
    await navigator.clipboard.writeText(new URL(link, location.href).href);
    say("Link copied");
  } catch {
    say(new URL(link, location.href).href);
  }
}

function openRow(stop) {
  const link = stop && (stop.dataset.href || stop.querySelector("td a[href]")?.href);
  if (link) location.href = link;
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  "]": () => phase(1),
  "[": () => phase(-1),
  p: () => { const now = current(); if (now && now.dataset.persona) step(1, (one) => one.dataset.persona === now.dataset.persona); },
  d: () => step(1, (one) => "disagrees" in one.dataset),
  s: () => { const seen = current()?.querySelector(".seen"); if (seen) seen.tagName === "DETAILS" ? (seen.open = !seen.open) : seen.click(); },
  c: () => document.querySelector("[data-compare], [data-warning]")?.click(),
  e: () => current()?.querySelector(".quotes a, [data-passage]")?.click(),
  y: () => copy(current()),
  "/": () => document.querySelector("[data-search]")?.focus(),
  "?": () => document.getElementById("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, dialog")) return;
  if (event.key === "Enter" && target === here) return openRow(target);
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) document.getElementById("help").showModal();
  const button = event.target.closest("a.number");
  if (button && !event.ctrlKey && !event.metaKey) copy(button.closest(STOP));
});
