// The live calls, as the simulated Genesys has them, with what can happen to a call from outside the bot.

import { age, h, icon, reconcile } from "./dom.js";

const RECORDING = {
  none: { sign: "none", word: "Not recorded" },
  active: { sign: "record", word: "Recording" },
  paused: { sign: "pause", word: "Paused" },
};
const MECHANISM = { adhoc: "ad hoc", policy: "policy" };
const opened = new Set();

function recordingState(call) {
  const { sign, word } = RECORDING[call.recording] ?? RECORDING.none;
  return h("span", { class: `state state-${call.recording}` }, icon(sign), word);
}

function tool(sign, label, focus, onclick) {
  return h("button", { type: "button", class: "tool", title: label, "aria-label": label, onclick, data: { focus } }, icon(sign));
}

function recordButton(call, named, act) {
  const recorded = call.recording !== "none";
  return h("button", {
    type: "button", class: "record", data: { focus: "record" },
    onclick: () => act.compose(recorded ? "stop" : "start", call.conversation_id),
    "aria-label": `${recorded ? "Stop recording" : "Record"} ${named}`,
  }, recorded ? "Stop…" : "Record…");
}

function tools(call, named, act) {
  const id = call.conversation_id;
  const held = call.state === "held";
  if (call.media === "chat") return h("div", { class: "tools" }, recordButton(call, named, act));
  return h("div", { class: "tools" },
    recordButton(call, named, act),
    tool("hold", held ? `Take ${named} off hold` : `Put ${named} on hold`, "hold", () => act.call(id, held ? "unhold" : "hold")),
    tool("hang_up", `Hang up ${named}`, "hang_up", () => act.call(id, "hang_up")),
    h("button", {
      type: "button", class: "tool", title: `More for ${named}`, "aria-label": `More for ${named}`, "aria-expanded": String(opened.has(id)),
      data: { focus: "more" }, onclick: (event) => unfold(event.currentTarget, id),
    }, icon("more")));
}

function unfold(button, id) {
  const open = button.closest(".call").classList.toggle("open");
  button.setAttribute("aria-expanded", String(open));
  if (open) opened.add(id);
  else opened.delete(id);
}

function outside(call, act) {
  const id = call.conversation_id;
  const choice = (label, onclick, focus) => h("button", { type: "button", class: "quiet", onclick, data: { focus } }, label);
  const recorded = call.recording === "active";
  return h("div", { class: "outside" },
    h("span", { class: "note" }, "In Genesys:"),
    call.secure_pause ? choice("End secure pause", () => act.call(id, "resume"), "secure")
      : choice("Secure pause", () => act.call(id, "secure_pause"), "secure"),
    choice(recorded ? "Stop recording" : "Start recording", () => act.call(id, "recording", { on: !recorded }), "recording"),
    call.mechanism === "policy" ? null : choice("Record by policy", () => act.call(id, "policy"), "policy"),
    choice(call.snippet ? "Snippet off" : "Snippet on", () => act.call(id, "snippet", { on: !call.snippet }), "snippet"),
    handOver(call, act, choice),
    choice("Add an agent", () => act.call(id, "join"), "join"),
    choice("End call", () => act.call(id, "hang_up"), "end"));
}

/** What agents do to give a call away: at once, or after they have talked to the other one. */
function handOver(call, act, choice) {
  const id = call.conversation_id;
  if (call.ringing) return choice("Answer", () => act.call(id, "answer"), "transfer");
  if (call.consulting) {
    return [choice("Complete transfer", () => act.call(id, "complete"), "consult"),
      choice("End consult", () => act.call(id, "cancel"), "cancel")];
  }
  if (!call.agents.length) return null;
  return [choice("Transfer", () => act.call(id, "transfer"), "transfer"), choice("Consult", () => act.call(id, "consult"), "consult")];
}

function facts(call) {
  const said = [call.queue, call.media === "chat" ? "web chat" : call.direction, MECHANISM[call.mechanism], call.secure_pause && "secure pause",
    call.consulting && "consult", call.ringing && "ringing", call.snippet && "snippet", call.protected && "kept"];
  return said.filter(Boolean).join(" · ");
}

function render(call, act) {
  const id = call.conversation_id;
  const live = call.state !== "ended";
  const agents = (call.agents ?? []).map((agent) => agent.name);
  const who = agents.join(", ") || call.agent || "No agent";
  const named = `the ${call.media === "chat" ? "chat" : "call"} of ${who}`;
  const folded = !(opened.has(id) && live);
  return h("li", { class: `call ${live ? "live" : "over"}${folded ? "" : " open"}`, data: { id } },
    h("div", { class: "call-head" },
      h("span", { class: "direction" }, icon(call.direction === "outbound" ? "outbound" : "inbound")),
      h("span", { class: "agent", title: who }, who),
      call.state === "held" ? h("span", { class: "state state-held" }, icon("hold"), "On hold") : null,
      live ? h("span", { class: "age", data: { since: call.started_at } }, age(call.started_at)) : h("span", { class: "age" }, "ended")),
    h("div", { class: "call-facts" },
      h("span", { class: "queue" }, facts(call)),
      h("button", {
        type: "button", class: "id", title: `Copy ${id}`, "aria-label": `Copy the id of ${named}: ${id}`, data: { focus: "copy" },
        onclick: () => act.copy(id),
      }, id.slice(0, 8), icon("copy"))),
    live ? h("div", { class: "call-states" }, recordingState(call), tools(call, named, act)) : null,
    live && call.media !== "chat" ? outside(call, act) : null);
}

/**
 * Bring the list in line: calls with an agent, the newest first, then those that wait, chats, and what is over.
 * `act`: compose(verb, id), copy(id), call(id, what, body).
 */
export function showCalls(list, calls, act) {
  const order = (call) => (call.state === "ended" ? 3 : call.media === "chat" ? 2 : call.agents.length ? 0 : 1);
  const sorted = [...calls].sort((one, other) => order(one) - order(other) || other.started_at - one.started_at);
  reconcile(list, sorted, (call) => call.conversation_id, (call) => render(call, act));
}
