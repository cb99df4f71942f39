// What pages need beyond htmx and Tabler: the keyboard, refusals and failures said aloud, nothing typed ever lost.
"use strict";

const word = (name) => document.body.dataset["word" + name] || "";

// --- saying something ---------------------------------------------------------------------------------------------

function toast(text, kind = "info") {
  const line = document.createElement("div");
  line.className = `toast-line toast-${kind}`;
  line.dataset.toast = "";
  const said = document.createElement("span");
  said.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset.close = "";
  close.textContent = "×";
  close.setAttribute("aria-label", word("Close"));
  line.append(said, close);
  document.getElementById("toasts").append(line);
  fade(line);
}

// What went wrong stays until it is closed; the rest goes by itself.
function fade(line) {
  if (!/toast-(error|warning)/.test(line.className)) setTimeout(() => line.remove(), 6000);
}

document.querySelectorAll("[data-toast]").forEach(fade);
window.kehu = { toast };

// --- htmx: a refusal or a failure is never silent, and never takes the place of what was typed ----------------------

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400) return;
  const page = new DOMParser().parseFromString(xhr.responseText || "", "text/html");
  const refusal = page.querySelector("[data-refusal]");
  if (refusal) {
    toast(refusal.textContent.trim(), "error");
    event.detail.shouldSwap = false;
  } else if (xhr.status === 422 || xhr.status === 409) {
    event.detail.shouldSwap = true; // the form again, with what was typed and what is wrong with it
  } else {
    toast(xhr.status === 404 ? word("Gone") : word("Error"), "error");
  }
  event.detail.isError = false;
});
document.addEventListener("htmx:sendError", () => toast(word("Offline"), "error"));
document.addEventListener("htmx:timeout", () => toast(word("Late"), "error"));
document.addEventListener("htmx:responseError", () => toast(word("Error"), "error"));
document.addEventListener("htmx:swapError", () => toast(word("Error"), "error"));
// Signed out meanwhile: the answer is the sign-in page, which must not appear inside a part of this one.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (new URL(event.detail.xhr.responseURL || location.href).pathname.startsWith("/sign-in/")) {
    event.preventDefault();
    location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
});

// --- the mouse ----------------------------------------------------------------------------------------------------

// A line with a preview beside it: a click shows it there, a double click or Enter opens it. Without room, a click opens.
document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-preview]");
  if (!line || event.ctrlKey || event.metaKey || event.shiftKey || event.detail > 1) return;
  if (!document.getElementById(line.dataset.preview)?.offsetParent) return;
  event.preventDefault();
  mark(line);
});
document.addEventListener("dblclick", (event) => {
  const line = event.target.closest("[data-preview]");
  if (line) location.assign(line.href);
});
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-close], [data-keys], [data-dialog]");
  if (!target) return;
  if ("close" in target.dataset) target.closest("[data-toast], dialog")?.[target.closest("dialog") ? "close" : "remove"]();
  if ("keys" in target.dataset) document.getElementById("keys").showModal();
  if ("dialog" in target.dataset) document.getElementById(target.dataset.dialog)?.showModal(); // <button data-dialog="id">
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit(); // filters apply at once
});

// --- choosing several lines: one, all of the page, or from one to another with Shift ------------------------------------

const boxes = () => [...document.querySelectorAll("input.choose")];
let lastBox = null;

function count() {
  const all = boxes();
  const chosen = all.filter((box) => box.checked).length;
  const said = document.querySelector("[data-chosen-count]");
  if (said) { said.textContent = chosen; said.hidden = !chosen; }
  const whole = document.querySelector("[data-choose-all]");
  if (whole) { whole.checked = chosen > 0 && chosen === all.length; whole.indeterminate = chosen > 0 && chosen < all.length; }
}

document.addEventListener("click", (event) => {
  const box = event.target.closest("input.choose");
  if (!box) return;
  const all = boxes();
  if (event.shiftKey && lastBox && all.includes(lastBox)) {
    const [first, last] = [all.indexOf(lastBox), all.indexOf(box)].sort((one, other) => one - other);
    all.slice(first, last + 1).forEach((other) => { other.checked = box.checked; });
  }
  lastBox = box;
  count();
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-choose-all]")) return;
  boxes().forEach((box) => { box.checked = event.target.checked; });
  count();
});
document.addEventListener("submit", (event) => {
  const { nothing } = event.target.dataset;
  if (!nothing || boxes().some((box) => box.checked)) return;
  event.preventDefault();
  toast(nothing);
});
window.addEventListener("pageshow", count); // the browser keeps ticks when one comes back

// --- the keyboard -------------------------------------------------------------------------------------------------

const isTyping = (element) =>
  element.matches("input:not([type=checkbox]):not([type=radio]), textarea, select") || element.isContentEditable;
