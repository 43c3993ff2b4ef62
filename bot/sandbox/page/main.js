// Puts the page together: one state from the server, one small state of its own, and everything drawn from the two.

import { follow, post } from "./api.js";
import { showCalls } from "./calls.js";
import { Composer } from "./composer.js";
import { askFirst } from "./confirm.js";
import { betweenPresses, setAhead, startClock } from "./dom.js";
import { countOn, showFaults } from "./faults.js";
import { showHealth } from "./health.js";
import { showHome } from "./home.js";
import { arrowsLead, menuButton } from "./menu.js";
import { MORE, showMessages, visible } from "./messages.js";
import { Modal } from "./modal.js";
import { plain } from "./mrkdwn.js";
import { showLanguage, showPeople, typists } from "./people.js";
import { HOME, Places } from "./places.js";
import { showSituations } from "./situations.js";
import { Tour } from "./tour.js";

const AUDIT = "C0AUDIT";
const FLOOR = "C0FLOOR";
const AGENTS = ["Priya Nair", "Jonas Keller", "Mei Tanaka", "Omar Haddad", "Lucía Romero", "Tom Okafor"];
const QUEUES = ["Billing", "Retention", "Technical support", "Claims"];
const find = (selector) => document.querySelector(selector);

let state = null;
const view = { person: sessionStorage.getItem("person"), place: FLOOR, faults: "genesys", pending: new Set(), calls: 0 };

const names = {
  person: (id) => state?.slack.people.find((person) => person.id === id)?.name,
  channel: (id) => state?.slack.channels.find((channel) => channel.id === id)?.name,
  group: (id) => state?.slack.groups?.find((group) => group.id === id)?.handle,
  locale: () => (state?.slack.people.find((person) => person.id === view.person)?.locale === "de-DE" ? "de-DE" : "en-GB"),
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
    else if (result.acked) say(`${what}: the bot answered in ${Math.max(1, Math.round(result.seconds * 1000))} ms`, "good");
    else say(`${what}: the bot did not answer${result.error ? ` (${result.error.replaceAll("_", " ")})` : ""}`, "bad");
  } catch (error) {
    say(`${what}: ${error.message}`, "bad");
  }
}

async function act(path, body) {
  try {
    await post(path, body);
    return true;
  } catch (error) {
    say(error.message, "bad");
    return false;
  }
}

/** Use an element of a message or view: ask first where it wants that, then `send(value)`, once at a time. */
async function use(key, { element, selected, value }, send) {
  if (view.pending.has(key)) return;
  const asked = selected?.confirm ?? element.confirm;
  if (asked && !(await askFirst(asked, names))) return;
  const label = plain((selected ?? element).text?.text) || "Selection";
  if (element.url) window.open(element.url, "_blank", "noopener");
  view.pending.add(key);
  draw();
  await deliver(`“${label}”`, ...send(value ?? selected?.value ?? null));
  view.pending.delete(key);
  drawNews();
}

const press = (channel, message, used) => use(message.ts, used, (value) => ["/api/click", {
  user: view.person, channel, ts: message.ts, action_id: used.element.action_id, block_id: used.block.block_id ?? null, value,
}]);

const actInView = (shown, used, values = {}) => use(shown.id, used, (value) => ["/api/view/act", {
  user: view.person, view_id: shown.id, action_id: used.element.action_id, block_id: used.block.block_id, value, values,
}]);

async function searchInView(shown, element, typed) {
  const answer = await post("/api/view/options", { user: view.person, view_id: shown.id, action_id: element.action_id, typed });
  if (answer.error) say(`Options: ${answer.error.replaceAll("_", " ")}`, "bad");
  return answer.options;
}

const shortcutsOf = (type) => (state?.slack.shortcuts ?? []).filter((one) => one.type === type);

const useShortcut = ({ name, callback_id }, where = {}) => deliver(`“${name}”`, "/api/shortcut", { user: view.person, callback_id, ...where });

function drawChannel(list, channel) {
  showMessages(list, visible(state.slack.messages[channel] ?? [], view.person), {
    author, names, pending: (ts) => view.pending.has(ts), press: (message, used) => press(channel, message, used),
    shortcuts: shortcutsOf("message"), use: (message, shortcut) => useShortcut(shortcut, { channel, ts: message.ts }),
  });
}

function goTo(place) {
  view.place = place;
  draw();
  if (place === HOME) deliver("Home", "/api/home", { user: view.person });
}

