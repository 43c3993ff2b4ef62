// The dialog that a button with a `confirm` object opens first. The element is modal, so the browser keeps the focus
// inside, closes it on Escape and gives the focus back.

import { h } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";

/** Ask; resolves to true only when the person confirms. */
export function askFirst(question, names) {
  const dialog = h("dialog", { class: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
    h("form", { method: "dialog" },
      h("h2", { id: "confirm-title" }, plain(question.title?.text ?? "Are you sure?")),
      h("div", { id: "confirm-text", class: "confirm-text" }, textObject(question.text, names)),
      h("div", { class: "confirm-actions" },
        h("button", { class: "kit-button default", value: "deny", autofocus: true }, plain(question.deny?.text ?? "Cancel")),
        h("button", { class: `kit-button ${question.style === "danger" ? "danger solid" : "primary"}`, value: "confirm" },
          plain(question.confirm?.text ?? "Yes")))));
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "confirm");
    });
    dialog.showModal();
  });
}
