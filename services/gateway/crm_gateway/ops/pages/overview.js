"use strict";
// Shows the page anew without loading it: what stays the same is not touched.
const pause = Number(document.body.dataset.refresh) * 1000;
const status = document.getElementById("refreshing");
let shown = new Date();

function take(fresh) {
  for (const place of ["header", "main"]) {
    const old = document.querySelector(place);
    const next = fresh.querySelector(place);
    if (!old || !next || old.innerHTML === next.innerHTML) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceChildren(...next.childNodes);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
  document.title = fresh.title;
}

async function refresh() {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(pause) });
    if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`);
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    shown = new Date();
    if (status.textContent) status.textContent = "";
  } catch (error) {
    const words = `Not refreshed since ${shown.toISOString().slice(11, 19)} UTC: ${error.message}`;
    if (status.textContent !== words) status.textContent = words;
  }
  setTimeout(refresh, pause);
}

setTimeout(refresh, pause);
