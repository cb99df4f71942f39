// Comfort for who answers by a link; everything here also works without it, except drawing.
"use strict";

document.documentElement.classList.add("js");
const form = document.querySelector("[data-answer]");

// --- the form follows what is typed: the server says what is visible, required and offered -------------------------------

let asked = 0, pause;
async function follow() {
  const mine = ++asked, data = new FormData(form);
  for (const [name, value] of [...data]) if (value instanceof File || name === "drawn") data.delete(name);
  const answer = await fetch(form.dataset.state, { method: "POST", body: new URLSearchParams(data) }).catch(() => null);
  if (!answer?.ok || mine !== asked) return;
  const state = await answer.json();
  for (const [key, { visible, required }] of Object.entries(state.fields ?? {})) {
    const field = form.querySelector(`[data-field="${key}"]`);
    if (!field) continue;
    field.hidden = !visible;
    const star = field.querySelector(".needed");
    if (star) star.hidden = !required;
  }
  for (const section of form.querySelectorAll("section.card")) {
    const fields = [...section.querySelectorAll("[data-field]")];
    if (fields.length) section.hidden = fields.every((field) => field.hidden);
  }
  for (const [key, offered] of Object.entries(state.ways ?? {})) {
    const way = form.querySelector(`[data-way="${key}"]`);
    if (way) way.hidden = !offered;
  }
  const undecided = form.querySelector("[data-undecided]");
  if (undecided) undecided.hidden = Object.values(state.ways ?? {}).includes(true);
  for (const one of form.querySelectorAll("[data-signature]")) one.hidden = !state.signed;
  for (const one of form.querySelectorAll("[data-unsigned]")) one.hidden = state.signed;
}
for (const what of ["change", "input"]) form?.addEventListener(what, () => { clearTimeout(pause); pause = setTimeout(follow, what === "input" ? 600 : 150); });

// --- rows -------------------------------------------------------------------------------------------------------------------

for (const table of form?.querySelectorAll("[data-rows]") ?? []) {
  const rows = table.querySelectorAll(".row-list > [data-row]");
  const empty = [...table.querySelectorAll(".row-list > .spare")].filter((row) => ![...row.querySelectorAll("input, select, textarea")].some((one) => one.value && one.type !== "radio" && one.type !== "checkbox"));
  let next = rows.length;
  empty.slice(rows.length > empty.length ? 0 : 1).forEach((row) => row.remove());
  table.querySelector("[data-add-row]").addEventListener("click", () => {
    const made = document.createElement("div");
    made.innerHTML = table.querySelector("template").innerHTML.replaceAll(".NEW.", `.${next}.`).replaceAll("-NEW-", `-${next}-`);
    next += 1;
    table.querySelector(".row-list").append(made.firstElementChild);
    table.querySelector(".row-list").lastElementChild.querySelector("input, select, textarea")?.focus();
  });
}

form?.querySelector("[data-agree-all]")?.addEventListener("click", () => {
  for (const line of form.querySelectorAll("[data-line]")) line.querySelector("input[value=agree]").checked = true;
  form.dispatchEvent(new Event("change"));
});

// --- a drawn signature --------------------------------------------------------------------------------------------------------

const pad = document.querySelector("[data-pad]");
if (pad) {
  const canvas = pad.querySelector("canvas"), pen = canvas.getContext("2d"), kept = pad.querySelector("[name=drawn]");
  let last = null;
  Object.assign(pen, { lineWidth: 4, lineCap: "round", lineJoin: "round", strokeStyle: "#10243c" });
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(last[0] + 0.1, last[1]);
    pen.stroke();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const here = place(one);
      pen.beginPath();
      pen.moveTo(...last);
      pen.lineTo(...here);
      pen.stroke();
      last = here;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => {
    if (last) kept.value = canvas.toDataURL("image/png");
    last = null;
  });
  pad.querySelector("[data-clear]").addEventListener("click", () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    kept.value = "";
  });
  if (kept.value.startsWith("data:image/png;base64,")) drawAgain(kept.value, pen);
}

// What was drawn before a refusal. Pictures of `data:` addresses are not loaded here, so it goes through a blob of our own.
async function drawAgain(text, pen) {
  const octets = Uint8Array.from(atob(text.split(",")[1]), (letter) => letter.charCodeAt(0));
  pen.drawImage(await createImageBitmap(new Blob([octets], { type: "image/png" })), 0, 0);
}

// --- sending: once, and not into the void ------------------------------------------------------------------------------------

form?.addEventListener("submit", (event) => {
  const button = form.querySelector("[data-send]");
  if (button.disabled) event.preventDefault();
  if (navigator.onLine === false) {
    event.preventDefault();
    alert(form.dataset.wordOffline);
    return;
  }
  setTimeout(() => { button.disabled = true; });
});
window.addEventListener("pageshow", () => form?.querySelector("[data-send]")?.removeAttribute("disabled"));

const wrong = document.querySelector(".wrong") ?? document.querySelector("[data-refusal]");
if (wrong) {
  wrong.scrollIntoView({ block: "center", behavior: "instant" });
  (wrong.querySelector("input:not([type=hidden]), select, textarea") ?? wrong).focus({ preventScroll: true });
}
