// A page that grows: on every event, and every few seconds where the page asks for it, the marked regions are read again.

const KINDS = ["queued", "running", "completed", "failed", "cancelled", "expired"];
const line = document.getElementById("live-status");
let waiting = null;
let busy = false;
let stream = null;

const regions = () => document.querySelectorAll("[data-region][id]");

function keep(old, fresh) {
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.closest("[id]")?.id));
  fresh.querySelectorAll("details").forEach((one) => { if (open.has(one.closest("[id]")?.id)) one.open = true; });
}

async function refresh() {
  if (busy) return schedule();
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement?.closest("[id]")?.id;
    for (const old of regions()) {
      const fresh = page.getElementById(old.id);
      if (!fresh || fresh.isEqualNode(old)) continue;
      keep(old, fresh);
      old.replaceWith(document.importNode(fresh, true));
    }
    if (focused && !document.activeElement?.closest("#" + CSS.escape(focused))) document.getElementById(focused)?.focus({ preventScroll: true });
    line.textContent = "";
    if (!page.querySelector("[data-events], [data-poll]")) finish(page);
  } catch {
    line.textContent = "Connection lost; trying again";
    schedule(1500);
  } finally {
    busy = false;
  }
}

function finish(page) {
  stream?.close();
  clearInterval(timer);
  document.title = page.title;
  const main = page.getElementById("main");
  document.getElementById("main").replaceWith(document.importNode(main, true));
  line.textContent = "All heard";
  setTimeout(() => { line.textContent = ""; }, 4000);
}

function schedule(delay = 250) {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, delay);
}

function listen(address) {
  stream = new EventSource(address);
  for (const kind of KINDS) for (const subject of ["evaluation", "run"]) stream.addEventListener(`${subject}.${kind}`, () => schedule());
  stream.onopen = () => { if (line.textContent) schedule(0); };
  stream.onerror = () => {
    line.textContent = "Connection lost; trying again";
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => listen(address), 2000); // a refusal: EventSource gives up by itself
  };
}

const events = document.querySelector("[data-events]");
const poll = document.querySelector("[data-poll]");
const timer = poll ? setInterval(() => { if (!document.hidden) schedule(0); }, 1000 * Number(poll.dataset.poll)) : null;
if (events) listen(events.dataset.events);