const hasShortcuts = () => document.body.dataset.shortcuts !== "off"; // WCAG 2.1.4: whom single keys disturb, turns them off
let leader = 0; // when `g` was pressed

const lines = () => [...document.querySelectorAll("[data-line]")].filter((line) => line.offsetParent);

function mark(line) {
  document.querySelectorAll("[data-line].is-chosen").forEach((other) => other.classList.remove("is-chosen"));
  line.classList.add("is-chosen");
  const preview = document.getElementById(line.dataset.preview);
  if (preview?.offsetParent) line.dispatchEvent(new CustomEvent("kehu:choose")); // hx-trigger="kehu:choose"
}

function choose(step) {
  const all = lines();
  if (!all.length) return;
  const at = all.findIndex((line) => line.classList.contains("is-chosen"));
  const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
  mark(next);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// The first line's case is shown at once.
document.addEventListener("htmx:load", (event) => {
  if (event.target !== document.body) return;
  const first = lines().find((line) => document.getElementById(line.dataset.preview)?.offsetParent);
  if (first) mark(first);
});

function open() {
  const line = document.querySelector("[data-line].is-chosen");
  const link = line?.matches("a") ? line : line?.querySelector("a");
  if (link) location.assign(link.dataset.open || link.href);
}

// Back to the list one came from, as it was; otherwise to the one this page belongs to.
function goBack() {
  const above = document.querySelector(".crumbs a");
  if (!above) return;
  const from = document.referrer && new URL(document.referrer);
  if (from && from.origin === location.origin && from.pathname !== location.pathname && history.length > 1) history.back();
  else location.assign(above.href);
}

function tick() {
  document.querySelector(".is-chosen[data-line]")?.closest("li, tr")?.querySelector("input.choose")?.click();
}

// The quick search: what it found hangs under it, and the arrows walk through it.
const quick = () => [...document.querySelectorAll("[data-quick]")].find((box) => box.offsetParent);
const found = (element) => element.closest(".quick")?.querySelector(".quick-found");

function walk(event) {
  const links = [...(found(event.target)?.querySelectorAll("a") || [])];
  if (!links.length) return;
  event.preventDefault();
  const next = links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
  (links[Math.min(next, links.length - 1)] || quick()).focus();
}

document.addEventListener("focusout", (event) => {
  const box = event.target.closest(".quick");
  if (box && !box.contains(event.relatedTarget)) found(box).hidden = true;
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-quick]")) found(event.target).hidden = !event.target.value;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.matches(".quick-found")) event.target.hidden = !event.target.closest(".quick").contains(document.activeElement);
});

// Filters change the address without a new page: a view is kept as the list looks now.
document.addEventListener("submit", (event) => {
  if (event.target.matches(".views-new, .views-look")) event.target.elements.words.value = location.search.slice(1);
});

const begin = (form) => form.querySelector("select, textarea, input:not([type=hidden])")?.focus();

// A verb's form takes the place of the link that was pressed, and the focus with it.
document.addEventListener("htmx:load", (event) => {
  if (event.target.matches("details.verb[open]")) begin(event.target);
});

const keys = {
  "/": () => (quick() ? quick().focus() : document.querySelector("[data-to-search]")?.click()),
  "?": () => document.getElementById("keys").showModal(),
  j: () => choose(1),
  k: () => choose(-1),
  u: goBack,
  x: tick,
  n: () => document.querySelector("[data-new]")?.click(),
  g: () => { leader = Date.now(); },
  i: () => { if (Date.now() - leader < 1200) location.assign(document.body.dataset.inbox); },
};

document.addEventListener("keydown", (event) => {
  const element = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = element.closest?.("form") || document.querySelector("form[data-main]");
    if (form) { event.preventDefault(); form.requestSubmit(form.querySelector("[data-default]") || undefined); }
    return;
  }
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (element.closest?.(".quick") && (event.key === "ArrowDown" || event.key === "ArrowUp")) return walk(event);
  if (element.closest?.(".quick") && event.key === "Escape") { document.activeElement.blur(); return; }
  if (isTyping(element)) {
    if (event.key === "Escape") element.blur();
    return;
  }
  if (event.key === "Enter" && (element === document.body || element.matches("[data-line]"))) {
    event.preventDefault();
    open();
    return;
  }
  if (!hasShortcuts()) return;
  // A page's own verbs: <button data-key="a">
  const verb = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (verb && verb.offsetParent) {
    event.preventDefault();
    verb.click();
    if (verb.parentElement.open) begin(verb.parentElement);
    return;
  }
  if (keys[event.key]) { if (event.key !== "i") event.preventDefault(); keys[event.key](); }
});
