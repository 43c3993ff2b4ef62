// Puts the page together: one state from the server, one small state of its own, and everything drawn from the two.

import { follow, post } from "./api.js";
import { showCalls } from "./calls.js";
import { Composer } from "./composer.js";
import { askFirst } from "./confirm.js";
import { h, reconcile, startClock } from "./dom.js";
import { countOn, showFaults } from "./faults.js";
import { showHealth } from "./health.js";
import { showMessages, visible } from "./messages.js";
import { Modal } from "./modal.js";
import { plain } from "./mrkdwn.js";
import { showPeople, typists } from "./people.js";

const AUDIT = "C0AUDIT";
const FLOOR = "C0FLOOR";
const AGENTS = ["Priya Nair", "Jonas Keller", "Mei Tanaka", "Omar Haddad", "Lucía Romero", "Tom Okafor"];
const QUEUES = ["Billing", "Retention", "Technical support", "Claims"];
const find = (selector) => document.querySelector(selector);

let state = null;
const view = { person: sessionStorage.getItem("person"), channel: FLOOR, faults: "genesys", pending: new Set(), calls: 0 };

const names = {
  person: (id) => state?.slack.people.find((person) => person.id === id)?.name,
  channel: (id) => state?.slack.channels.find((channel) => channel.id === id)?.name,
  group: (id) => state?.slack.groups?.find((group) => group.id === id)?.handle,
};

function author(id) {
  const place = state.slack.people.findIndex((person) => person.id === id);
  const person = state.slack.people[place];
  return { id, place, name: person?.name ?? id, bot: Boolean(person?.is_bot) };
}

function say(text, kind = "") {
  const line = find("#delivery");
  line.className = `delivery ${kind}`;
  line.textContent = text;
}

async function deliver(what, path, body) {
  say(`${what}: waiting for the bot…`, "waiting");
  try {
    const result = await post(path, body);
    if (result.sent === false) say("");
    else if (result.acked) say(`${what}: acknowledged in ${Math.max(1, Math.round(result.seconds * 1000))} ms`, "good");
    else say(`${what}: not acknowledged${result.error ? ` (${result.error.replaceAll("_", " ")})` : ""}`, "bad");
  } catch (error) {
    say(`${what}: ${error.message}`, "bad");
  }
}

async function act(path, body) {
  try {
    await post(path, body);
  } catch (error) {
    say(error.message, "bad");
  }
}

async function press(channel, message, { element, block, selected }) {
  if (view.pending.has(message.ts)) return;
  const asked = selected?.confirm ?? element.confirm;
  if (asked && !(await askFirst(asked, names))) return;
  const label = plain((selected ?? element).text?.text) || "Choice";
  if (element.url) window.open(element.url, "_blank", "noopener");
  view.pending.add(message.ts);
  draw();
  await deliver(`“${label}”`, "/api/click", {
    user: view.person, channel, ts: message.ts, action_id: element.action_id, block_id: block.block_id ?? null,
    value: selected?.value ?? null,
  });
  view.pending.delete(message.ts);
  draw();
}

function drawChannel(list, channel) {
  showMessages(list, visible(state.slack.messages[channel] ?? [], view.person), {
    author, names, pending: (ts) => view.pending.has(ts), press: (message, use) => press(channel, message, use),
  });
}

function tabs() {
  const mine = state.slack.channels.filter((channel) => channel.id !== AUDIT
    && (channel.kind === "im" ? channel.members.includes(view.person) : channel.id === FLOOR || channel.members.includes(view.person)));
  if (!mine.some((channel) => channel.id === view.channel)) view.channel = FLOOR;
  return mine.map((channel) => ({
    id: channel.id, current: channel.id === view.channel,
    label: channel.kind === "im" ? "Direct message" : `# ${channel.name}`,
  }));
}

