// A click anywhere on a register's row opens its case; the link in the row is for keyboards and new tabs.
"use strict";

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-address]");
  if (!row || event.target.closest("a, button, input") || getSelection().toString()) return;
  if (event.ctrlKey || event.metaKey) window.open(row.dataset.address, "_blank", "noopener");
  else location.assign(row.dataset.address);
});
