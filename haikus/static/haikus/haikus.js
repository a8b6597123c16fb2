// Haikus: topics to try, copy and share, ten seconds to undo, and where the focus goes when a card comes or goes.
"use strict";

// What is said here stands in the page, in its language.
const phrases = document.currentScript.dataset;

// A keyboard that lies on the screen would cover what was just written.
const hasKeyboard = () => matchMedia("(hover: hover) and (pointer: fine)").matches;

function tellReader(text) {
  document.getElementById("said").textContent = text;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-topic]");
  if (link) {
    event.preventDefault();
    document.getElementById("topic").value = link.textContent;
    document.querySelector("#write button").focus();
  }
  const copier = event.target.closest("[data-copies]");
  if (copier) copy(copier);
  const sharer = event.target.closest("[data-shares]");
  // Whoever closes the list of places to share with has not met an error.
  if (sharer) navigator.share(poemIn(sharer.dataset.shares)).catch(() => {});
});

function poemIn(id) {
  const card = document.getElementById(id);
  return { title: card.querySelector(".haiku__topic").textContent, text: card.querySelector(".poem").innerText };
}

async function copy(button) {
  let outcome = phrases.copied;
  try {
    await navigator.clipboard.writeText(poemIn(button.dataset.copies).text);
  } catch {
    outcome = phrases.notCopied;
  }
  tellReader(outcome);
  button.textContent = outcome;
  setTimeout(() => (button.textContent = phrases.copy), 2000);
}

document.addEventListener("haiku-written", ({ detail }) => {
  document.querySelector(hasKeyboard() ? "#topic" : "#write button").focus({ preventScroll: true });
  document.getElementById(`haiku-${detail.id}`)?.scrollIntoView({ block: "nearest" });
});

document.addEventListener("haiku-deleted", ({ detail }) => {
  const gone = document.getElementById(`haiku-${detail.id}`);
  gone.querySelector("button").focus({ preventScroll: true });
  tellReader(phrases.deleted);
  count(gone);
});

document.addEventListener("haiku-restored", ({ detail }) => {
  document.getElementById(`haiku-${detail.id}`).focus({ preventScroll: true });
  tellReader(phrases.restored);
});

// What can no longer be undone goes; whoever stood on it is taken to its neighbour.
function count(gone) {
  setTimeout(() => {
    if (gone.contains(document.activeElement)) {
      const neighbour = gone.nextElementSibling ?? gone.previousElementSibling;
      (neighbour?.matches("article") ? neighbour : document.getElementById("main")).focus({ preventScroll: true });
    }
    gone.remove();
  }, gone.dataset.goneAfterS * 1000);
}
document.querySelectorAll("[data-gone-after-s]").forEach(count);

// Older haikus take the place of the link to them: the first of them has the focus then.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.requestConfig?.target?.id === "older") detail.elt.querySelector("article")?.focus({ preventScroll: true });
});
