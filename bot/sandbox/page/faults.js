// What can go wrong in the two simulated systems, each with a switch.

import { h, reconcile } from "./dom.js";

const REACH = [["", "all requests"], ["read", "reads"], ["write", "writes"]];
const chosen = new Map();

function option(value, label, selected) {
  return h("option", { value, selected }, label);
}

/** What the visitor chose for a fault before switching it on; the server does not know it yet. */
function choiceFor(key, fault) {
  if (!chosen.has(key)) chosen.set(key, { times: "1", only: fault.only ?? "", value: fault.value });
  return chosen.get(key);
}

function render({ system, fault }, throwSwitch) {
  const key = `${system}/${fault.name}`;
  const choice = choiceFor(key, fault);
  const unit = /seconds/.test(fault.value_label) ? "seconds" : fault.value_label;
  const id = `fault-${system}-${fault.name}`;
  const times = fault.on ? (fault.remaining === null ? "" : "1") : choice.times;
  const change = (what) => (event) => {
    choice[what] = event.target.value;
    if (fault.on) apply(true);
  };
  const apply = (on) => throwSwitch(system, fault.name, {
    on, times: choice.times && !fault.lasting ? Number(choice.times) : null, value: choice.value === null ? null : Number(choice.value), only: choice.only,
  });
  return h("li", { class: fault.on ? "fault on" : "fault" },
    h("label", { class: "fault-label", for: id }, fault.label),
    h("input", {
      type: "checkbox", role: "switch", class: "switch", id, checked: fault.on, data: { focus: "switch" },
      onchange: (event) => apply(event.target.checked),
    }),
    h("div", { class: "fault-choices" },
      fault.lasting ? null : h("select", { "aria-label": `How often: ${fault.label}`, onchange: change("times"), data: { focus: "times" } },
        option("1", "once", times === "1"), option("", "until turned off", times === "")),
      system === "genesys" ? h("select", {
        "aria-label": `Which requests: ${fault.label}`, onchange: change("only"), data: { focus: "only" },
      },
        REACH.map(([value, label]) => option(value, label, (fault.on ? fault.only : choice.only) === value))) : null,
      fault.value === null || fault.value === undefined ? null : h("label", { class: "fault-value" },
        h("input", {
          type: "number", min: 0, step: "any", value: fault.on ? fault.value : choice.value, data: { focus: "value" },
          "aria-label": `${fault.label}: ${fault.value_label}`, title: fault.value_label, onchange: change("value"),
        }), unit)));
}

/** Bring one system's switches in line; `throwSwitch(system, name, body)` throws one. */
export function showFaults(list, system, faults, throwSwitch) {
  reconcile(list, faults.map((fault) => ({ system, fault })), ({ fault }) => fault.name, (item) => render(item, throwSwitch));
}

/** How many of them are on now. */
export const countOn = (faults) => faults.filter((fault) => fault.on).length;
