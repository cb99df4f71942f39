// A file dropped on the frame is the one that is chosen.
"use strict";

const frame = document.querySelector("[data-drop]");
const chooser = frame?.querySelector("input[type=file]");

["dragenter", "dragover"].forEach((name) => frame?.addEventListener(name, (event) => {
  event.preventDefault();
  frame.classList.add("is-over");
}));
["dragleave", "drop"].forEach((name) => frame?.addEventListener(name, () => frame.classList.remove("is-over")));
frame?.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  chooser.files = event.dataTransfer.files;
  chooser.dispatchEvent(new Event("change", { bubbles: true }));
});