function draw() {
  if (!state) return;
  const { slack, genesys, bot } = state;
  if (!typists(slack.people).some((person) => person.id === view.person)) view.person = typists(slack.people)[0]?.id;
  showPeople(find("#people"), slack.people, view.person, (person) => {
    view.person = person;
    sessionStorage.setItem("person", person);
    draw();
  });
  showHealth(find("#bot"), bot, (what) => act(`/api/bot/${what}`));
  reconcile(find("#tabs"), tabs(), (tab) => tab.id, (tab) => h("button", {
    type: "button", class: "channel-tab", "aria-pressed": String(tab.current), data: { focus: "tab" },
    onclick: () => {
      view.channel = tab.id;
      draw();
    },
  }, tab.label));
  find("#floor").dataset.channel = view.channel;
  drawChannel(find("#floor"), view.channel);
  drawChannel(find("#audit"), AUDIT);
  find("#typing").textContent = names.person(view.person) ?? "";
  find("#live-count").textContent = `${genesys.calls.filter((call) => call.state !== "ended").length} live`;
  showCalls(find("#calls"), [...genesys.calls, ...genesys.chats], callActions);
  drawFaults();
  modal.show(slack.views[view.person]?.at(-1) ?? null);
}

const genesysTraffic = ({ requests, rate_limit: limit }) =>
  `${requests.total} requests so far, ${limit.count} of ${limit.allowed} this minute`;

function slackTraffic({ requests, connection, warnings }) {
  const sockets = `${connection.connected} socket${connection.connected === 1 ? "" : "s"} open`;
  const reached = connection.transport === "http" ? "delivers over HTTP" : sockets;
  const complaint = warnings.length ? ` · it complains: ${warnings.at(-1)}` : "";
  return `${requests.total} requests so far, ${reached}${complaint}`;
}

function drawFaults() {
  for (const system of ["genesys", "slack"]) {
    const faults = state[system].faults;
    const tab = find(`#faults-tab-${system}`);
    tab.setAttribute("aria-selected", String(view.faults === system));
    tab.tabIndex = view.faults === system ? 0 : -1;
    tab.querySelector(".count").textContent = countOn(faults) || "";
    const panel = find(`#faults-${system}`);
    panel.hidden = view.faults !== system;
    showFaults(panel.firstElementChild, system, faults, (where, name, body) => act(`/api/faults/${where}/${name}`, body));
  }
  find("#traffic").textContent = view.faults === "genesys" ? genesysTraffic(state.genesys) : slackTraffic(state.slack);
}

const callActions = {
  compose: (verb, id) => composer.fill(`/record ${verb} ${id} `),
  copy: async (id) => {
    await navigator.clipboard.writeText(id).then(() => say(`Copied ${id}`), () => say(`The id is ${id}`));
  },
  call: (id, what, body = {}) => act(`/api/calls/${id}/${what}`, body),
};

const modal = new Modal({
  submit: (values) => deliver("Form", "/api/view/submit", { user: view.person, values }),
  close: () => act("/api/view/close", { user: view.person }),
  search: async (action_id, typed) => {
    const answer = await post("/api/view/options", { user: view.person, action_id, typed }).catch(() => ({ options: [] }));
    return answer.options;
  },
  act: ({ element, block, selected }) => deliver(`“${plain(element.text?.text)}”`, "/api/view/act", {
    user: view.person, action_id: element.action_id, block_id: block.block_id, value: selected?.value ?? null,
  }),
}, names);

const composer = new Composer(find("#composer"), (text) =>
  deliver(`/record ${text.split(/\s/)[0]}`.trim(), "/api/command", { user: view.person, channel: view.channel, text }));

find("#new-call").addEventListener("click", () => {
  const turn = view.calls++;
  act("/api/calls", {
    agent: AGENTS[turn % AGENTS.length], queue: QUEUES[turn % QUEUES.length], direction: turn % 3 === 2 ? "outbound" : "inbound",
  });
});

for (const system of ["genesys", "slack"]) {
  const choose = (chosen) => {
    view.faults = chosen;
    draw();
    find(`#faults-tab-${chosen}`).focus();
  };
  const tab = find(`#faults-tab-${system}`);
  tab.addEventListener("click", () => choose(system));
  tab.addEventListener("keydown", (event) => {
    if (["ArrowLeft", "ArrowRight"].includes(event.key)) choose(system === "genesys" ? "slack" : "genesys");
  });
}

follow((fresh) => {
  state = fresh;
  draw();
}, (up) => {
  document.body.classList.toggle("cut-off", !up);
  find("#cut-off").hidden = up;
});
startClock();
