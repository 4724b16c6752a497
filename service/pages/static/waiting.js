// The hearing is asked for as soon as its personas are there.

const place = document.querySelector("[data-waiting]");
const stage = document.querySelector("[data-stage]");
const bar = place.querySelector("progress");

async function look() {
  try {
    const answer = await fetch(place.dataset.waiting);
    const set = await answer.json();
    if (set.live) {
      if (set.progress_total) { bar.max = set.progress_total; bar.value = set.progress_done; }
      if (set.stage) stage.textContent = `${set.stage[0].toUpperCase()}${set.stage.slice(1)} …`;
      setTimeout(look, 500);
      return;
    }
    const form = document.querySelector("[data-hear]");
    stage.textContent = form ? "Ready; the hearing begins." : "Ready.";
    form?.requestSubmit();
  } catch {
    stage.textContent = "Connection lost; trying again";
    setTimeout(look, 2000);
  }
}

look();