function become(person) {
  view.person = person;
  sessionStorage.setItem("person", person);
  view.place = places.landing(view.place, state.slack, person);
  draw();
  if (view.place === HOME) deliver("Home", "/api/home", { user: person });
}

function drawPlace() {
  const { slack } = state;
  const home = view.place === HOME;
  places.show(find("#tabs"), slack, view.person, view.place, goTo);
  find("#home").hidden = !home;
  find("#room").hidden = home;
  find("#composer").hidden = home;
  if (home) {
    const pending = view.pending.has(slack.homes[view.person]?.id);
    showHome(find("#home-view"), slack.homes[view.person], { names, press: actInView, search: searchInView, pending });
    return;
  }
  const floor = find("#floor");
  floor.dataset.channel = view.place;
  find("#room").setAttribute("aria-label", view.place === FLOOR ? "Messages in the floor channel" : "Direct messages with record-bot");
  drawChannel(floor, view.place);
}

function draw() {
  if (!state) return;
  const { slack, genesys, bot } = state;
  if (!typists(slack.people).some((person) => person.id === view.person)) view.person = typists(slack.people)[0]?.id;
  view.place = places.landing(view.place, slack, view.person);
  places.note(slack, view.person, view.place);
  showPeople(find("#people"), slack.people, view.person, become, (person) => places.unread(slack, person));
  showLanguage(find("#language"), slack.people.find((person) => person.id === view.person));
  showHealth(find("#bot"), bot, (what) => act(`/api/bot/${what}`));
  drawPlace();
  drawChannel(find("#audit"), AUDIT);
  find("#typing").textContent = names.person(view.person) ?? "";
  find("#live-count").textContent = `${genesys.calls.filter((call) => call.state !== "ended").length} live`;
  showCalls(find("#calls"), [...genesys.calls, ...genesys.chats], callActions);
  drawFaults();
  modal.show(slack.views[view.person]?.at(-1) ?? null);
}

const genesysTraffic = ({ requests, rate_limit: limit }) =>
  `${requests.total} requests, ${limit.count} of ${limit.allowed} this minute`;

function slackTraffic({ requests, connection, warnings }) {
  const sockets = `${connection.connected} socket${connection.connected === 1 ? "" : "s"} connected`;
  const reached = connection.transport === "http" ? "delivers over HTTP" : sockets;
  const complaint = warnings.length ? ` · warning: ${warnings.at(-1)}` : "";
  return `${requests.total} requests, ${reached}${complaint}`;
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
  compose: (verb, id) => {
    if (view.place === HOME) goTo(FLOOR);
    composer.fill(`/record ${verb} ${id} `);
  },
  copy: async (id) => {
    await navigator.clipboard.writeText(id).then(() => say(`Copied ${id}`), () => say(`The id is ${id}`));
  },
  call: (id, what, body = {}) => act(`/api/calls/${id}/${what}`, body),
};

const places = new Places(FLOOR, AUDIT, (words) => {
  find("#news").textContent = words;
});

const modal = new Modal({
  submit: (values) => deliver("Form", "/api/view/submit", { user: view.person, values }),
  close: () => act("/api/view/close", { user: view.person }),
  search: searchInView,
  act: actInView,
  lost: () => find(view.place === HOME ? "#home" : "#command").focus(),
}, names);

const composer = new Composer(find("#composer"), (text) =>
  deliver(`/record ${text.split(/\s/)[0]}`.trim(), "/api/command", { user: view.person, channel: view.place, text }),
(text) => {
  say("");
  return act("/api/message", { user: view.person, channel: view.place, text });
});

find("#bolt").replaceWith(menuButton({
  label: "Shortcuts", sign: "bolt", items: () => shortcutsOf("global").map((one) => ({ ...one, key: one.callback_id })),
  choose: (shortcut) => useShortcut(shortcut), attributes: { id: "bolt" },
}));
find("#language").addEventListener("change", (event) => act("/api/locale", { user: view.person, locale: event.target.value }));
for (const list of [find("#floor"), find("#audit")]) arrowsLead(list, MORE);

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

const tour = new Tour(find("#tour"));
find("#tour-start").addEventListener("click", (event) => tour.open(event.currentTarget));
showSituations(find("#situations"), { state: () => state, act, say });

const drawNews = betweenPresses(draw);
follow((fresh) => {
  if (!state) requestAnimationFrame(() => tour.offer());
  state = fresh;
  setAhead(fresh.ahead ?? 0);
  drawNews();
}, (up) => {
  document.body.classList.toggle("cut-off", !up);
  find("#cut-off").hidden = up;
});
startClock();
