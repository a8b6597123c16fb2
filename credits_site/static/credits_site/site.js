// What HTML and htmx cannot do alone: the dialog, one submit per press, a counter that moves by itself, and a word when a
// request fails.
"use strict";

document.documentElement.classList.add("js");

// What is said here stands in the page, in its language.
const sentences = document.currentScript.dataset;
const language = document.documentElement.lang;

function openDialog(id, why) {
  const dialog = document.getElementById(id);
  if (!dialog) return false;
  const words = document.getElementById(`${id}-why`);
  words.textContent = why ?? words.dataset.usually;
  dialog.close();
  dialog.showModal();
  return true;
}

function say(message, kind = "error") {
  const line = document.createElement("p");
  line.className = `notice notice--${kind}`;
  line.textContent = message;
  document.getElementById("notice").replaceChildren(line);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener && openDialog(opener.dataset.opens)) event.preventDefault();
  const closer = event.target.closest("[data-closes]");
  if (closer) {
    event.preventDefault();
    document.getElementById(closer.dataset.closes).close();
  }
  // The dialog's box is its children; a press on the dialog itself is one on the shade around them.
  if (event.target.matches("dialog:modal") && !isInside(event.target, event)) event.target.close();
});

function isInside(element, { clientX, clientY }) {
  const box = element.getBoundingClientRect();
  return clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
}

// Without JavaScript the packs stand open in the page; with it, they are a dialog.
// Once: whoever reloads the page, or comes back to it, has seen it.
if (location.hash === "#buy" && openDialog("buy")) history.replaceState(null, "", location.pathname + location.search);
document.addEventListener("credits-needed", ({ detail }) => openDialog("buy", detail.why));

// What the packs come to. The sentences are the server's, one for each quantity.
function showTotal() {
  const form = document.getElementById("buy-form");
  const totals = JSON.parse(form.querySelector("[data-totals]:checked")?.dataset.totals ?? "[]");
  document.getElementById("buy-total").textContent = totals[form.quantity.value - 1] ?? "";
}
if (document.getElementById("buy-form")) {
  showTotal();
  document.getElementById("buy-form").addEventListener("input", showTotal);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-once]")) return;
  const button = event.target.querySelector("button");
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
});

// A form that leads where our policy lets none lead: only the console would know.
document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
  if (effectiveDirective !== "form-action") return;
  document.getElementById("buy")?.close(); // Which covers what is said.
  say(sentences.noWayOut);
  for (const button of document.querySelectorAll("[data-once] button")) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
});

// Times as the reader's clock has them, with their distance from UTC.
const clock = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "shortOffset",
});
document.addEventListener("htmx:load", ({ target }) => {
  for (const time of target.querySelectorAll("time[data-local]")) time.textContent = clock.format(new Date(time.dateTime));
});

// Of a list that shows another page of itself. htmx keeps the focus on the link that is in both.
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.matches(".pages") && document.activeElement === document.body) target.focus({ preventScroll: true });
});

// The back button may show the page as it was left: with a spent form, a pressed button, an old balance.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// When this page last asked for something itself, and so says what became of it.
let lastOwn = 0;
const markOwn = () => (lastOwn = Date.now());
document.addEventListener("htmx:afterRequest", markOwn);
document.addEventListener("htmx:beforeRequest", (event) => {
  markOwn();
  if (event.detail.requestConfig.verb === "post") document.getElementById("notice").replaceChildren();
});
// Our fragments vary with HX-Request. Whatever else arrives is somebody else's, or a whole page, and stays out of this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status === 404) requestConfig.target.remove();
  if (xhr.status === 200 && requestConfig.target.id === "credits") {
    // The stream may have said the same a moment ago; a screen reader says it each time that it is put there.
    event.detail.shouldSwap = false;
    showCredits(xhr.responseText);
    return;
  }
  if (xhr.getResponseHeader("Vary")?.includes("HX-Request")) return;
  event.detail.shouldSwap = false;
  if (xhr.status >= 400) say(sentences.broken);
  else if (xhr.status !== 204) say(sentences.unreachable); // Such as the page of a network that wants a sign-in.
});
document.addEventListener("htmx:sendError", () => say(sentences.unreachable));
document.addEventListener("htmx:timeout", () => say(sentences.unreachable));

