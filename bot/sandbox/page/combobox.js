// A line in which a person searches, above the list of what there is to choose: ARIA's combobox with a listbox. The
// focus stays in the line; arrows move through the list, Enter chooses, Escape closes the list and nothing else.

import { h, released } from "./dom.js";
import { plain } from "./mrkdwn.js";

const WAIT = 120; // milliseconds in which more is typed before the bot is asked
let made = 0;

const words = (option) => plain(option?.text?.text);

/**
 * Make one. `chosen` is an option or null; `least` is how much has to be typed before `search(typed)` is asked, which
 * gives a promise of options (each may have a `group`); `onchoose(option or null)` hears of each choice.
 */
export function combobox({ name, id, label, labelledby, describedby, invalid, placeholder, chosen, least = 0, search, onchoose, focus, action }) {
  const number = ++made;
  const list = h("ul", { class: "offers", role: "listbox", id: `offers-${number}`, "aria-label": label, hidden: true });
  const told = h("p", { class: "note offers-note", role: "status" });
  const value = h("input", { type: "hidden", name, value: chosen?.value ?? "" });
  const line = h("input", {
    type: "text", id, role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false", "aria-autocomplete": "list",
    "aria-controls": list.id, "aria-label": labelledby ? null : label, "aria-labelledby": labelledby, "aria-describedby": describedby,
    "aria-invalid": invalid ? "true" : null, placeholder: placeholder ?? "Search", data: { focus: focus ?? name ?? "", action: action ?? "" },
  });
  line.value = chosen ? words(chosen) : "";
  let options = [];
  let current = -1;
  let asked = 0;
  let timer = 0;

  const isOpen = () => line.getAttribute("aria-expanded") === "true";
  const rows = () => [...list.querySelectorAll('[role="option"]')];

  function mark(place) {
    current = place;
    rows().forEach((row, index) => row.classList.toggle("current", index === place));
    const row = rows()[place];
    if (row) {
      line.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    } else line.removeAttribute("aria-activedescendant");
  }

  function show(found) {
    options = found;
    let group = null;
    list.replaceChildren(...found.flatMap((option, index) => {
      const heading = option.group && option.group !== group ? [h("li", { class: "offers-group", role: "presentation" }, plain(option.group))] : [];
      group = option.group;
      return [...heading, h("li", {
        role: "option", id: `offer-${number}-${index}`, class: "offer", "aria-selected": String(option.value === value.value),
        data: { value: option.value }, onmousedown: (event) => event.preventDefault(), onclick: () => choose(option),
      }, words(option), option.description ? h("span", { class: "note" }, plain(option.description.text)) : null)];
    }));
    list.hidden = !found.length;
    told.textContent = found.length ? `${found.length} ${found.length === 1 ? "result" : "results"}` : "No matches";
    mark(found.findIndex((option) => option.value === value.value));
  }

  async function ask(typed) {
    const turn = ++asked;
    const enough = typed.length >= least;
    if (enough) {
      told.textContent = "Searching…";
      list.setAttribute("aria-busy", "true");
    }
    const found = enough ? await search(typed).catch(() => []) : [];
    if (turn === asked) list.removeAttribute("aria-busy");
    await released();
    if (turn !== asked || !isOpen()) return;
    show(found);
    if (!enough) told.textContent = `Type at least ${least} character${least === 1 ? "" : "s"}`;
    else if (typed && found.length) mark(0);
  }

  function open() {
    if (isOpen()) return;
    line.setAttribute("aria-expanded", "true");
    ask("");
  }

  function close() {
    asked += 1;
    clearTimeout(timer);
    line.setAttribute("aria-expanded", "false");
    line.removeAttribute("aria-activedescendant");
    list.removeAttribute("aria-busy");
    list.hidden = true;
    told.textContent = "";
  }

  function choose(option) {
    const before = value.value;
    chosen = option;
    value.value = option?.value ?? "";
    line.value = words(option);
    close();
    if (before !== value.value) onchoose?.(option);
  }

  const KEYS = {
    ArrowDown: () => (isOpen() ? mark((current + 1) % Math.max(1, options.length)) : open()),
    ArrowUp: () => (isOpen() ? mark(current <= 0 ? options.length - 1 : current - 1) : open()),
    Home: () => isOpen() && mark(0),
    End: () => isOpen() && mark(options.length - 1),
    Enter: () => isOpen() && (options[current] ? choose(options[current]) : close()),
    Escape: () => isOpen() && (line.value = words(chosen), close()),
  };
  line.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || event.isComposing) return;
    const cursor = event.key === "Home" || event.key === "End";
    if (!isOpen() && (cursor || event.key === "Enter" || event.key === "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key]();
  });
  line.addEventListener("input", () => {
    line.setAttribute("aria-expanded", "true");
    clearTimeout(timer);
    timer = setTimeout(() => ask(line.value.trim()), WAIT);
  });
  line.addEventListener("focus", () => line.select());
  line.addEventListener("click", open);
  line.addEventListener("blur", () => {
    if (!line.value.trim() && chosen) choose(null);
    else {
      line.value = words(chosen);
      close();
    }
  });
  return h("div", { class: "combo" }, line, value, list, told);
}

/** What is typed in a combobox whose list is open; null: none is open. */
export const searched = (line) => (line?.getAttribute("aria-expanded") === "true" ? line.value : null);

/** Open the list of a combobox, and search for what is not in its line yet. */
export function reopened(line, typed) {
  line.click();
  if (line.value === typed) return;
  line.value = typed;
  line.dispatchEvent(new Event("input"));
}

/** Search in options that are known beforehand, by any of the words typed. */
export const among = (options) => async (typed) => {
  const wanted = typed.toLocaleLowerCase().split(/\s+/);
  return options.filter((option) => wanted.every((word) => words(option).toLocaleLowerCase().includes(word)));
};

/** The options of a static select, each with its group's name. */
export function optionsOf(element) {
  return element.options ?? (element.option_groups ?? []).flatMap((group) =>
    group.options.map((option) => ({ ...option, group: group.label?.text })));
}
