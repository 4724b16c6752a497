// What is read only when it is asked for, and a passage that comes into view.

// The exact messages open in place; without scripts their link leads to a page of their own.
export async function openSeen(link) {
  const details = document.createElement("details");
  details.className = "seen";
  details.open = true;
  details.innerHTML = "<summary></summary><div>Loading …</div>";
  details.firstChild.textContent = link.textContent;
  link.replaceWith(details);
  details.firstChild.focus();
  try {
    const answer = await fetch(`${link.href}?fragment=1`, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    details.lastChild.innerHTML = await answer.text(); // our own template's output, where all foreign text is escaped
  } catch {
    details.replaceWith(link);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.seen");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openSeen(link);
});

if (location.hash === "#passage") document.getElementById("passage")?.focus({ preventScroll: true });

// A finger is wider than a mark: a touch beside one opens the nearest.
const NEAR = 22; // CSS pixels, to either side: a target of 44
document.querySelector("svg.map")?.addEventListener("click", (event) => {
  if (event.target.closest("a")) return;
  const away = (mark) => { const box = mark.getBoundingClientRect(); return Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY); };
  const marks = [...event.currentTarget.querySelectorAll("a")].map((link) => [away(link.querySelector("g")), link]).sort(([one], [other]) => one - other);
  if (marks.length && marks[0][0] <= NEAR) location.href = marks[0][1].href.baseVal;
});

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => { form.querySelector("button").disabled = true; });
}
