// The state of the bot's process, and the buttons that stop, kill and start it.

import { h, icon, reconcile } from "./dom.js";

const WORDS = {
  ready: "Ready", starting: "Starting…", not_ready: "Not ready", stopping: "Stopping…", stopped: "Stopped", killed: "Killed",
  exited: "Crashed",
};

function title(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

/** What /readyz says of each part: its name, whether it is usable, and what is wrong with it. */
function checks(readyz) {
  return Object.entries(readyz?.parts ?? {}).map(([name, part]) => ({
    name: title(name), ok: part.ok, words: part.ok ? "" : part.problem ?? "",
  }));
}

function line({ name, ok, words }) {
  return h("li", { class: ok ? "check ok" : "check bad" },
    h("span", { class: "mark", "aria-hidden": "true" }, ok ? "✓" : "!"),
    h("span", {}, name, h("span", { class: "unseen" }, ok ? ": ok" : ": problem"),
      words ? h("span", { class: "note" }, words) : null));
}

function control(label, sign, title, enabled, onclick, key) {
  return { key, label, sign, title, enabled, onclick };
}

/** Bring the panel in line; `act(what)` is kill, stop or start. */
export function showHealth(panel, bot, act) {
  panel.querySelector(".bot-state").dataset.state = bot.state;
  panel.querySelector(".bot-word").textContent = WORDS[bot.state] ?? bot.state;
  const place = bot.transport === "http" ? "HTTP" : "Socket Mode";
  panel.querySelector(".bot-facts").textContent = bot.running ? `${place} · PID ${bot.pid}`
    : bot.state === "exited" ? bot.last_words : place;
  reconcile(panel.querySelector(".checks"), bot.running ? checks(bot.readyz) : [], ({ name }) => name, line);
  const controls = [
    control("Start bot", "play", "Start the bot", !bot.running, () => act("start"), "start"),
    control("Stop bot", "stop", "Ask the bot to stop (SIGTERM): it finishes what it has begun", bot.running, () => act("stop"), "stop"),
    control("Kill bot (kill -9)", "plug", "Kill the bot at once (SIGKILL), in the middle of its work",
      bot.running, () => act("kill"), "kill"),
  ];
  reconcile(panel.querySelector(".bot-controls"), controls, ({ key }) => key, (item) => h("button", {
    type: "button", title: item.title, disabled: !item.enabled, onclick: item.onclick, data: { focus: item.key, bot: item.key },
  }, icon(item.sign), item.label), ({ enabled }) => String(enabled));
}
