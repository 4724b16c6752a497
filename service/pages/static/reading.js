// What is read only when it is asked for, and a passage that comes into view.

async function load(details) {
  const place = details.querySelector("[data-into]");
  if (!details.open || details.dataset.loaded || !place) return;
  details.dataset.loaded = "1";
  const fallback = place.innerHTML;
  place.textContent = "Loading …";
  try {
    const answer = await fetch(details.dataset.seen, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    place.innerHTML = await answer.text(); // our own template's output, where all foreign text is escaped
  } catch {
    delete details.dataset.loaded;
    place.innerHTML = fallback;
  }
}

document.addEventListener("toggle", (event) => {
  if (event.target instanceof HTMLElement && event.target.matches("[data-seen]")) load(event.target);
}, true);

if (location.hash === "#passage") document.getElementById("passage")?.focus({ preventScroll: true });

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => { form.querySelector("button").disabled = true; });
}

addEventListener("beforeprint", () => document.querySelectorAll("details.material").forEach((one) => { one.open = true; }));
