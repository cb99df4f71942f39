// The case page's comfort. Everything here also works without it: the server decides, this only shows sooner.
"use strict";

document.documentElement.classList.add("js");

// --- the form follows what is typed: the server says what is visible, required, offered --------------------------------

document.addEventListener("htmx:afterSwap", (event) => {
  const state = event.detail.target;
  if (!state.classList?.contains("state")) return;
  const form = state.closest("form");
  for (const said of state.querySelectorAll("[data-field-state]")) {
    const field = form.querySelector(`[data-field="${said.dataset.fieldState}"]`);
    if (!field) continue;
    field.hidden = said.dataset.visible !== "1";
    const star = field.querySelector(":scope > .fld-label > .req, :scope > fieldset > .fld-label > .req");
    if (star) star.hidden = said.dataset.required !== "1";
    const text = field.querySelector("[data-text]");
    if (text) text.textContent = said.textContent;
  }
  for (const section of form.querySelectorAll(".fields > .edited")) {
    section.hidden = !section.querySelector("[data-field]:not([hidden])");
  }
  for (const said of state.querySelectorAll("[data-outcome-state]")) {
    const button = form.querySelector(`[data-outcome="${said.dataset.outcomeState}"]`);
    if (!button) continue;
    button.classList.toggle("not-offered", said.dataset.offered !== "1");
    const isPrimary = said.dataset.primary === "1";
    button.classList.toggle("btn-primary", isPrimary);
    if (!isPrimary && !button.classList.contains("btn-outline-danger")) button.classList.add("btn-outline-primary");
    if (isPrimary) button.classList.remove("btn-outline-primary");
    button.toggleAttribute("data-default", isPrimary);
  }
});

// --- rows -------------------------------------------------------------------------------------------------------------

const isEmpty = (row) => [...row.querySelectorAll("input, select, textarea")].every((input) => !input.value || input.type === "radio" || input.type === "checkbox");

document.querySelectorAll("[data-rows]").forEach((table) => {
  const spares = [...table.querySelectorAll(".row-list > .spare")].filter(isEmpty);
  const rows = table.querySelectorAll(".row-list > [data-row]").length;
  spares.slice(rows > spares.length ? 0 : 1).forEach((row) => row.remove());
  table.dataset.next = String(rows);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add-row], [data-remove-row]");
  if (!button) return;
  const table = button.closest("[data-rows]");
  if ("removeRow" in button.dataset) {
    button.closest("[data-row]").remove();
    table.querySelector("[data-add-row]").focus();
  } else {
    const number = table.dataset.next;
    table.dataset.next = String(Number(number) + 1);
    const made = document.createElement("div");
    made.innerHTML = table.querySelector("template").innerHTML.replaceAll(".NEW.", `.${number}.`).replaceAll("-NEW-", `-${number}-`);
    const row = made.firstElementChild;
    table.querySelector(".row-list").append(row);
    window.htmx?.process(row);
    row.querySelector("input, select, textarea")?.focus();
  }
  table.dispatchEvent(new CustomEvent("kehu:rows", { bubbles: true }));
});

// --- several people in one box: what is suggested joins the names before it ------------------------------------------------

document.addEventListener("input", (event) => {
  const box = event.target.closest("input[data-people]");
  if (!box) return;
  const before = box.value.match(/^(.*[、，,；;]\s*)?/)[0];
  for (const option of box.list.options) {
    option.dataset.name ??= option.value;
    option.value = before + option.dataset.name;
  }
});

// --- ending a step: a refusal asks for its reason first; nothing is sent twice ------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-needs-reason]");
  const box = button?.form?.querySelector("[data-reason]");
  if (!box) return;
  const text = box.querySelector("textarea");
  if (text.value.trim()) return;
  event.preventDefault();
  box.classList.add("is-open");
  text.focus();
});

// --- files: what is too large is said before it travels ----------------------------------------------------------------

document.addEventListener("change", (event) => {
  const input = event.target.closest("input[type=file]");
  if (!input) return;
  const { maxFile, wordLarge } = document.body.dataset;
  const large = [...input.files].filter((file) => file.size > Number(maxFile) * 2 ** 20);
  input.parentElement.querySelector(".too-large")?.remove();
  if (!large.length) return;
  const note = document.createElement("p");
  note.className = "error too-large";
  note.setAttribute("role", "alert");
  note.textContent = wordLarge.replace("{names}", large.map((file) => file.name).join(", "));
  input.after(note);
  input.value = "";
});

// A picture from the clipboard, or files from the desktop: they wait in the box until somebody adds them.
const dropBox = document.querySelector("#files .upload input[type=file]");
const putInto = (input, files) => {
  const all = new DataTransfer();
  for (const file of [...input.files, ...files]) all.items.add(file);
  input.files = all.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  input.scrollIntoView({ block: "nearest" });
  input.form.querySelector("button").focus();
};
const hasFiles = (event) => dropBox && event.dataTransfer?.types.includes("Files") && !event.target.matches("input[type=file]");
document.addEventListener("paste", (event) => {
  if (!dropBox || !event.clipboardData?.files.length) return;
  event.preventDefault();
  putInto(dropBox, event.clipboardData.files);
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { if (hasFiles(event)) event.preventDefault(); });
}
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  putInto(dropBox, event.dataTransfer.files);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-guard]") || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  event.submitter?.classList.add("is-busy");
  changed = false;
});
window.addEventListener("pageshow", () => document.querySelectorAll("[data-guard]").forEach((form) => {
  delete form.dataset.sent;
  form.querySelectorAll(".is-busy").forEach((button) => button.classList.remove("is-busy"));
}));

// --- leaving with something typed ---------------------------------------------------------------------------------------

let changed = false;
document.addEventListener("input", (event) => { if (event.target.closest("[data-guard]")) changed = true; });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
document.addEventListener("submit", () => { changed = false; });

// --- arriving: the refusal, or the part of the form that the address names ----------------------------------------------

const said = document.querySelector("[data-refusal], .verb-form .error, .upload .error");
if (said) {
  const wrong = document.querySelector(".has-error input, .has-error select, .has-error textarea, textarea.is-invalid, .verb-form .is-invalid");
  const first = wrong || said;
  first.focus({ preventScroll: true });
  first.scrollIntoView({ block: "center", behavior: "instant" });
}

// --- links for the customer: copied, also where the browser gives a page no clipboard (plain http in the company's network) --------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const box = button.parentElement.querySelector("input");
  box.select();
  const copied = await (navigator.clipboard?.writeText(box.value).then(() => true, () => false) ?? document.execCommand("copy"));
  if (copied) button.lastChild.textContent = button.dataset.wordCopied;
});