// The tabs of a browser tell each other whose they are, in which language, and what the counter shows. A tab that hears of
// another member than its own was left open by somebody else: it loads anew, as whoever is signed in now; of another
// language, in that one.
const own = document.body.dataset.member;
const others = new BroadcastChannel("members");

function hear({ member, spoken, credits }) {
  if (member !== own || spoken !== language) location.reload();
  else if (credits) showCredits(credits);
}

function tell(news) {
  const all = { ...news, spoken: language };
  hear(all);
  others.postMessage(all);
}

if (own) {
  others.addEventListener("message", ({ data }) => hear(data));
  tell({ member: own });
}

// The counter follows the balance by itself. One visible tab listens and tells the others: over HTTP/1.1 a browser
// has six connections for all its tabs of a site. While nobody can be heard, looking at the page refreshes it.
function follow(url) {
  const name = `credits of ${own}`;
  let leave = () => {};

  const join = () => {
    leave();
    if (document.hidden) return;
    const leaving = new AbortController();
    leave = () => leaving.abort();
    const { signal } = leaving;
    // Browsers know no locks on pages that came in the clear; there each visible tab listens for itself.
    const turn = navigator.locks?.request(name, { signal }, () => listen(url, signal)) ?? listen(url, signal);
    turn.catch(() => {}); // Left before its turn came.
  };

  document.addEventListener("visibilitychange", join);
  addEventListener("pagehide", () => leave());
  join();
}

// Listens until `signal` aborts, or the member is signed out. htmx's own extension asks again at the same moment in all
// browsers, without an end, and also for an element that has gone.
function listen(url, signal) {
  return new Promise((resolve) => {
    let source, timer, failures = 0, member = own;
    const stop = () => {
      clearTimeout(timer);
      source.close();
      resolve();
    };
    const open = () => {
      source = new EventSource(url);
      source.addEventListener("member", ({ data }) => tell({ member: (member = data) }));
      source.addEventListener("credits", ({ data }) => {
        failures = 0;
        tell({ member, credits: data });
      });
      source.addEventListener("signed-out", stop);
      source.addEventListener("error", () => {
        if (source.readyState !== EventSource.CLOSED) return; // The browser tries again by itself.
        failures += 1;
        if (failures > 10) return; // Until somebody looks at another tab and comes back.
        timer = setTimeout(open, Math.min(2500 * 2 ** failures, 60000) * (0.5 + Math.random() / 2));
      });
    };
    open();
    signal.addEventListener("abort", stop);
  });
}

// The element stays and its children change, so that htmx and who listens to it keep what they know.
function showCredits(html) {
  const shown = document.getElementById("credits");
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("credits");
  if (!shown || !fresh || shown.innerHTML === fresh.innerHTML) return;
  const [before, after] = [shown, fresh].map((counter) => Number(counter.querySelector(".credits__number").dataset.credits));
  shown.replaceChildren(...fresh.childNodes);
  const isExplained = Date.now() - lastOwn < 5000 || document.querySelector("#checkout-sync:not([hidden])");
  if (before !== after && !isExplained) explain(after - before);
}

function explain(difference) {
  const change = new Intl.NumberFormat(language, { signDisplay: "always" }).format(difference).replace("-", "\u2212");
  say(sentences.moved.replace("#", change), "toast");
  passes(document.querySelector("#notice .notice--toast"));
}

function passes(toast) {
  setTimeout(() => toast.remove(), 10000);
}
// What else comes by itself stays until the page is left, unless it is good news.
document.addEventListener("htmx:load", ({ target }) => {
  if (target.matches(".by-itself > .notice--success")) passes(target);
});

if (document.body.dataset.live && document.getElementById("credits")) follow(document.body.dataset.live);
