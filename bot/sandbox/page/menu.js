// A button that opens a menu: arrows, Home and End move, Enter chooses, Escape and Tab close, the focus comes back.

import { h, icon } from "./dom.js";

/** Put the menu beside its button, above it where there is no room beneath. */
function place(menu, button) {
  const beside = button.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = beside.bottom + 4;
  const top = below + size.height < window.innerHeight ? below : Math.max(4, beside.top - size.height - 4);
  const left = Math.max(4, Math.min(beside.left, window.innerWidth - size.width - 8));
  menu.style.setProperty("top", `${top}px`);
  menu.style.setProperty("left", `${left}px`);
}

/** `items()` gives [{key, name, description}] at the moment of opening; `choose(item)` hears which. */
export function menuButton({ label, sign, items, choose, attributes = {} }) {
  let menu = null;
  const button = h("button", {
    type: "button", class: "menu-button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": label, title: label,
    ...attributes, onclick: () => (menu ? close(true) : open()),
  }, icon(sign));
  const holder = h("span", { class: "menu-place" }, button);

  function close(back) {
    menu?.remove();
    menu = null;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", elsewhere);
    if (back) button.focus();
  }

  const elsewhere = (event) => !holder.contains(event.target) && close(false);

  function move(event) {
    const rows = [...menu.children];
    const at = rows.indexOf(document.activeElement);
    const to = { ArrowDown: (at + 1) % rows.length, ArrowUp: (at + rows.length - 1) % rows.length, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      rows[to].focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close(true);
    } else if (event.key === "Tab") close(true);
  }

  function open() {
    const offered = items();
    menu = h("div", { class: "menu", role: "menu", "aria-label": label, onkeydown: move },
      offered.map((item) => h("button", {
        type: "button", role: "menuitem", tabindex: "-1", data: { key: item.key },
        onclick: () => {
          close(true);
          choose(item);
        },
      }, h("span", {}, item.name), item.description ? h("span", { class: "note" }, item.description) : null)),
      offered.length ? null : h("button", { type: "button", role: "menuitem", tabindex: "-1", "aria-disabled": "true", onclick: () => close(true) },
        "No shortcuts in the bot's manifest"));
    holder.append(menu);
    button.setAttribute("aria-expanded", "true");
    place(menu, button);
    menu.firstElementChild.focus();
    document.addEventListener("pointerdown", elsewhere);
  }

  return holder;
}

/** Of many buttons in a list one is a Tab stop, the last or the one last used; the arrows lead to the others. */
export function rove(list, selector) {
  const all = [...list.querySelectorAll(selector)];
  const stop = all.find((one) => one === document.activeElement) ?? all.find((one) => one.tabIndex === 0 && one.dataset.roved) ?? all.at(-1);
  for (const one of all) one.tabIndex = one === stop ? 0 : -1;
}

/** Let the arrows lead from one of these buttons to the next. */
export function arrowsLead(list, selector) {
  list.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.target.matches(selector) || event.target.getAttribute("aria-expanded") === "true" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...list.querySelectorAll(selector)];
    const next = all[all.indexOf(event.target) + step];
    if (!next) return;
    for (const one of all) delete one.dataset.roved;
    next.dataset.roved = "true";
    next.focus();
    rove(list, selector);
  });
}
