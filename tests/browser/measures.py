"""What is wrong with a page, as scripts that run in it find out."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

# For every piece of text: how far its colour is from what is behind it (WCAG 2.2, 1.4.3).
TOO_FAINT: Final = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return rgba(getComputedStyle(document.documentElement).colorScheme.includes("dark") &&
      matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff");
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.matches(":disabled, option"))
      continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(style.color)), light(behind(element))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < (isLarge ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)}: ${element.textContent.trim()}`);
  }
  return faint;
}"""

# What a screen reader would stumble over.
UNNAMED: Final = """() => {
  const problems = [];
  const seen = (element) => element.checkVisibility();
  for (const field of document.querySelectorAll("input:not([type=hidden], [type=submit]), select, textarea"))
    if (seen(field) && !field.labels.length && !field.ariaLabel) problems.push(`no label: ${field.outerHTML}`);
  for (const control of document.querySelectorAll("a[href], button"))
    if (seen(control) && !(control.ariaLabel || control.textContent.trim() || control.title))
      problems.push(`no name: ${control.outerHTML}`);
  for (const image of document.querySelectorAll("img:not([alt])")) problems.push(`no alt: ${image.outerHTML}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  problems.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id twice: ${id}`));
  if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1");
  const live = ":is([role=status], [role=alert], [aria-live]:not([aria-live=off]))";
  for (const region of document.querySelectorAll(`${live} ${live}`))
    problems.push(`said twice: ${region.outerHTML.slice(0, 80)}`);
  if (!document.documentElement.lang || !document.title.trim()) problems.push("no language or no title");
  return problems;
}"""

STICKING_OUT: Final = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 80))
  : []"""

# What Tab should reach: all that can be pressed or filled in, with one stop for a group of radio buttons.
REACHABLE: Final = """() => new Set(
  [...document.querySelectorAll(
    "a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex='0']")]
    .filter((element) => element.checkVisibility() && !element.disabled)
    .map((element) => (element.type === "radio" ? element.name : element.outerHTML.slice(0, 90)))
).size"""
FOCUSED: Final = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const rings = [element, element.closest("label")].filter(Boolean).map((at) => getComputedStyle(at));
  const box = element.getBoundingClientRect();
  return {
    what: element.type === "radio" ? element.name : element.outerHTML.slice(0, 90),
    ring: rings.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
    inView: box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
  };
}"""


def settle(page: Page) -> None:
    """Wait until the page has its style, and end what still changes its colours."""
    page.wait_for_load_state()
    page.evaluate(_END_TRANSITIONS)


_END_TRANSITIONS: Final = """() => document.getAnimations()
  .filter((animation) => animation instanceof CSSTransition)
  .forEach((transition) => transition.finish())"""


def problems_of(page: Page) -> list[str]:
    """What is wrong with a page, once it has its style."""
    settle(page)
    return [said for script in (STICKING_OUT, TOO_FAINT, UNNAMED) for said in page.evaluate(script)]


# Each shift of the layout since, with what moved; also those that follow a press, which browsers excuse.
WATCH_SHIFTS: Final = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries())
      window.shifts.push(`${value}: ${sources.map(({ node }) => node?.outerHTML?.slice(0, 60)).join(", ")}`);
  }).observe({ type: "layout-shift" });
}"""

# What a screen reader says since: the text that came into each live region, in the order in which it came.
WATCH_LIVE: Final = """() => {
  window.said = [];
  const live = "[role=status], [role=alert], [aria-live=polite]";
  new MutationObserver((changes) => {
    const regions = new Map();
    for (const { target, addedNodes } of changes) {
      const element = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
      const region = element?.closest(live);
      const fresh = [...addedNodes].filter((node) => node.nodeType === Node.ELEMENT_NODE);
      for (const node of region ? [region] : fresh.flatMap((node) => [...node.querySelectorAll("[role=alert]")]))
        regions.set(node, node.textContent.trim().replace(/\\s+/g, " "));
    }
    window.said.push(...[...regions.values()].filter(Boolean));
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
