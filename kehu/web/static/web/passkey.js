// Binds allauth's passkey functions to the forms that ask for one: <form data-passkey="login|authenticate|add" data-options="{…}">.
"use strict";

(() => {
  if (!window.PublicKeyCredential || !window.webauthnJSON) {
    document.querySelectorAll("[data-passkey-missing]").forEach((line) => (line.hidden = false));
    return;
  }
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    const kind = form.dataset.passkey;
    const names = { login: "login", authenticate: "authenticate", add: "add" };
    window.allauth.webauthn.forms[`${kind}Form`]({
      data: form.dataset.options ? JSON.parse(form.dataset.options) : undefined,
      ids: { [names[kind]]: "passkey", credential: "credential", passwordless: "passwordless" },
    });
  }
  // Cancelled, timed out, or unknown: said beside the button; nothing was lost.
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    for (const line of document.querySelectorAll("[data-passkey-says]")) {
      line.textContent = line.closest("form").dataset.wordFailed;
      line.hidden = false;
    }
  });
})();
