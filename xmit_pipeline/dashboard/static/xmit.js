// The one script. Everything works without it; it saves a page's turn here and there.
"use strict";

// A post whose answer asks first: asked in a dialog here, on a page of its own without script. This call does nothing
// but ask; what needs no asking is then sent as any other form.
async function askHere(form, submitter) {
  const posted = new URLSearchParams(new FormData(form, submitter));
  const headers = { "X-Xmit-Asks": "yes" };
  const answer = await fetch(form.action, { method: "POST", body: posted, redirect: "manual", headers });
  const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
  const asked = page.getElementById("ask");
  if (!asked) return sendUnasked(form, submitter);
  const heading = document.createElement("h2");
  heading.id = "ask-heading";
  heading.textContent = page.querySelector("h1").textContent;
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(heading, document.adoptNode(asked));
  dialog.querySelector("form").action = form.action;
  dialog.querySelector("[data-close]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function sendUnasked(form, submitter) {
  form.removeAttribute("data-asks");
  form.requestSubmit(submitter);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-asks")) return;
  event.preventDefault();
  askHere(form, event.submitter).catch(() => sendUnasked(form, event.submitter));
});

// A name to insert, put where the writer last was.
let written = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-liquid]")) written = event.target;
});
for (const chip of document.querySelectorAll("[data-insert]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = chip.textContent;
  button.setAttribute("aria-label", `Insert ${chip.textContent}`);
  button.addEventListener("click", () => {
    const target = written || document.querySelector("textarea[data-liquid]");
    target.setRangeText(chip.dataset.insert, target.selectionStart, target.selectionEnd, "end");
    target.focus();
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });
  chip.replaceChildren(button);
}

// The preview follows what is written. Each one gets a fresh frame, so that Back leaves the page as it should.
const previewing = document.querySelector("[data-preview]");
if (previewing) {
  const form = previewing.form;
  let frame = document.querySelector("iframe.preview");
  let timer = 0;
  let turn = 0;
  const renew = () => {
    const fresh = frame.cloneNode();
    fresh.name = `preview-${++turn}`;
    fresh.removeAttribute("src");
    frame.replaceWith(fresh);
    frame = fresh;
    previewing.formTarget = fresh.name;
    form.requestSubmit(previewing);
  };
  document.addEventListener("input", (event) => {
    if (event.target.form !== form || previewing.disabled) return;
    clearTimeout(timer);
    timer = setTimeout(renew, 600);
  });
  if (form.hasAttribute("data-preview-now")) renew();
}

// Enter presses the button of its own field, where that is another than its form's first.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.dataset?.enter) return;
  event.preventDefault();
  document.getElementById(event.target.dataset.enter).click();
});

// Words that are not saved yet: leaving the page asks. What stands aside (whom a test goes to) is nobody's work.
const guarded = document.querySelector("[data-guard]");
if (guarded) {
  let unsaved = guarded.hasAttribute("data-unsaved");
  document.addEventListener("input", (event) => {
    if (event.target.form === guarded && !event.target.hasAttribute("data-aside")) unsaved = true;
  });
  guarded.addEventListener("submit", (event) => {
    if (!event.submitter?.formTarget) unsaved = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}

// A part of a page that is still growing: asked for again until it says that it is done.
for (const part of document.querySelectorAll("[data-refresh]")) {
  const again = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (!fresh) return;
    part.replaceChildren(...document.adoptNode(fresh).childNodes);
    if (fresh.hasAttribute("data-refresh")) setTimeout(again, Number(part.dataset.refresh) * 1000);
    else part.removeAttribute("data-refresh");
  };
  setTimeout(again, Number(part.dataset.refresh) * 1000);
}

// One post a button: a second click while the first is under way is a slip.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || event.submitter?.formTarget) return;
  setTimeout(() => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
});

document.querySelector("[data-focus]")?.focus();
