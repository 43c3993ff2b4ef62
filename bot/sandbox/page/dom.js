// Building and patching the document. Text is only ever set as text, so nothing that arrives from the bot or from a
// person who types can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes by name, `on…` as listeners, `data` as a dataset, children as nodes or text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const DRAWINGS = {
  record: ["M8 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6z"],
  pause: ["M4.5 3h2.4v10H4.5z", "M9.1 3h2.4v10H9.1z"],
  none: ["M8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8zm0 1.5a3.7 3.7 0 1 1 0 7.4 3.7 3.7 0 0 1 0-7.4z"],
  copy: ["M5.5 2h7A1.5 1.5 0 0 1 14 3.5v7a1.5 1.5 0 0 1-1.5 1.5H12v-1.5h.5v-7h-7V4H4v-.5A1.5 1.5 0 0 1 5.5 2z",
         "M3.5 5h6A1.5 1.5 0 0 1 11 6.5v6A1.5 1.5 0 0 1 9.5 14h-6A1.5 1.5 0 0 1 2 12.5v-6A1.5 1.5 0 0 1 3.5 5z"],
  hang_up: ["M8 5.5c-2.9 0-5.1 1-6.4 2.3-.5.5-.5 1.3-.2 2l.5 1c.2.5.8.7 1.3.5l1.7-.7c.4-.2.6-.5.6-.9V8.6c.8-.3 1.7-.4 2.5-.4s1.7.1 2.5.4v1.1c0 .4.2.7.6.9l1.7.7c.5.2 1.1 0 1.3-.5l.5-1c.3-.7.3-1.5-.2-2C13.1 6.5 10.9 5.5 8 5.5z"],
  hold: ["M3 8.8A5 5 0 0 1 13 8.8V12a1 1 0 0 1-1 1h-1.2a.8.8 0 0 1-.8-.8V9.8c0-.4.4-.8.8-.8h.7v-.2a3.5 3.5 0 0 0-7 0V9h.7c.4 0 .8.4.8.8v2.4c0 .4-.4.8-.8.8H4a1 1 0 0 1-1-1z"],
  more: ["M3.2 6.6a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8z", "M8 6.6a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8z",
         "M12.8 6.6a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8z"],
  bolt: ["M9.2 1.2 3 9h4.2l-.9 5.8L12.6 7H8.4z"],
  inbound: ["M12.5 2.4 13.6 3.5 6.2 10.9H10.5v1.6H3.5v-7h1.6v4.3z"],
  outbound: ["M3.5 13.6 2.4 12.5 9.8 5.1H5.5V3.5h7v7h-1.6V6.2z"],
  send: ["M2 2.3 14.5 8 2 13.7l1.6-4.9L9 8 3.6 7.2z"],
  plug: ["M5.2 1.5h1.4V5h2.8V1.5h1.4V5H12v3a4 4 0 0 1-3.2 3.9v2.6H7.2v-2.6A4 4 0 0 1 4 8V5h1.2z"],
  stop: ["M4 4h8v8H4z"],
  play: ["M4.5 2.8 13 8l-8.5 5.2z"],
  eye: ["M8 3.5c3.3 0 5.7 2.2 6.8 4.5-1.1 2.3-3.5 4.5-6.8 4.5S2.3 10.3 1.2 8C2.3 5.7 4.7 3.5 8 3.5zm0 2a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"],
};

/** Draw one of the page's own small signs; the words beside it carry the meaning, so it is hidden from readers. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("class", `icon icon-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  for (const path of DRAWINGS[name] ?? []) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    drawing.append(line);
  }
  return drawing;
}

/** Focus what had the focus before, by its `data-focus`; where it is gone, the item itself, and not the page's top. */
function giveFocus(item, name) {
  const same = item.querySelector(`[data-focus="${CSS.escape(name)}"]`);
  if (!same) item.tabIndex = -1;
  (same ?? item).focus();
}

/**
 * Bring `container` in line with `items`, touching only what changed: an unchanged item keeps its element, so that
 * focus, selection and a screen reader's place survive. `keyOf` names an item, `render` makes its element.
 */
export function reconcile(container, items, keyOf, render, signatureOf = JSON.stringify) {
  const present = new Map([...container.children].map((element) => [element.dataset.key, element]));
  let place = container.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const signature = signatureOf(item);
    const existing = present.get(key);
    present.delete(key);
    if (existing && existing.signature === signature) {
      if (existing === place) place = place.nextElementSibling;
      else container.insertBefore(existing, place);
      continue;
    }
    const fresh = render(item);
    fresh.dataset.key = key;
    fresh.signature = signature;
    if (existing) {
      if (existing === place) place = place.nextElementSibling;
      const focused = existing.contains(document.activeElement) ? document.activeElement.dataset.focus ?? "" : null;
      existing.replaceWith(fresh);
      if (focused !== null) giveFocus(fresh, focused);
      if (fresh.nextElementSibling !== place) container.insertBefore(fresh, place);
    } else {
      container.insertBefore(fresh, place);
    }
  }
  for (const leftover of present.values()) leftover.remove();
}

const PRESSED = "button, a, label, input, [role=option], [role=menuitem]";
let pressed = false;
const waiting = [];

function release() {
  pressed = false;
  setTimeout(() => { // after the click, which comes together with the release
    if (!pressed) for (const go of waiting.splice(0)) go();
  });
}

addEventListener("pointerdown", ({ button, target }) => {
  pressed = button === 0 && Boolean(target.closest?.(PRESSED));
}, true);
addEventListener("pointermove", ({ buttons }) => {
  if (pressed && !buttons) release(); // it was released where the page can't see it
}, true);
for (const over of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(over, release, true);
addEventListener("blur", release);

/**
 * Resolve when nothing is pressed: an element that is replaced between press and release gets no click. A select is
 * left out, because some browsers don't tell when its list is closed.
 */
export const released = () => (pressed ? new Promise((go) => waiting.push(go)) : Promise.resolve());

/** Return a function that calls `draw` once nothing is pressed. Calls that come while it waits draw once. */
export function betweenPresses(draw) {
  let due = false;
  return async () => {
    if (due) return;
    due = true;
    await released();
    due = false;
    draw();
  };
}

/** Seconds as a clock shows them: 4:07, 1:02:09. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

let ahead = 0;

/** Tell how many seconds the sandbox's clock is ahead of the browser's. */
export function setAhead(seconds) {
  ahead = seconds;
}

/** The sandbox's time, in milliseconds since 1970. */
export const now = () => Date.now() + ahead * 1000;

/** The sandbox's day; what is shown as "today" has to be drawn again when it changes. */
export const today = () => new Date(now()).setHours(0, 0, 0, 0);

/** How long ago a Unix time was. */
export const age = (since) => duration(now() / 1000 - Number(since));

/** Keep every element with `data-since` (Unix seconds) showing its age. */
export function startClock() {
  const tick = () => {
    for (const element of document.querySelectorAll("[data-since]")) {
      const shown = age(element.dataset.since);
      if (element.textContent !== shown) element.textContent = shown;
    }
  };
  tick();
  return setInterval(tick, 1000);
}
